"""What a central set costs: publishing, download, evaluation with proofs, and a night's run.

``make figures`` runs it; some minutes on two cores. ``python benchmarks/figures_central.py 100``
tries it with lists a hundred times shorter; the figures then say nothing. FIGURES_LARGE=1 goes up
to 10^7 items: a quarter of an hour more, 4 GB of memory and 5 GB of disk.

Each size has a process of its own, so that its peak of memory is its own; both parties are in it,
and every message goes through its bytes. Processor time is that of all threads, so "per item and
core" does not depend on how many there are.
"""

from __future__ import annotations

import os
import resource
import subprocess
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
    if words[:1] == ["size"]:
        _set(Path(words[1]), int(words[2]))
        return 0
    divisor = int(words[0]) if words else 1
    group = building.own_group()
    print(f"the central set, {group.name}, {os.cpu_count()} cores")
    _evaluation(max(MEMBER // divisor, 100))
    sizes = [10**4, 10**5, 10**6, *([10**7] if os.environ.get("FIGURES_LARGE") == "1" else [])]
    print()
    print("            publish               download  first   delta of 1,100  night   night")
    print("     items  us/item*core  wall s   B/item   run s   at the centre s  run s  asked  peak")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            words = ["size", folder, str(max(size // divisor, 1_000))]
            done = subprocess.run([sys.executable, __file__, *words], check=False)
            if done.returncode:
                return done.returncode
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


def _set(folder: Path, size: int) -> None:
    """One centre of ``size`` items and one member of 10,000, half of them in common."""
    centre, own = Homes.make(folder / "homes").open(folder)
    overlap = min(MEMBER, size) // 2
    stays = size - REMOVED
    _hold(centre, "theirs", range(stays))
    _hold(centre, "leaving", range(stays, size))
    _hold(own, "ours", range(size - overlap, size + MEMBER - overlap))
    agreement = agree(own, centre, ["ours"], ["theirs"]).id
    setting_up.init(centre)
    _, publish = measured(lambda: publishing.publish(centre))
    published = centre.stores.publications.latest(centre.agency)
    assert published is not None
    first, started = _run(own, centre, agreement, None)
    assert first.matched_items == overlap
    # The night: 1,000 come, 100 of them known to the member; 100 go, all of them hits.
    _hold(centre, "leaving", [0], replace=True)
    _hold(centre, "theirs", range(size + MEMBER, size + MEMBER + ADDED))
    _hold(own, "ours", range(size + MEMBER, size + MEMBER + REMOVED))
    _, delta = measured(lambda: publishing.publish(centre))
    second, night = _run(own, centre, agreement, first.state)
    assert (second.matched_items, second.new_items) == (overlap, REMOVED)
    per_item, download = 1e6 * publish.cores / size, started.pages / size
    print(
        f"{size:>10,}  {per_item:>12.2f}  {publish.wall:>6.1f}  {download:>8.1f}"
        f"  {started.spent.wall:>7.2f}  {delta.wall:>17.2f}  {night.spent.wall:>5.2f}"
        f"  {second.asked:>5}  {_peak():.1f} GB",
        _ok(per_item <= 10 and download <= 32) if size >= 10**6 else "",
        flush=True,
    )
    for node in (centre, own):
        node.close()


def _peak() -> float:
    """The most memory that this process had, in GB; of both parties and of making the lists."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


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


def _ok(met: bool) -> str:
    return "ok" if met else "NOT MET"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
