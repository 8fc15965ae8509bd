"""``python -m psihash_client.demo FOLDER``: two agencies on this machine, from cards to receipts.

Both work through the ordinary commands, each with a server process of its own, on lists that are
made up for the occasion. Everything that they learn is compared with the truth in clear text,
which the generator of the lists knows without any of psihash's readers. Exit code 0 only if all
of it agrees; 1 if anything differs or fails; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from psihash.psi import registry
from psihash.terms import AlgorithmId, Rung
from psihash.testing import Agency, ListFile, generate
from psihash_client.demo_agency import DemoAgency, DemoError, free_ports, new_folder
from psihash_client.labels import algorithm_name, plural
from psihash_client.output import table

LAYOUTS: Final = (
    ("vics-2.0-us", "icse", "plain-md5"),
    ("vics-2.0-uk", "table", "griffeye", "plain-sha1"),
)
NAMES: Final = {
    "vics-2.0-us": "Operation Lantern",
    "icse": "ICSE extract",
    "plain-md5": "Old seizures",
    "vics-2.0-uk": "National library",
    "table": "Analyst's table",
    "griffeye": "Operation Nordwind",
    "plain-sha1": "Seized server",
}
"""What the agencies call their lists."""

ITEMS: Final = (1_500, 2_200)
OVERLAP: Final = 0.15
ALGORITHMS: Final = (AlgorithmId.MD5, AlgorithmId.SHA1)
COUNTRIES: Final = {"nl-police": "NL", "de-police": "DE"}

Document = dict[str, Any]


@dataclass(frozen=True)
class Truth:
    """What one agency holds, in clear text: every file has a number, the same at both agencies."""

    numbers: dict[AlgorithmId, dict[bytes, int]]
    """By algorithm: each digest, and the number of its file."""
    identified: set[int]
    """Files whose victim this agency has identified."""

    @classmethod
    def of(cls, agency: Agency) -> Truth:
        numbers: dict[AlgorithmId, dict[bytes, int]] = {name: {} for name in ALGORITHMS}
        identified = set()
        for held in agency.files:
            for item in held.items():
                for name in set(ALGORITHMS) & set(held.recipe.algorithms(item)):
                    numbers[name][item.digest(name)] = item.index
                if held.recipe.sha1_conflict(item):
                    numbers[AlgorithmId.SHA1][item.other_sha1] = item.index
                if held.recipe.states_flags and held.holdings.voice.about(item).victim_identified:
                    identified.add(item.index)
        return cls(numbers, identified)

    def common(self, other: Truth, name: AlgorithmId) -> set[bytes]:
        return self.numbers[name].keys() & other.numbers[name].keys()

    def matching(self, other: Truth) -> set[int]:
        """Files that both hold with a digest of the same algorithm."""
        return {self.numbers[n][digest] for n in ALGORITHMS for digest in self.common(other, n)}

    def all_files(self) -> set[int]:
        return {number for each in self.numbers.values() for number in each.values()}

    def alone(self, other: Truth) -> list[bytes]:
        """Digests that the other agency does not hold."""
        return [digest for n in ALGORITHMS for digest in self.numbers[n].keys() - other.numbers[n]]


@dataclass(frozen=True)
class Side:
    """One agency of the demo: its program, its lists, and the truth about it."""

    agency: DemoAgency
    lists: Agency
    truth: Truth

    @property
    def id(self) -> str:
        return self.agency.id


class Checks:
    """What was compared with the truth so far."""

    def __init__(self) -> None:
        self.lines: list[tuple[bool, str]] = []

    def equal(self, what: str, found: object, expected: object) -> None:
        self.lines.append((found == expected, what))

    @property
    def good(self) -> bool:
        return all(good for good, _ in self.lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m psihash_client.demo", description=__doc__)
    parser.add_argument("folder", type=Path, help="where everything goes; an earlier demo's is new")
    folder: Path = parser.parse_args(arguments).folder
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _require_engine()
        new_folder(folder)
        checks = _run(folder)
    except DemoError as problem:
        print(f"\nThe demo ends here: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Both servers have ended.", file=sys.stderr)
        return 130
    return 0 if checks.good else 1


def _require_engine() -> None:
    engines = registry.default()
    if not engines.installed():
        reasons = "; ".join(f"{name}: {why}" for name, why in engines.missing.items())
        raise DemoError(f"this installation has no engine to match with ({reasons})")


def _run(folder: Path) -> Checks:
    began = time.monotonic()
    nl, de = _make_up(folder)
    checks = Checks()
    _title("2. Each agency makes its home and accepts the other's card")
    _meet(folder, nl, de)
    _title("3. Each imports its own lists; nothing leaves its home")
    for side in (nl, de):
        _import(folder, side, checks)
    _title("4. Both answer")
    with nl.agency.serving(), de.agency.serving():
        _title("5. One proposes, the other reads the page and approves")
        agreement = _agree(nl, de)
        _title("6. What would it cost, how many match, and which are they?")
        preflight = nl.agency.run("preflight", de.id, "--agreement", agreement)
        counts = _match(nl, de, agreement, Rung.COUNT)
        results = _match(nl, de, agreement, Rung.RECORDS)
    _report(nl, de, counts, results)
    _check(checks, nl, de, counts, results)
    _not_learned(checks, nl, de, preflight)
    for side in (nl, de):
        verdict = side.agency.run("audit", "verify")
        checks.equal(f"the log of {side.id} is whole and unedited", verdict["ok"], True)
    _verdict(checks, time.monotonic() - began)
    _write_readme(folder, agreement, results[0]["session"])
    return checks


def _title(text: str) -> None:
    print(f"\n{text}", flush=True)


# -- what the agencies do --------------------------------------------------------------------------


def _make_up(folder: Path) -> tuple[Side, Side]:
    _title("1. Made-up lists for two agencies, in the formats that their tools write")
    seed = secrets.randbelow(10**6)
    scenario = generate(folder / "lists", seed, items=ITEMS, overlap=OVERLAP, layouts=LAYOUTS)
    sides = [
        Side(DemoAgency(lists.id, folder / lists.id, port), lists, Truth.of(lists))
        for lists, port in zip(scenario.agencies, free_ports(2), strict=True)
    ]
    for side in sides:
        files = ", ".join(held.path.name for held in side.lists.files)
        print(f"  {side.id}: {plural(len(side.truth.all_files()), 'item')} in {files}")
    return sides[0], sides[1]


def _meet(folder: Path, nl: Side, de: Side) -> None:
    cards = []
    for side in (nl, de):
        words = ["--agency", side.id, "--name", f"Police of {COUNTRIES[side.id]}"]
        words += ["--country", COUNTRIES[side.id], "--endpoint", side.agency.endpoint]
        side.agency.run("init", *words, "--contact", f"desk@{side.id}.example")
        card = folder / f"{side.id}-card.json"
        document = side.agency.run("peer", "card")
        card.write_text(json.dumps(document, indent=2) + "\n")
        cards.append((str(card), document["fingerprint"]))
    for side, (card_file, fingerprint) in ((nl, cards[1]), (de, cards[0])):
        side.agency.run("peer", "add", card_file, "--fingerprint", fingerprint)


def _import(folder: Path, side: Side, checks: Checks) -> None:
    for held in side.lists.files:
        name = NAMES[held.recipe.name]
        words = ["--collection", name, "--kind", held.kind.value]
        place = held.path.relative_to(folder)
        shown = shlex.join(["import", str(place), *words])
        (report,) = side.agency.run("import", str(held.path), *words, shown=shown)["imports"]
        side.agency.collections.append(name)
        found = {n: report[n] for n in ("rows", "items", "refusals", "exclusions")}
        checks.equal(f"{side.id} read {name} as it was written", found, _as_written(held))


def _as_written(held: ListFile) -> Document:
    return {
        "rows": held.tally.rows,
        "items": held.item_count,
        "refusals": {reason.value: count for reason, count in held.tally.refusals.items()},
        "exclusions": len(held.tally.excluded),
    }


def _agree(nl: Side, de: Side) -> str:
    words = ["--purpose", "Find victims that the other side has identified"]
    words += ["--case", "NL-2026-17", "--legal-basis", "Wet politiegegevens, art. 17a"]
    words += ["--rung", "records", "--learn", "both", "--algorithm", *ALGORITHMS]
    words += ["--collection", *nl.agency.collections]
    agreement: str = nl.agency.run("agreement", "propose", de.id, *words)["agreement"]
    page = de.agency.run("agreement", "show", agreement)["page"]
    print(f"    What we learn: {page['What we learn']}")
    words = ["--case", "DE-99", "--legal-basis", "BKAG, section 26"]
    words += ["--collection", *de.agency.collections]
    view = de.agency.run("agreement", "approve", agreement, *words)
    if not (view["status"] == "active" and view["delivered"]):
        raise DemoError("the agreement did not come about")
    return agreement


def _match(nl: Side, de: Side, agreement: str, rung: Rung) -> tuple[Document, Document]:
    """One session; its result at both sides."""
    began = time.monotonic()
    ours = nl.agency.run("match", de.id, "--agreement", agreement, "--rung", rung)
    print(f"    {time.monotonic() - began:.1f} seconds", flush=True)
    return ours, de.agency.run("session", "show", ours["session"])


# -- what they learned -----------------------------------------------------------------------------


def _report(
    nl: Side, de: Side, counts: tuple[Document, Document], results: tuple[Document, Document]
) -> None:
    _title("What each holds, and how many of those the other holds too")
    rows = [
        (side.id, algorithm_name(name), part["own"], part["matched"])
        for side, count in zip((nl, de), counts, strict=True)
        for name, part in count["algorithms"].items()
    ]
    _table(("agency", "digests", "held", "also there"), rows)
    print("  Session 1 (rung count) told both sides these numbers, and not which ones.")
    for side, other, result in ((nl, de, results[0]), (de, nl, results[1])):
        first = [item for item in result["items"] if item["identified_there_open_here"]]
        _title(f"FIRST for {side.id}: {plural(len(first), 'item')} identified there and open here")
        headers = ("their series", "their collection", "country", "ask", "our collection", "items")
        _table(headers, [(*names, count) for names, count in _series(first).most_common(12)])
        print(f"  All in all {plural(len(result['items']), 'item')} of {side.id}", end="")
        print(f" are also at {other.id}: rung records told which.")
    both = nl.truth.all_files() & de.truth.all_files()
    missed = len(both - nl.truth.matching(de.truth))
    print(
        f"  Another {plural(missed, 'file')} that both hold cannot be found: one has only its MD5"
    )
    print("  and the other only its SHA-1. A zero is not evidence of absence.")


def _series(items: Iterable[Document]) -> Counter[tuple[str, ...]]:
    """How many of the items stand where: their series and collection, and ours."""
    found: Counter[tuple[str, ...]] = Counter()
    for item in items:
        found.update(set(_places(item)))
    return found


def _places(item: Document) -> Iterator[tuple[str, ...]]:
    for record in item["records"]:
        for verdict in record["verdicts"]:
            if verdict["victim_identified"]:
                series = ", ".join(verdict["series"]) or "-"
                told = (series, record["collection"], verdict["country"] or "-")
                yield (*told, record["contact"] or "-", ", ".join(item["collections"]))


def _table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    for line in table(headers, rows):
        print(f"  {line}")


def _not_learned(checks: Checks, nl: Side, de: Side, preflight: Document) -> None:
    _title("What the other side did NOT learn")
    for side, other, whose in ((nl, de, "own"), (de, nl, "peer")):
        alone = side.truth.alone(other.truth)
        rest = side.truth.all_files() - side.truth.matching(other.truth)
        found, size = _search(other.agency.home, alone)
        print(
            f"  {other.id} learned nothing about {len(rest):,} other items of {side.id}: not one of"
        )
        print(f"    their {len(alone):,} digests is in its home ({size / 1e6:.1f} MB searched).")
        told = [
            f"up to {part[f'{whose}_size_class']:,} {algorithm_name(name)}"
            for name, part in preflight["algorithms"].items()
        ]
        print(f"    Of how many there are it knows a size class only: {', '.join(told)}.")
        checks.equal(f"no digest that only {side.id} holds is at {other.id}", found, 0)


def _search(folder: Path, digests: Sequence[bytes]) -> tuple[int, int]:
    """How often any of the digests stands in any file below, raw or as hex; bytes searched."""
    forms = [
        form for raw in digests for form in (raw, raw.hex().encode(), raw.hex().upper().encode())
    ]
    by_head: dict[bytes, list[bytes]] = {}
    for form in forms:
        by_head.setdefault(form[:8], []).append(form)
    heads = np.frombuffer(b"".join(sorted(by_head)), dtype=np.uint64)
    found = size = 0
    for path in (each for each in sorted(folder.rglob("*")) if each.is_file()):
        data = path.read_bytes()
        size += len(data)
        for shift in range(min(8, max(0, len(data) - 7))):
            words = np.frombuffer(
                data, dtype=np.uint64, offset=shift, count=(len(data) - shift) // 8
            )
            for place in 8 * np.flatnonzero(np.isin(words, heads)) + shift:
                head = data[place : place + 8]
                found += any(data.startswith(form, int(place)) for form in by_head[head])
    return found, size


# -- is it true? -----------------------------------------------------------------------------------


def _check(
    checks: Checks,
    nl: Side,
    de: Side,
    counts: tuple[Document, Document],
    results: tuple[Document, Document],
) -> None:
    for side, other, count, result in (
        (nl, de, counts[0], results[0]),
        (de, nl, counts[1], results[1]),
    ):
        own, there = side.truth, other.truth
        numbers = {
            name.value: {"own": len(own.numbers[name]), "matched": len(own.common(there, name))}
            for name in ALGORITHMS
        }
        checks.equal(f"{side.id}, rung count: numbers", count["algorithms"], numbers)
        checks.equal(f"{side.id}, rung count: no item", count.get("items", []), [])
        checks.equal(f"{side.id}, rung records: numbers", result["algorithms"], numbers)
        matching = own.matching(there)
        found = [_number(own, item) for item in result["items"]]
        checks.equal(f"{side.id}, rung records: which items", sorted(found), sorted(matching))
        checks.equal(f"{side.id}: how many items", result["matched_items"], len(matching))
        first = {_number(own, i) for i in result["items"] if i["identified_there_open_here"]}
        expected = (matching & there.identified) - own.identified
        checks.equal(f"{side.id}: which are identified there and open here", first, expected)
    for one, other_side in (counts, results):
        checks.equal("both hold the same receipt", one["receipt"], other_side["receipt"])


def _number(truth: Truth, item: Document) -> int | None:
    """The number of the file that an item of a result is."""
    for name in ALGORITHMS:
        if name in item["digests"]:
            return truth.numbers[name].get(bytes.fromhex(item["digests"][name]))
    return None


def _verdict(checks: Checks, seconds: float) -> None:
    _title("Compared with the truth in clear text")
    for good, what in checks.lines:
        print(f"  {'ok     ' if good else 'DIFFERS'}  {what}")
    result = "All of it is true" if checks.good else "SOMETHING DIFFERS"
    print(f"\n{result}. The demo took {seconds:.0f} seconds.")


def _write_readme(folder: Path, agreement: str, session: str) -> None:
    program = Path(sys.executable).with_name("psihash")
    with contextlib.suppress(ValueError):
        program = program.relative_to(Path.cwd())
    place, short = shlex.quote(str(folder)), session[:12]
    text = f"""\
Two agencies that know each other and have matched twice: nl-police and de-police.
The next demo replaces this folder. The lists in lists/ are made up.

Paste this into a shell (bash or zsh) where you started the demo, and go on from there:

    nl() {{ {shlex.quote(str(program))} --home {place}/nl-police "$@"; }}
    de() {{ {shlex.quote(str(program))} --home {place}/de-police "$@"; }}

    nl status
    nl collection list
    nl agreement show {agreement[:12]}
    nl session list
    nl session show {short}
    de session show {short}
    nl export {short} --format vics --out {place}/for-griffeye.json
    nl export {short} --format csv --out {place}/for-a-spreadsheet.csv
    nl audit show --session {short}
    nl audit verify

Match again: one reachable side is enough.

    de serve &
    sleep 5
    nl match de-police --agreement {agreement[:12]} --rung items
    kill %1

The passphrases of the signing keys are in nl-police/passphrase and de-police/passphrase.
"""
    (folder / "README.txt").write_text(text)
    print(f"Both homes are in {folder}; {folder / 'README.txt'} has commands to go on with.")


if __name__ == "__main__":
    sys.exit(main())
