"""Statistics by peer and purpose, counted from the stores."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import BinaryIO

from psihash.agreement.terms import parse_terms
from psihash.agreement.times import format_time, parse_time, whole_seconds
from psihash.audit.event import Event
from psihash.export.statistics import Cell, PurposeRow, Statistics, write_csv
from psihash.export.statistics_html import page
from psihash.node import outfile
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.node.people.roles import use_case
from psihash.node.records import climbing_figures, contribution_figures, figures
from psihash.node.watching import finding
from psihash.session.row_state import RowState
from psihash.storage import case_figures
from psihash.storage.central_runs import ANSWERS, ASKS
from psihash.storage.kept import Figure
from psihash.storage.sessions import SessionRow
from psihash.storage.times import normal
from psihash.storage.watches import WatchRow

SESSIONS = "sessions"
RUNS = "runs against a central set"
MATCHED = "matched items"
HITS = "hits"
ASKED = "follow-ups asked"
ANSWERED = "follow-ups answered"
OUTCOMES = "outcomes of follow-ups"
RECEIVED = "corrections received"
SENT = "corrections sent"
EXPORTS = "exports"

GIVEN = contribution_figures.GIVEN
TAKEN_IN = contribution_figures.TAKEN_IN

GROUPS = (
    SESSIONS, RUNS, MATCHED, HITS, ASKED, ANSWERED, OUTCOMES, EXPORTS, RECEIVED, SENT, GIVEN,
    TAKEN_IN,
)  # fmt: skip
"""In the order in which they are shown."""

_SIDES = {"asker": ASKED, "answerer": ANSWERED}
_RUN_SIDES = {ASKS: "by us", ANSWERS: "by them"}
_NOTICES = {"receiver": RECEIVED, "sender": SENT}


@dataclass(slots=True)
class _Tally:
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    times: defaultdict[tuple[str, str], list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, group: str, what: str, number: int = 1, seconds: int | None = None) -> None:
        self.counts[group, what] += number
        if seconds is not None:
            self.times[group, what].append(seconds)

    def cells(self) -> Iterator[Cell]:
        for group, what in sorted(self.counts, key=lambda key: (GROUPS.index(key[0]), key[1])):
            times = self.times.get((group, what))
            median = median_low(times) if times else None
            yield Cell(group, what, self.counts[group, what], median)


_Tallies = defaultdict[tuple[str, str], _Tally]


@use_case("statistics")
def collect(
    node: Node, peer: str | None = None, *, since: str | None = None, internal: bool = False
) -> Statistics:
    """Count everything with ``peer`` or with all peers; sessions that were opened, and exports and
    corrections that were made, at ``since`` (RFC 3339) or later.

    Raises NotFoundError ``unknown-peer``, InputError ``bad-time``. Logged: it is a look at results.
    """
    if peer is not None:
        peers.require(node, peer)
    start = None if since is None else format_time(parse_time(since))
    rows = [
        row
        for row in node.stores.sessions.all(peer=peer)
        if start is None or whole_seconds(row.opened) >= start
    ]
    node.record(Event.CONSULTATION, {"what": "statistics", "sessions": len(rows)})
    tallies: _Tallies = defaultdict(_Tally)
    purposes = _Purposes(node)
    _count_sessions(tallies, purposes, rows)
    _count_figures(tallies, purposes, rows, figures.of(node, rows))
    _count_exports(node, tallies, purposes, peer, start)
    _count_corrections(node, tallies, peer, start)
    _count_watches(node, tallies, purposes, peer, start)
    contributed = contribution_figures.count(node, peer, start)
    for each in contributed.figures:
        what, number = each.what, each.number
        tallies[each.peer, purposes.of(each.agreement)].add(each.group, what, number)
    return Statistics(
        agency=node.agency,
        since=start,
        until=node.stamp(),
        rows=tuple(
            PurposeRow(*key, tuple(tally.cells())) for key, tally in sorted(tallies.items())
        ),
        internal=internal,
        contributed=contributed.lines,
    )


class _Purposes:
    """The purpose that an agreement states."""

    def __init__(self, node: Node) -> None:
        self._node, self._known = node, dict[str, str]()

    def of(self, agreement: str) -> str:
        if agreement not in self._known:
            terms = parse_terms(self._node.stores.agreements.get(agreement).terms)
            self._known[agreement] = terms.purpose
        return self._known[agreement]

    def key(self, row: SessionRow | WatchRow) -> tuple[str, str]:
        return row.peer, self.of(row.agreement)


def _count_sessions(tallies: _Tallies, purposes: _Purposes, rows: Iterable[SessionRow]) -> None:
    for row in rows:
        over = RowState(row.state).is_over
        state = row.state if over else "under way"
        tallies[purposes.key(row)].add(SESSIONS, f"{row.rung.value}, {state}")


def _count_figures(
    tallies: _Tallies,
    purposes: _Purposes,
    rows: Iterable[SessionRow],
    found: Iterable[Figure],
) -> None:
    keys = {row.id: purposes.key(row) for row in rows}
    for figure in climbing_figures.once(rows, found):
        group, what = _place(figure)
        tallies[keys[figure.session]].add(group, what, figure.number, figure.seconds)


def _place(figure: Figure) -> tuple[str, str]:
    match figure.kind:
        case figures.MATCHED:
            return MATCHED, "all"
        case figures.HIT:
            return HITS, figure.outcome
        case figures.OUTCOME:
            return OUTCOMES, figure.outcome
    return _SIDES[figure.kind.removeprefix(figures.FOLLOW_UP)], figure.outcome


def _count_exports(
    node: Node, tallies: _Tallies, purposes: _Purposes, peer: str | None, since: str | None
) -> None:
    stored = node.stores.exports
    made = stored.all(peer=peer, since=since) + stored.of_watches(peer=peer, since=since)
    for row in made:
        tallies[purposes.key(_exported(node, row.session))].add(EXPORTS, row.format)


def _exported(node: Node, whose: str) -> SessionRow | WatchRow:
    """The session, or the watch, that an export is of; both stay when their results go."""
    if finding.is_watch(whose):
        return finding.find(node, whose)
    return node.stores.sessions.get(whose)


def _count_corrections(node: Node, tallies: _Tallies, peer: str | None, since: str | None) -> None:
    """By peer alone: one notice may reach sessions of several purposes."""
    for each in case_figures.notices(node.stores.database, peer=peer, since=since):
        took = figures.seconds_between(each.began, each.resolved)
        tallies[each.peer, ""].add(_NOTICES[each.side], each.action or "open", 1, took)


def _count_watches(
    node: Node, tallies: _Tallies, purposes: _Purposes, peer: str | None, since: str | None
) -> None:
    """Runs against central sets; of watches, as long as these are here, what is also there by the
    newest run, and what people decided about hits."""
    for (who, agreement, side), number in node.stores.central_runs.counts(since, peer).items():
        tallies[who, purposes.of(agreement)].add(RUNS, _RUN_SIDES[side], number)
    watches = {row.id: row for row in node.stores.watches.all() if peer in (None, row.peer)}
    for row in watches.values():
        newest = row.last_slot or ""
        if row.matched_items is not None and (since is None or newest >= normal(since)):
            tallies[purposes.key(row)].add(MATCHED, "standing queries", row.matched_items)
    for (whose, verdict), number in node.stores.hits.counts(since).items():
        if whose in watches:
            tallies[purposes.key(watches[whose])].add(HITS, verdict, number)


def write(node: Node, statistics: Statistics, fmt: str, out: Path) -> Path:
    """Write statistics as ``csv`` or ``html``; the entry stands before the file does."""
    outfile.stands(out)

    def fill(stream: BinaryIO) -> None:
        if fmt == "csv":
            write_csv(statistics, stream)
        else:
            stream.write(page(statistics))

    def record(_: None) -> None:
        facts = {"what": "statistics", "format": fmt, "internal": statistics.internal}
        node.record(Event.EXPORT, facts)

    outfile.write(out, fill, record)
    return out
