"""What the demo tells its reader at the end."""

from __future__ import annotations

import shlex
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from psihash_client.demo_truth import ALGORITHMS, Checks, Document, Learned, Side, search
from psihash_client.labels import algorithm_name, plural
from psihash_client.output import table


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def remark(text: str) -> None:
    """What came of a command."""
    _wrapped(text, "    ")


def _wrapped(text: str, indent: str = "  ") -> None:
    filled = textwrap.fill(text, 96, initial_indent=indent, subsequent_indent=indent)
    print(filled, flush=True)


def show_numbers(sides: Sequence[tuple[Side, Learned]]) -> None:
    """What each holds, and how many of those the other holds too."""
    title("What each holds, and how many of those the other holds too")
    rows = [
        (side.id, algorithm_name(name), part["own"], part["matched"])
        for side, learned in sides
        for name, part in learned.count["algorithms"].items()
    ]
    _table(("agency", "digests", "held", "also there"), rows)
    _wrapped("The session at rung count told both sides these numbers, and not which ones.")


def show_first(side: Side, other: Side, learned: Learned) -> None:
    """The series that the other side has identified and this side has not."""
    first = learned.identified_there_open_here()
    title(f"FIRST for {side.id}: {plural(len(first), 'item')} identified there and open here")
    headers = ("items", "their series", "country", "in their", "in our", "ask")
    _table(headers, list(_series_rows(first)))
    _wrapped(
        f"All in all {plural(len(learned.records['items']), 'item')} of {side.id} "
        f"are also at {other.id}; the session at rung records told which."
    )


def _series_rows(items: Sequence[Document]) -> Iterator[tuple[object, ...]]:
    """One row per series, the largest first."""
    by_series: dict[str, list[Document]] = defaultdict(list)
    for item in items:
        for label in {name for said in _identifying(item) for name in said["series"]} or {"-"}:
            by_series[label].append(item)
    for label, found in sorted(by_series.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        records = [record for item in found for record in item["records"]]
        yield (
            len(found),
            label,
            _joined({said["country"] for item in found for said in _identifying(item)}),
            _joined({record["collection"] for record in records}),
            _joined({name for item in found for name in item["collections"]}),
            _joined({record["contact"] for record in records}),
        )


def _identifying(item: Document) -> Iterator[Document]:
    for record in item["records"]:
        yield from (said for said in record["verdicts"] if said["victim_identified"])


def _joined(texts: set[str | None]) -> str:
    return ", ".join(sorted(text for text in texts if text)) or "-"


def show_missed(side: Side, other: Side) -> None:
    """What no session could find, and why."""
    title("What neither could find")
    missed = (side.truth.files() & other.truth.files()) - side.truth.matching(other.truth)
    names = " or ".join(algorithm_name(name) for name in ALGORITHMS)
    _wrapped(
        f"{plural(len(missed), 'more file')} at both: the two hold no digest of the same algorithm "
        f"({names}) of them. A zero is not evidence of absence."
    )


def show_not_learned(checks: Checks, side: Side, other: Side, classes: dict[str, int]) -> None:
    """What the other side did not learn about this one, looked for in the other side's home."""
    alone = side.truth.alone(other.truth)
    rest = side.truth.files() - side.truth.matching(other.truth)
    found, size = search(other.agency.home, alone)
    checks.equal(f"no digest that only {side.id} holds is at {other.id}", found, 0)
    sizes = ", ".join(f"at most {n:,} {algorithm_name(name)}" for name, n in classes.items())
    where = "not one stands" if not found else f"BUT {found:,} STAND"
    _wrapped(
        f"{other.id} did not learn the {plural(len(rest), 'other item')} of {side.id}: of their "
        f"{len(alone):,} digests {where} in its home ({size / 1e6:.1f} MB searched). How many "
        f"there are it knows by size classes only: {sizes}."
    )


def show_verdict(checks: Checks, seconds: float) -> None:
    """Every comparison with the truth, and the sum of them."""
    title("Compared with the truth in clear text, which the generator of the lists knows")
    for good, what in checks.lines:
        print(f"  {'ok     ' if good else 'DIFFERS'}  {what}")
    wrong = sum(not good for good, _ in checks.lines)
    result = f"{plural(wrong, 'COMPARISON')} FAILED" if wrong else "All of it is true"
    print(f"\n{result}. The demo took {seconds:.0f} seconds.")


def write_readme(folder: Path, agreement: str, session: str) -> None:
    """Leave commands to go on with in the folder."""
    place = shlex.quote(str(folder))
    text = f"""\
Two agencies that know each other and have matched twice: nl-police and de-police.
The lists in lists/ are made up. The next demo replaces this folder.

Paste this into a shell (bash or zsh) where you started the demo, and go on from there:

    nl() {{ {_program()} --home {place}/nl-police "$@"; }}
    de() {{ {_program()} --home {place}/de-police "$@"; }}

    nl status
    nl collection list
    nl agreement show {agreement}
    nl session list
    nl session show {session}
    de session show {session}
    nl export {session} --format vics --out {place}/for-griffeye.json
    nl export {session} --format csv --out {place}/for-a-spreadsheet.csv
    nl audit show --session {session}
    nl audit verify

Match again; one reachable side is enough:

    de serve &
    sleep 5
    nl match de-police --agreement {agreement} --rung items
    kill %1

The passphrases of the signing keys are in nl-police/passphrase and de-police/passphrase.
"""
    (folder / "README.txt").write_text(text)
    print(f"Both homes are in {folder}. {folder / 'README.txt'} has commands to go on with.")


def _program() -> str:
    """psihash of this environment, as it is called from the present directory."""
    program = Path(sys.executable).with_name("psihash")
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))


def _table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    for line in table(headers, rows):
        print(f"  {line}")
