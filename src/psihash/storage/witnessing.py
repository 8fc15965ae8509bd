"""Cosignatures on our log and on others', heads that peers showed, contradictions, own cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.storage.seen_heads import SeenHeads
from psihash.storage.tables_witness import (
    cosign_rounds,
    cosignatures,
    given_cosignatures,
    log_incidents,
    own_cards,
)
from psihash.storage.times import normal

UNKNOWN_INCIDENT = errors.define("unknown-incident", "no incident of that id is stored")
INCIDENT_DECIDED = errors.define("incident-decided", "the incident was decided already")


@dataclass(frozen=True, slots=True)
class CosignatureRow:
    """A cosignature on one of our own checkpoints."""

    size: int
    cosigner: str
    key_id: str
    timestamp: int
    line: bytes


@dataclass(frozen=True, slots=True)
class GivenRow:
    """A cosignature that we gave."""

    origin: str
    size: int
    root: bytes
    timestamp: int
    line: bytes
    delivered: bool = False


@dataclass(frozen=True, slots=True)
class LogIncident:
    """Two heads of one log that contradict each other, or were not proven to be of one log."""

    id: str
    agency: str
    origin: str
    kind: str
    held: bytes
    shown: bytes
    via: str
    found: str
    resolved: str | None = None
    resolver: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """When checkpoints were exchanged with someone."""

    partner: str
    tried: str
    done: str | None


class WitnessingStore(SeenHeads):
    """One agency's view of who vouches for whom."""

    # -- cosignatures on our own log ---------------------------------------------------------------

    def add_cosignature(self, row: CosignatureRow) -> None:
        """Keep a verified one; the first of a cosigner at a size stays."""
        with self._database.transaction() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO cosignatures (size, cosigner, key_id, timestamp, line)"
                    " VALUES (:size, :cosigner, :key_id, :timestamp, :line)"
                    " ON CONFLICT DO NOTHING"
                ),
                {
                    "size": row.size,
                    "cosigner": row.cosigner,
                    "key_id": row.key_id,
                    "timestamp": row.timestamp,
                    "line": row.line,
                },
            )

    def cosignatures(self, start: int = 0, stop: int | None = None) -> list[CosignatureRow]:
        """Those on checkpoints of ``start <= size < stop``, by size and cosigner."""
        columns = cosignatures.c
        query = sa.select(cosignatures).where(columns.size >= start)
        if stop is not None:
            query = query.where(columns.size < stop)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(columns.size, columns.cosigner))
            return [
                CosignatureRow(row.size, row.cosigner, row.key_id, row.timestamp, row.line)
                for row in rows
            ]

    def newest_cosignatures(self) -> list[CosignatureRow]:
        """Of each cosigner the one on our largest checkpoint."""
        columns = cosignatures.c
        newest = (
            sa.select(columns.cosigner, sa.func.max(columns.size).label("size"))
            .group_by(columns.cosigner)
            .subquery()
        )
        query = sa.select(cosignatures).join(
            newest,
            sa.and_(columns.cosigner == newest.c.cosigner, columns.size == newest.c.size),
        )
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(columns.size, columns.cosigner))
            return [
                CosignatureRow(row.size, row.cosigner, row.key_id, row.timestamp, row.line)
                for row in rows
            ]

    # -- cosignatures that we gave -----------------------------------------------------------------

    def give(self, row: GivenRow) -> None:
        """Keep a cosignature that is about to leave; the first of a size stays."""
        with self._database.transaction() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO given_cosignatures"
                    " (origin, size, root, timestamp, line, delivered)"
                    " VALUES (:origin, :size, :root, :timestamp, :line, 0) ON CONFLICT DO NOTHING"
                ),
                {
                    "origin": row.origin,
                    "size": row.size,
                    "root": row.root,
                    "timestamp": row.timestamp,
                    "line": row.line,
                },
            )

    def given(self, origin: str, size: int | None = None) -> GivenRow | None:
        """What we cosigned of a log at ``size``, or last."""
        columns = given_cosignatures.c
        query = sa.select(given_cosignatures).where(columns.origin == origin)
        if size is not None:
            query = query.where(columns.size == size)
        with self._database.reading() as connection:
            row = connection.execute(query.order_by(columns.size.desc()).limit(1)).first()
        return None if row is None else _given(row)

    def given_after(self, origin: str, timestamp: int) -> list[GivenRow]:
        """What we cosigned of a log later than ``timestamp``, by size."""
        columns = given_cosignatures.c
        query = (
            sa.select(given_cosignatures)
            .where(columns.origin == origin, columns.timestamp > timestamp)
            .order_by(columns.size)
        )
        with self._database.reading() as connection:
            return [_given(row) for row in connection.execute(query)]

    def undelivered(self, origin: str, most: int) -> list[GivenRow]:
        """The newest that the log's owner does not have yet, oldest of them first."""
        columns = given_cosignatures.c
        query = (
            sa.select(given_cosignatures)
            .where(columns.origin == origin, columns.delivered == 0)
            .order_by(columns.size.desc())
            .limit(most)
        )
        with self._database.reading() as connection:
            return [_given(row) for row in connection.execute(query)][::-1]

    def delivered(self, origin: str, sizes: list[int]) -> None:
        """The owner has these."""
        columns = given_cosignatures.c
        with self._database.transaction() as connection:
            connection.execute(
                given_cosignatures.update()
                .where(columns.origin == origin, columns.size.in_(sizes))
                .values(delivered=1)
            )

    # -- contradictions ----------------------------------------------------------------------------

    def add_incident(self, incident: LogIncident) -> bool:
        """Keep the evidence; False where these two heads are kept already."""
        with self._database.transaction() as connection:
            if self.incident(incident.id) is not None:
                return False
            connection.execute(
                log_incidents.insert().values(
                    id=incident.id,
                    agency=incident.agency,
                    origin=incident.origin,
                    kind=incident.kind,
                    held=incident.held,
                    shown=incident.shown,
                    via=incident.via,
                    found=normal(incident.found),
                )
            )
        return True

    def incident(self, incident: str) -> LogIncident | None:
        query = sa.select(log_incidents).where(log_incidents.c.id == incident)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _incident(row)

    def incidents(self, agency: str | None = None, *, open_only: bool = False) -> list[LogIncident]:
        """All, or those of one agency, in the order found."""
        columns = log_incidents.c
        query = sa.select(log_incidents).order_by(columns.found, columns.id)
        if agency is not None:
            query = query.where(columns.agency == agency)
        if open_only:
            query = query.where(columns.resolved.is_(None))
        with self._database.reading() as connection:
            return [_incident(row) for row in connection.execute(query)]

    def resolve(self, incident: str, now: str, resolver: str, reason: str) -> LogIncident:
        """A person decided. Raises NotFoundError ``unknown-incident``, StateError
        ``incident-decided``."""
        columns = log_incidents.c
        with self._database.transaction() as connection:
            changed = connection.execute(
                log_incidents.update()
                .where(columns.id == incident, columns.resolved.is_(None))
                .values(resolved=normal(now), resolver=resolver, reason=reason)
            )
            found = self.incident(incident)
            if found is None:
                raise errors.NotFoundError(UNKNOWN_INCIDENT, "no incident of that id is known")
            if changed.rowcount != 1:
                raise errors.StateError(INCIDENT_DECIDED, "the incident was decided already")
            return found

    # -- our own cards, and rounds -----------------------------------------------------------------

    def keep_own_card(self, version: int, card: bytes) -> None:
        """Keep a card of ours, by its version; the first one stays."""
        with self._database.transaction() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO own_cards (version, card) VALUES (:version, :card)"
                    " ON CONFLICT DO NOTHING"
                ),
                {"version": version, "card": card},
            )

    def own_cards(self) -> list[bytes]:
        """Our cards, oldest first."""
        query = sa.select(own_cards.c.card).order_by(own_cards.c.version)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def round(self, partner: str) -> Round | None:
        query = sa.select(cosign_rounds).where(cosign_rounds.c.partner == partner)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Round(row.partner, row.tried, row.done)

    def tried(self, partner: str, now: str, *, done: bool) -> None:
        """An exchange was tried now, and ended well or not."""
        with self._database.transaction() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO cosign_rounds (partner, tried, done)"
                    " VALUES (:partner, :tried, :done)"
                    " ON CONFLICT (partner) DO UPDATE SET tried = excluded.tried,"
                    " done = COALESCE(excluded.done, cosign_rounds.done)"
                ),
                {"partner": partner, "tried": normal(now), "done": normal(now) if done else None},
            )


def _given(row: Any) -> GivenRow:
    return GivenRow(row.origin, row.size, row.root, row.timestamp, row.line, bool(row.delivered))


def _incident(row: Any) -> LogIncident:
    return LogIncident(
        row.id,
        row.agency,
        row.origin,
        row.kind,
        row.held,
        row.shown,
        row.via,
        row.found,
        row.resolved,
        row.resolver,
        row.reason,
    )
