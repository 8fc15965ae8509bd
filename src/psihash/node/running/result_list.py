"""Results as an analyst's list: the most urgent first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.running import sessions
from psihash.session.result import SessionResult
from psihash.storage import result_marks
from psihash.storage.result_marks import Mark, ResultRow

PAGE_ROWS: Final = 50
OPENED_AT_ONCE: Final = 5
"""Results that a look at the list opens to see how urgent they are; the next look opens more."""


@dataclass(frozen=True, slots=True)
class ResultPage:
    rows: list[ResultRow]
    total: int
    unread: int
    """Results of which is not yet known how urgent they are; at most so many are counted."""


@use_case("session show")
def listing(
    node: Node, peer: str = "", page: int = 0, *, by_time: bool = False, rows: int = PAGE_ROWS
) -> ResultPage:
    """A page of the results that are here. Needs the node's keys."""
    mark(node, OPENED_AT_ONCE)
    database = node.stores.database
    return ResultPage(
        result_marks.listing(database, peer, rows, page * rows, by_time=by_time),
        result_marks.count(database, peer),
        len(result_marks.unmarked(database, PAGE_ROWS)),
    )


def mark(node: Node, most: int) -> int:
    """Open results that nobody has opened and note how urgent they are; returns how many. One that
    cannot be read counts as not urgent: what is wrong with it is said where it is shown."""
    marks = []
    for session in result_marks.unmarked(node.stores.database, most):
        try:
            result = sessions.result(node, session)
        except (errors.PsihashError, ValueError, LookupError):
            marks.append(Mark(session, 0, 0))
        else:
            marks.append(Mark(session, result.matched_items_min or 0, urgent(result)))
    if marks:
        result_marks.put(node.stores.database, marks)
    return len(marks)


def urgent(result: SessionResult) -> int:
    """Items with a victim identified there and open here."""
    if not any(result.items.records):
        return 0
    return sum(item.identified_there_open_here for item in result.items)
