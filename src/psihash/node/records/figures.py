"""The numbers behind statistics: of each session, from the stores that know them.

When a session is erased its sources are asked a last time and the numbers are kept, so that
statistics of past years stay true.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from psihash import errors
from psihash.node.node import Node
from psihash.node.running import sessions
from psihash.session.row_state import RowState
from psihash.storage import case_figures
from psihash.storage.kept import Figure
from psihash.storage.sessions import SessionRow

MATCHED: Final = "matched"
"""Items of ours that are also there: one figure a session, without an outcome."""
HIT: Final = "hit"
"""What people decided about hits; the outcome is their verdict."""
FOLLOW_UP: Final = "follow-up-"
"""And the side, ``asker`` or ``answerer``: requests by state, with the time to the answer."""
OUTCOME: Final = "outcome"
"""What came of our requests."""

Source = Callable[[Node, str], Iterable[Figure]]
"""(node, session) -> figures of a session that is not erased."""


def matched(node: Node, session: str) -> Iterator[Figure]:
    """From the sealed result, so this needs the node's keys."""
    found = sessions.result(node, session)
    if found.matched_items_min is not None:
        yield Figure(session, MATCHED, "", found.matched_items_min)


def hits(node: Node, session: str) -> Iterator[Figure]:
    for verdict, count in case_figures.hits(node.stores.database, session).items():
        yield Figure(session, HIT, verdict, count)


def follow_ups(node: Node, session: str) -> Iterator[Figure]:
    for each in case_figures.requests(node.stores.database, session):
        took = seconds_between(each.began, each.closed)
        yield Figure(session, FOLLOW_UP + each.side, each.state, 1, took)
        if each.outcome:
            yield Figure(session, OUTCOME, each.outcome, 1)


_CASEWORK: Final[tuple[Source, ...]] = (hits, follow_ups)


def of(node: Node, rows: Sequence[SessionRow]) -> list[Figure]:
    """The figures of some sessions. The count of matched items is kept when it was read once,
    because it never changes and reading it means opening the whole result."""
    found = node.stores.keeping.figures([row.id for row in rows])
    counted = {figure.session for figure in found if figure.kind == MATCHED}
    for row in rows:
        if row.erased is not None:
            continue
        for source in _CASEWORK:
            found += source(node, row.id)
        if row.state == RowState.COMPLETED and row.id not in counted:
            fresh = list(matched(node, row.id))
            node.stores.keeping.remember(row.id, fresh)
            found += fresh
    return found


def last(node: Node, row: SessionRow) -> list[Figure]:
    """The figures of a session that is about to be erased. A result that cannot be read is left
    out: damage must not keep anything from being erased."""
    found = [figure for source in _CASEWORK for figure in source(node, row.id)]
    if row.state != RowState.COMPLETED:
        return found
    try:
        return found + list(matched(node, row.id))
    except (errors.PsihashError, ValueError, LookupError):
        return found


def seconds_between(began: str, ended: str | None) -> int | None:
    """Whole seconds between two times of the store; None while there is no end."""
    if ended is None:
        return None
    first, second = (dt.datetime.fromisoformat(text) for text in (began, ended))
    return max(0, int((second - first).total_seconds()))
