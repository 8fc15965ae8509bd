"""The auditor's tables as files for spreadsheets. Each file has its entry in the log first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from starlette.datastructures import QueryParams
from starlette.responses import Response

from psihash import errors
from psihash.node.oversight import (
    charges_over_time,
    correction_times,
    disclosures,
    exporting,
    session_list,
)
from psihash.node.oversight.session_list import Filter
from psihash_server.console import pages
from psihash_server.console.visit import BAD_FIELD, Visit

Rows = Iterator[tuple[object, ...]]


def write(visit: Visit) -> Response:
    """The table that the address names, with the filter of the form."""
    table = visit.path("table")
    if table not in TABLES:
        raise errors.NotFoundError(BAD_FIELD, "there is no such table")
    columns, make = TABLES[table]
    rows = list(make(visit, _filter(visit)))
    exporting.record(visit.node, table, len(rows))
    return pages.csv_file(table, columns, rows)


def _filter(visit: Visit) -> Filter:
    form = QueryParams([(name, text) for name, text in visit.form.multi_items() if _is(text)])
    flags = session_list.parse_flags(form.getlist("flag"))
    named = {name: form.get(name, "") for name in ("peer", "purpose", "operator", "since", "until")}
    return Filter(**named, flags=flags)


def _is(value: object) -> bool:
    return isinstance(value, str)


def _sessions(visit: Visit, wanted: Filter) -> Rows:
    for line in session_list.every(visit.node, wanted):
        row = line.row
        marks = " ".join(flag.value for flag in line.flags)
        yield (
            row.seq, row.time, row.session, row.peer, line.state, row.role, row.rung, row.purpose,
            row.case_reference, row.operator, row.approver, row.own_class, row.peer_class,
            row.code or row.outcome, row.closed, row.agreement, marks,
        )  # fmt: skip


def _ledger(visit: Visit, wanted: Filter) -> Rows:
    for each in charges_over_time.by_peer(visit.node):
        if wanted.peer in ("", each.peer):
            for month in each.months:
                yield each.peer, month.month, month.sessions, month.elements


def _disclosures(visit: Visit, wanted: Filter) -> Rows:
    for each in disclosures.summed(visit.node, wanted):
        yield each.handling, each.kind, each.recipient, each.times, each.number


def _corrections(visit: Visit, wanted: Filter) -> Rows:
    for line in correction_times.of(visit.node, wanted.peer).lines:
        row = line.row
        yield (
            row.id, row.peer, row.side, row.reason, row.state, line.began, row.due, row.action,
            row.resolved, line.hours, "yes" if line.overdue else "no",
        )  # fmt: skip


TABLES: Final[dict[str, tuple[tuple[str, ...], Callable[[Visit, Filter], Rows]]]] = {
    "sessions": (
        (
            "entry", "time", "session", "peer", "state", "our_role", "rung", "purpose", "case",
            "opened_by", "approved_by", "our_size_class", "their_size_class", "outcome", "closed",
            "agreement", "marks",
        ),
        _sessions,
    ),
    "ledger": (("peer", "month", "sessions", "elements"), _ledger),
    "disclosures": (("handling_code", "kind", "recipient", "times", "number"), _disclosures),
    "corrections": (
        (
            "correction", "peer", "side", "reason", "state", "began", "due", "action", "resolved",
            "hours", "overdue",
        ),
        _corrections,
    ),
}  # fmt: skip
"""Name, columns, rows. docs/console.md lists them."""
