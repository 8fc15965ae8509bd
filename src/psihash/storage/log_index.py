"""The index of the log: facts of entries in columns, written in the step that writes the entry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from psihash.audit.entry import StoredEntry
from psihash.audit.event import Event
from psihash.storage.tables import log_entries
from psihash.storage.tables_oversight import log_index

_BATCH: Final = 2_000
_ENDS: Final = (Event.SESSION_REFUSED.value, Event.SESSION_ABORT.value)
RESULT: Final = "result"
"""What a receipt discloses where the peer learns the result."""

_NUMBERS: Final = ("matches", "records", "hits")
_NUMBERS_OF: Final = {
    Event.CONTRIBUTION.value: ("items",),
    Event.CENTRAL_PUBLISHED.value: ("added",),
}
_WHATS: Final = ("what", "step", "kind")
_CODES: Final = ("code", "verdict")
_FACTS: Final = tuple(
    column.name
    for column in log_index.c
    if column.name not in ("seq", "event", "time", "registers")
)


def add(connection: Connection, stored: StoredEntry) -> None:
    """Index an entry that was just appended; in its transaction."""
    row = row_of(stored)
    if row["event"] in _ENDS and row["session"] is not None:
        known = sa.select(log_index.c.seq).where(
            log_index.c.session == row["session"], log_index.c.registers
        )
        row["registers"] = connection.execute(known.limit(1)).first() is None
    connection.execute(log_index.insert().values(**row))


def fill(connection: Connection) -> None:
    """Index all entries of a log that has no index yet."""
    start, seen = 0, set[str]()
    while True:
        columns = log_entries.c
        query = sa.select(log_entries).where(columns.seq >= start, columns.seq < start + _BATCH)
        rows = connection.execute(query.order_by(columns.seq)).all()
        if not rows:
            return
        made = [row_of(_stored(row)) | {"seq": row.seq} for row in rows]
        for each in made:
            session = each["session"]
            if each["registers"] and session is not None:
                each["registers"] = session not in seen
                seen.add(session)
        connection.execute(log_index.insert(), made)
        start += len(rows)


def forget(connection: Connection, start: int, stop: int) -> None:
    """Erase the facts of the entries ``start <= seq < stop``; their bodies go in the same step."""
    connection.execute(
        log_index.update()
        .where(log_index.c.seq >= start, log_index.c.seq < stop)
        .values(dict.fromkeys(_FACTS))
    )


def row_of(stored: StoredEntry) -> dict[str, Any]:
    """The row of one entry. What has not the form of an entry has no facts: to say so is for the
    verification of the log."""
    header = _object(stored.header)
    shared, local = _object(stored.shared), _object(stored.local)
    event = str(header.get("event", ""))
    approved = _mapping(local.get("approved_by"))
    row: dict[str, Any] = {
        "seq": header.get("seq"),
        "event": event,
        "time": str(header.get("time", "")),
        "registers": event == Event.SESSION_OPEN.value or event in _ENDS,
        "session": _text(shared.get("session")) or _text(local.get("session")),
        "peer": _text(local.get("peer")),
        "agreement": _text(local.get("agreement")),
        "request": _text(local.get("request")) or _text(approved.get("request")),
        "operator": _text(_mapping(local.get("actor")).get("name")),
        "approver": _approver(approved),
        "purpose": _text(local.get("purpose")),
        "case_reference": _text(local.get("case")),
        "rung": _text(local.get("rung")),
        "role": _text(local.get("role")),
        "code": _first(local, _CODES),
        "what": _what(event, shared, local),
        "recipient": _text(local.get("recipient")),
        "handling": _text(local.get("handling")),
        "number": _number([shared, local], _NUMBERS_OF.get(event, _NUMBERS)),
    }
    own, peer = _classes(shared.get("size_classes"), row["role"])
    return row | {"own_class": own, "peer_class": peer}


def _approver(approved: Mapping[str, Any]) -> str | None:
    if not approved:
        return None
    return _text(approved.get("name")) or _text(approved.get("role")) or _text(approved.get("by"))


def _what(event: str, shared: Mapping[str, Any], local: Mapping[str, Any]) -> str | None:
    """For a result whether the peer has it too."""
    if event == Event.SESSION_RECEIPT.value:
        own_alone = local.get("learn") == local.get("role")
        return None if own_alone else RESULT
    return _text(shared.get("what")) or _first(local, _WHATS)


def _classes(value: Any, role: str | None) -> tuple[int | None, int | None]:
    """The largest size class of our side and of theirs."""
    if not isinstance(value, list) or len(value) != 2:
        return None, None
    initiator, responder = (
        max((n for n in _mapping(side).values() if isinstance(n, int)), default=None)
        for side in value
    )
    return (responder, initiator) if role == "responder" else (initiator, responder)


def _first(facts: Mapping[str, Any], names: Iterable[str]) -> str | None:
    return next((text for name in names if (text := _text(facts.get(name)))), None)


def _number(parts: Iterable[Mapping[str, Any]], names: Iterable[str]) -> int | None:
    found = (part.get(name) for part in parts for name in names)
    return next((n for n in found if isinstance(n, int) and not isinstance(n, bool)), None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _object(part: bytes | None) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(part or b"{}"))
    except (ValueError, RecursionError):
        return {}


def _stored(row: Any) -> StoredEntry:
    return StoredEntry(
        row.header, row.leaf_hash, row.shared, row.shared_blind, row.local, row.local_blind
    )
