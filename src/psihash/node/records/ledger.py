"""What sessions were charged: by peer, agreement and collection, against what the terms allow."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from psihash.agreement.charges import period_start
from psihash.agreement.state import Agreement
from psihash.agreement.terms import Terms
from psihash.agreement.times import add_days, format_time, parse_time, whole_seconds
from psihash.node.agreeing import agreements, documents
from psihash.node.node import Node
from psihash.node.peering import peers

_BEGINNING = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Budget:
    """One number of the terms and how it is used in the current period."""

    allowed: int
    used: int

    @property
    def left(self) -> int:
        return max(0, self.allowed - self.used)


@dataclass(frozen=True, slots=True)
class Renewal:
    """The period slides, so what was used comes back bit by bit: the oldest session first."""

    at: str
    """The first second in which the oldest session of the period no longer counts."""
    sessions: int
    elements: int
    """What is free again from then on."""


@dataclass(frozen=True, slots=True)
class Used:
    """Sums of charges."""

    sessions: int
    runs: int
    elements: int


@dataclass(frozen=True, slots=True)
class CollectionUse:
    """One collection, ours or the peer's, under the agreement's pseudonym."""

    id: str
    owner: str
    name: str | None
    """Of ours, while the agreement is kept; the peer's names are not known."""
    period: Used
    total: Used


@dataclass(frozen=True, slots=True)
class AgreementUse:
    """The ledger of one agreement."""

    agreement: str
    peer: str
    status: str
    period_days: int
    period_since: str
    sessions: Budget
    elements: Budget
    renewal: Renewal | None
    """None where nothing was used in the current period."""
    period: Used
    total: Used
    """Since ``since``, or over all time."""
    since: str | None
    collections: tuple[CollectionUse, ...]


def view(
    node: Node, peer: str | None = None, *, agreement: str | None = None, since: str | None = None
) -> list[AgreementUse]:
    """The ledger, by peer and agreement; of one peer, or of the one agreement whose id begins with
    ``agreement``. ``since`` (RFC 3339) bounds the sums that are not of the current period.

    Raises NotFoundError for an unknown peer or agreement, InputError for a bad time.
    """
    if peer is not None:
        peers.require(node, peer)
    start = _BEGINNING if since is None else format_time(parse_time(since))
    wanted = None if agreement is None else agreements.find(node, agreement).id
    rows = [
        row for row in node.stores.agreements.all(peer=peer) if wanted is None or row.id == wanted
    ]
    rows.sort(key=lambda row: (row.peer, row.created, row.id))
    return [_use(node, row.id, row.peer, start, since) for row in rows]


def _use(node: Node, agreement: str, peer: str, start: str, since: str | None) -> AgreementUse:
    loaded = documents.load(node, agreement)
    terms, now, ledger = loaded.terms, node.stamp(), node.stores.ledger
    period = period_start(now, terms.period_days)
    with node.stores.database.reading():  # one view: sums that fit each other
        totals = ledger.totals(period, agreement=agreement)
        return AgreementUse(
            agreement=agreement,
            peer=peer,
            status=loaded.state(now).status.value,
            period_days=terms.period_days,
            period_since=period,
            sessions=Budget(terms.sessions_per_period, totals.sessions),
            elements=Budget(terms.elements_per_period, totals.elements),
            renewal=_renewal(node, agreement, terms, period),
            period=_used(node, agreement, period),
            total=_used(node, agreement, start),
            since=since,
            collections=_collections(node, loaded, peer, (period, start)),
        )


def _used(node: Node, agreement: str, since: str) -> Used:
    totals = node.stores.ledger.totals(since, agreement=agreement)
    return Used(totals.sessions, node.stores.ledger.runs(agreement, since), totals.elements)


def _renewal(node: Node, agreement: str, terms: Terms, period: str) -> Renewal | None:
    oldest = node.stores.ledger.oldest(agreement, period)
    if oldest is None:
        return None
    time, elements = oldest
    # A charge counts in its last second still.
    over = parse_time(add_days(whole_seconds(time), terms.period_days))
    return Renewal(format_time(over + dt.timedelta(seconds=1)), 1, elements)


def _collections(
    node: Node, agreement: Agreement, peer: str, times: tuple[str, str]
) -> tuple[CollectionUse, ...]:
    period, total = (
        {
            row.opaque_id: Used(row.sessions, row.runs, row.elements)
            for row in node.stores.ledger.by_collection(agreement.id, since)
        }
        for since in times
    )
    names = {row.opaque_id: row.collection for row in node.stores.agreements.offered(agreement.id)}
    owners = _owners(agreement)
    nothing = Used(0, 0, 0)
    found = [
        CollectionUse(
            id=name,
            owner=owners.get(name, peer),
            name=names.get(name),
            period=period.get(name, nothing),
            total=total.get(name, nothing),
        )
        for name in sorted(period.keys() | total.keys() | names.keys())
    ]
    # Ours first.
    return tuple(sorted(found, key=lambda each: (each.owner != node.agency, each.id)))


def _owners(agreement: Agreement) -> dict[str, str]:
    """Who offers which pseudonym, by the annexes."""
    owners: dict[str, str] = {}
    for agency in agreement.terms.agencies:
        annex = agreement.annex(agency)
        owners |= {each.id: agency for each in (annex.collections if annex else ())}
    return owners
