"""``python -m psihash_client.demo FOLDER``: two agencies on this machine, from cards to receipts.

Both work through the ordinary commands, each with a server process of its own, on lists that are
made up for the occasion. Everything that they learn is compared with the truth in clear text,
which the generator of the lists knows without any of psihash's readers. Exit code 0 only if all
of it agrees; 1 if anything differs or fails; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from psihash.psi import registry
from psihash.terms import AlgorithmId, Rung, SessionRole
from psihash.testing import Agency, ListFile, generate
from psihash_client import demo_report as report
from psihash_client.demo_agency import DemoAgency, DemoError, free_ports, new_folder
from psihash_client.demo_truth import (
    ALGORITHMS,
    Checks,
    Document,
    Learned,
    Side,
    Truth,
    check_learned,
)
from psihash_client.labels import algorithm_name, plural, short

LAYOUTS: Final = (
    ("vics-2.0-us", "icse", "plain-md5"),
    ("vics-2.0-uk", "table", "griffeye", "plain-sha1"),
)
NAMES: Final = {
    "vics-2.0-us": "Operation Lantern",
    "icse": "ICSE extract",
    "plain-md5": "Old seizures",
    "vics-2.0-uk": "National library",
    "table": "Desk 4",
    "griffeye": "Operation Nordwind",
    "plain-sha1": "Seized server",
}
"""What the agencies call their lists."""

ITEMS: Final = (1_200, 1_800)
OVERLAP: Final = 0.15
COUNTRIES: Final = {"nl-police": "NL", "de-police": "DE"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m psihash_client.demo",
        description="Two agencies on this machine, from cards to receipts, with made-up lists.",
    )
    parser.add_argument("folder", type=Path, help="replaced if an earlier demo made it")
    folder: Path = parser.parse_args(arguments).folder
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    try:
        _require_engine()
        new_folder(folder)
        checks = _run(folder)
    except (DemoError, OSError) as problem:
        print(f"\nThe demo ends here: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; nothing is left running.", file=sys.stderr)
        return 130
    return 0 if checks.good else 1


def _require_engine() -> None:
    engines = registry.default()
    if not engines.installed():
        reasons = "; ".join(engines.missing.values())
        raise DemoError(f"this machine has no engine to match with: {reasons}")


def _run(folder: Path) -> Checks:
    began, checks = time.monotonic(), Checks()
    report.title("1. Made-up lists for two agencies, in the formats that their tools write")
    (nl, nl_lists), (de, de_lists) = _make_up(folder)
    report.title("2. Each makes its home and accepts the other's card")
    _meet(folder, nl, de)
    report.title("3. Each imports its own lists; nothing leaves its home")
    nl_names = _import(folder, nl, nl_lists, checks)
    de_names = _import(folder, de, de_lists, checks)
    report.title("4. Both answer, each in a process of its own")
    with nl.agency.serving(), de.agency.serving():
        report.title("5. One proposes; the other reads the page and approves")
        agreement = _agree(nl, de, nl_names, de_names)
        report.title("6. What will it cost, how many match, and which are they?")
        _preflight(nl, de, agreement)
        count = _match(nl, de, agreement, Rung.COUNT)
        records = _match(nl, de, agreement, Rung.RECORDS)
    sides = ((nl, Learned(count[0], records[0])), (de, Learned(count[1], records[1])))
    _tell(checks, sides)
    for side, _ in sides:
        verdict = side.agency.run("audit", "verify")
        checks.equal(f"the log of {side.id} is whole and unedited", verdict["ok"], True)
    report.show_verdict(checks, time.monotonic() - began)
    report.write_readme(folder, agreement, short(records[0]["session"]))
    return checks


def _make_up(folder: Path) -> list[tuple[Side, Agency]]:
    scenario = generate(
        folder / "lists", secrets.randbelow(10**6), items=ITEMS, overlap=OVERLAP, layouts=LAYOUTS
    )
    made = []
    for lists, port in zip(scenario.agencies, free_ports(2), strict=True):
        side = Side(DemoAgency(lists.id, folder / lists.id, port), _truth(lists))
        names = ", ".join(held.path.name for held in lists.files)
        print(f"  {side.id}: {plural(len(side.truth.files()), 'file')} in {names}")
        made.append((side, lists))
    return made


def _truth(agency: Agency) -> Truth:
    """From the plan that the lists were written by; the lists are not read."""
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
    return Truth(numbers, identified)


def _meet(folder: Path, nl: Side, de: Side) -> None:
    cards = {}
    for side in (nl, de):
        words = ["--agency", side.id, "--name", f"Police of {COUNTRIES[side.id]}"]
        words += ["--country", COUNTRIES[side.id], "--endpoint", side.agency.endpoint]
        side.agency.run("init", *words, "--contact", f"desk@{side.id}.example")
        document = side.agency.run("peer", "card")
        card = folder / f"{side.id}-card.json"
        card.write_text(json.dumps(document, indent=2) + "\n")
        cards[side.id] = (str(card), "--fingerprint", str(document["fingerprint"]))
    nl.agency.run("peer", "add", *cards[de.id])
    de.agency.run("peer", "add", *cards[nl.id])


def _import(folder: Path, side: Side, lists: Agency, checks: Checks) -> list[str]:
    """Import every list of one agency; returns the names of its collections."""
    names = []
    for held in lists.files:
        name = NAMES[held.recipe.name]
        words = ["--collection", name, "--kind", held.kind.value]
        shown = shlex.join(["import", str(held.path.relative_to(folder)), *words])
        (done,) = side.agency.run("import", str(held.path), *words, shown=shown)["imports"]
        found = {key: done[key] for key in ("rows", "items", "refusals", "exclusions")}
        checks.equal(f"{side.id} reads '{name}' as it was written", found, _as_written(held))
        names.append(name)
    return names


def _as_written(held: ListFile) -> Document:
    return {
        "rows": held.tally.rows,
        "items": held.item_count,
        "refusals": {reason.value: count for reason, count in held.tally.refusals.items()},
        "exclusions": len(held.tally.excluded),
    }


def _agree(nl: Side, de: Side, nl_names: Sequence[str], de_names: Sequence[str]) -> str:
    """The first digits of an agreement that both have signed."""
    words = ["--purpose", "Find victims that the other side has identified"]
    words += ["--case", "NL-2026-17", "--legal-basis", "Wet politiegegevens, art. 17a"]
    words += ["--rung", Rung.RECORDS, "--learn", "both", "--algorithm", *ALGORITHMS]
    proposed = nl.agency.run("agreement", "propose", de.id, *words, "--collection", *nl_names)
    agreement = short(proposed["agreement"])
    page = de.agency.run("agreement", "show", agreement)["page"]
    report.remark(f"the page says: {page['What they learn']}")
    words = ["--case", "DE-99", "--legal-basis", "BKAG, section 26", "--collection", *de_names]
    approved = de.agency.run("agreement", "approve", agreement, *words)
    if not (approved["status"] == "active" and approved["delivered"]):
        raise DemoError("the agreement did not come about")
    return agreement


def _preflight(nl: Side, de: Side, agreement: str) -> None:
    view = nl.agency.run("preflight", de.id, "--agreement", agreement)
    cost = f"{plural(view['seconds'], 'second')} and {view['bytes'] / 1e6:.1f} MB"
    report.remark(f"it would take about {cost}")


def _match(nl: Side, de: Side, agreement: str, rung: Rung) -> tuple[Document, Document]:
    """One session, and its result at both sides."""
    began = time.monotonic()
    ours = nl.agency.run("match", de.id, "--agreement", agreement, "--rung", rung)
    found = ", ".join(
        f"{part['matched']:,} of {part['own']:,} {algorithm_name(name)}"
        for name, part in ours["algorithms"].items()
    )
    report.remark(f"{found} digests match ({time.monotonic() - began:.0f} seconds)")
    return ours, de.agency.run("session", "show", short(ours["session"]))


def _tell(checks: Checks, sides: Sequence[tuple[Side, Learned]]) -> None:
    (nl, of_nl), (de, of_de) = sides
    report.show_numbers(sides)
    report.show_first(nl, de, of_nl)
    report.show_first(de, nl, of_de)
    report.show_missed(nl, de)
    check_learned(checks, nl, de, of_nl)
    check_learned(checks, de, nl, of_de)
    checks.equal("count: one receipt", of_nl.count["receipt"], of_de.count["receipt"])
    checks.equal("records: one receipt", of_nl.records["receipt"], of_de.records["receipt"])
    report.title("What the other side did NOT learn")
    session = short(of_nl.records["session"])
    report.show_not_learned(checks, nl, de, _classes(de, session, of_nl.records["role"]))
    report.show_not_learned(checks, de, nl, _classes(nl, session, of_de.records["role"]))


def _classes(side: Side, session: str, role: str) -> dict[str, int]:
    """The size classes of the party with this role, as this side's own log holds them."""
    entries = side.agency.run("audit", "show", "--session", session)["entries"]
    (opened,) = [entry["shared"] for entry in entries if entry["event"] == "session-open"]
    classes: dict[str, int] = opened["size_classes"][list(SessionRole).index(SessionRole(role))]
    return classes


if __name__ == "__main__":
    sys.exit(main())
