"""What a central set costs: publishing, download, evaluation with proofs, and a night's run.

``make figures`` runs it; some minutes on two cores. ``python benchmarks/figures_central.py 100``
tries it with lists a hundred times shorter; the figures then say nothing. FIGURES_LARGE=1 goes up
to 10^7 items.

Both parties are in one process, and every message goes through its bytes. Processor time is that of
all threads, so "per item and core" does not depend on how many there are.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from psihash.central import derive
from psihash.central.questions import Questions
from psihash.hashset.model import Digest, Row
from psihash.node.central import building, member, publishing, setting_up
from psihash.node.node import Node
from psihash.psi import encoding
from psihash.psi.voprf import Mode, Server
from psihash.terms import AlgorithmId, CollectionKind
from tests.central.wire import Line, line
from tests.session.nodes import Homes, agree

MD5: Final = AlgorithmId.MD5
MEMBER: Final = 10_000
ADDED: Final = 1_000
REMOVED: Final = 100
_T = TypeVar("_T")


@dataclass
class Spent:
    """Seconds by the clock and of the processors."""

    wall: float = 0.0
    cores: float = 0.0


def measured(work: Callable[[], _T]) -> tuple[_T, Spent]:
    wall, cores = time.perf_counter(), time.process_time()
    result = work()
    return result, Spent(time.perf_counter() - wall, time.process_time() - cores)


def main(words: Sequence[str]) -> int:
    """Entry point; returns the exit code, 0 also where a figure is not what it should be."""
    divisor = int(words[0]) if words else 1
    group = building.own_group()
    print(f"the central set, {group.name}, {os.cpu_count()} cores")
    _evaluation(max(MEMBER // divisor, 100))
    sizes = [10**4, 10**5, 10**6, *([10**7] if os.environ.get("FIGURES_LARGE") == "1" else [])]
    print()
    print("     items  publish us/item*core  download B/item  first run s  delta s  night s  asked")
    with tempfile.TemporaryDirectory() as folder:
        homes = Homes.make(Path(folder) / "homes")
        for size in sizes:
            _set(homes, Path(folder), max(size // divisor, 1_000))
    return 0


def _evaluation(count: int) -> None:
    """10,000 items: blinded, evaluated, proven, verified and finalized, on all cores."""
    group = building.own_group()
    key = derive.epoch_key(group, "be-centre", 1, bytes(32))
    tokens = encoding.dummies(count, os.urandom)

    def both() -> None:
        questions = Questions(group, "be-centre", 1, key.public, tokens, count, os.urandom)
        for batch in questions.ask():
            evaluated, proof = Server(group, Mode.VOPRF, key).blind_evaluate(batch)
            questions.take(evaluated.tobytes(), proof)
        questions.roots()

    both()
    _, spent = measured(both)
    print(
        f"evaluation of {count:,} with proofs, both parties: {spent.wall:.2f} s",
        _ok(spent.wall < 2),
    )


def _set(homes: Homes, folder: Path, size: int) -> None:
    """One centre of ``size`` items and one member of 10,000, half of them in common."""
    here = folder / str(size)
    here.mkdir()
    centre, own = homes.open(here)
    overlap = min(MEMBER, size) // 2
    _hold(centre, "theirs", range(size))
    _hold(own, "ours", range(size - overlap, size + MEMBER - overlap))
    agreement = agree(own, centre, ["ours"], ["theirs"]).id
    setting_up.init(centre)
    _, publish = measured(lambda: publishing.publish(centre))
    published = centre.stores.publications.latest(centre.agency)
    assert published is not None
    first, started = _run(own, centre, agreement, None)
    assert first.matched_items == overlap
    download = started.pages
    # The night: 1,000 come, 100 of them known to the member; 100 go, all of them hits.
    gone = range(size - REMOVED, size)
    _hold(centre, "theirs", _without(size, gone), replace=True)
    _hold(centre, "theirs", range(size + MEMBER, size + MEMBER + ADDED))
    _hold(own, "ours", range(size + MEMBER, size + MEMBER + REMOVED))
    _, delta = measured(lambda: publishing.publish(centre))
    second, night = _run(own, centre, agreement, first.state)
    assert (second.matched_items, second.new_items) == (overlap, REMOVED)
    per_item = 1e6 * publish.cores / size
    print(
        f"{size:>10,}  {per_item:>20.2f}  {download / size:>15.1f}  {started.spent.wall:>11.2f}"
        f"  {delta.wall:>7.2f}  {night.spent.wall:>7.2f}  {second.asked:>5}",
        _ok(per_item <= 10 and download / size <= 32) if size >= 10**6 else "",
    )
    for node in (centre, own):
        node.close()


@dataclass
class _Run:
    spent: Spent
    pages: int


def _run(own: Node, centre: Node, agreement: str, since: Any) -> tuple[member.RunOutcome, _Run]:
    channel = line(own, centre)
    outcome, spent = measured(
        lambda: member.run_over(own, channel, agreement, ["ours"], since=since)
    )
    traffic: Line = channel  # type: ignore[assignment]
    return outcome, _Run(spent, traffic.bytes.get("Pages", 0))


def _hold(node: Node, name: str, numbers: Iterable[int], *, replace: bool = False) -> None:
    run = node.stores.holdings.begin_import(
        name, CollectionKind.CASE, replace=replace, dry_run=False, now=node.stamp()
    )
    run.add(Row((Digest(MD5, _digest(number)),)) for number in numbers)
    run.finish("rows of a figure", os.urandom(32).hex(), 0, "rows")


def _digest(number: int) -> bytes:
    return number.to_bytes(16, "big")


def _without(size: int, gone: range) -> Iterable[int]:
    return (number for number in range(size) if number not in gone)


def _ok(met: bool) -> str:
    return "ok" if met else "NOT MET"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
