"""A centre and a member in one process, what each holds in clear, and what a run must find."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from psihash.agreement.state import Agreement
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.node.central import member, publishing, setting_up
from psihash.node.central.labels import Labels
from psihash.node.central.outcome import RunOutcome, RunState
from psihash.node.node import Node
from psihash.terms import AlgorithmId, CollectionKind
from tests.central.wire import line
from tests.session.lists import digest
from tests.session.nodes import agree, row

MD5, SHA1 = AlgorithmId.MD5, AlgorithmId.SHA1
Said = tuple[str, str, bool | None, str]
"""(collection, category, identified, series)."""


def verdict(category: str = "", *, identified: bool | None = None, series: str = "") -> Verdict:
    return Verdict(
        category=Category(Dialect.UK, category) if category else None,
        victim_identified=identified,
        series=(series,) if series else (),
    )


def put(
    node: Node,
    collection: str,
    numbers: Iterable[int],
    said: Verdict | None = None,
    *,
    algorithms: tuple[AlgorithmId, ...] = (MD5,),
    replace: bool = False,
) -> None:
    """Put items into a collection; with ``replace`` nothing else stays in it."""
    run = node.stores.holdings.begin_import(
        collection, CollectionKind.CASE, replace=replace, dry_run=False, now=node.stamp()
    )
    rows = [row(number, algorithms, said) for number in numbers]
    run.add(rows)
    run.finish("rows of a test", f"{hash(tuple(r.digests for r in rows)) % 16**32:064x}", 0, "rows")


@dataclass
class Meeting:
    """Both nodes, their agreement, and the state of the member's query."""

    centre: Node
    member: Node
    agreement: Agreement
    state: RunState | None = None
    last: RunOutcome | None = None
    tamper: Callable[[str, Any, Any], Any] | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, centre: Node, member_: Node, **more: Any) -> Meeting:
        """``theirs`` and ``ours`` must be held already."""
        agreement = agree(member_, centre, ["ours"], ["theirs"], **more)
        setting_up.init(centre)
        return cls(centre, member_, agreement)

    def publish(self) -> publishing.Published:
        return publishing.publish(self.centre)

    def run(self, *names: str) -> RunOutcome:
        """One run; its state is kept for the next."""
        channel = line(self.member, self.centre, self.tamper)
        outcome = member.run_over(
            self.member, channel, self.agreement.id, names or ("ours",), since=self.state
        )
        self.counts = channel.count  # type: ignore[attr-defined]
        self.state, self.last = outcome.state, outcome
        return outcome

    def found(self) -> dict[str, set[Said]]:
        """What the last run says: by MD5, what is told about each item."""
        assert self.last is not None
        return {
            hit.item.digests[MD5]: {
                (
                    record.collection,
                    said.category.code if said.category else "",
                    said.victim_identified,
                    said.series[0] if said.series else "",
                )
                for record in hit.item.records
                for said in record.verdicts
            }
            for hit in self.last.hits
        }

    def expected(
        self, ours: Iterable[int], theirs: Iterable[tuple[str, Iterable[int], Verdict | None]]
    ) -> dict[str, set[Said]]:
        """The same, computed in clear."""
        labels = Labels(self.centre, "")
        told: dict[int, set[Said]] = {}
        for collection, numbers, said in theirs:
            verdict_ = said or Verdict()
            texts = [labels.texts[n] for n in labels.of(collection, verdict_)]
            for number in numbers:
                told.setdefault(number, set()).update(_said(text) for text in texts)
        return {digest(MD5, n).hex(): told[n] for n in ours if n in told}


def _said(text: str) -> Said:
    from psihash.central.records import parse_text

    record = parse_text(text)
    assert record is not None
    category = record.category.code if record.category else ""
    return record.collection, category, record.victim_identified, record.series


class LaterClock:
    """The machine's clock, ahead of its time."""

    def __init__(self, ahead: dt.timedelta) -> None:
        self._ahead = ahead

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self._ahead
