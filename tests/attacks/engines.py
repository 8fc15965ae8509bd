"""Dishonest senders of ``openmined-p256/1``: right frames around whatever they like."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from psihash.psi.encoding import Bytes2D, elements
from psihash.psi.engine import (
    EngineProperties,
    Items,
    Outcome,
    Party,
    Progress,
    Rng,
    RunSecret,
    RunTerms,
)
from psihash.psi.engines import openmined_library as library
from psihash.psi.engines.openmined import OpenminedEngine
from psihash.terms import Role, Rung
from tests.psi import reference_p256 as ref
from tests.psi.hostile import Points, rows_of


def points_of(rows: Bytes2D) -> Points:
    return [row.tobytes() for row in rows]


class ForgedSender:
    """One run. Subclasses say which points are its setup and what it answers."""

    def __init__(self, items: Items, terms: RunTerms) -> None:
        self.items, self.terms = items, terms
        self.library = library.Sender(reveal=terms.rung is Rung.ITEMS)
        self.wire = ref.Wire(
            "session", terms.context_id, terms.run, terms.rung, terms.own_size, terms.peer_size
        )
        self.outcome: Outcome | None = None

    @property
    def progress(self) -> Progress:
        return Progress(0, 0)

    def masked(self) -> Points:
        """The honest setup over the own list, ascending."""
        terms = self.terms
        own = elements(terms.context_kind, terms.context_id, terms.run, self.items.tokens)
        return sorted(points_of(self.library.mask(own)))

    def multiplied(self, request: Points) -> Points:
        """The honest answers, in the order of the request (at ``items``)."""
        return points_of(self.library.answer(rows_of(request)))

    def setup(self) -> Points:
        return self.masked()

    def answers(self, request: Points) -> Points:
        return self.multiplied(request)

    def start(self) -> Iterator[bytes]:
        yield from self.wire.frames(ref.SETUP, self.setup())

    def receive(self, frame: bytes) -> Iterator[bytes]:
        request = self.wire.points(ref.REQUEST, [frame])
        yield from self.wire.frames(ref.RESPONSE, self.answers(request))
        self.outcome = Outcome()


Make = Callable[[Items, RunTerms], Party]


class DishonestEngine:
    """The honest engine but for its senders."""

    def __init__(self, sender: Make) -> None:
        self._honest, self._sender = OpenminedEngine(), sender

    @property
    def id(self) -> str:
        return self._honest.id

    @property
    def properties(self) -> EngineProperties:
        return self._honest.properties

    def secret(self, rung: Rung) -> RunSecret | None:
        return self._honest.secret(rung)

    def party(
        self, role: Role, items: Items, terms: RunTerms, rng: Rng, secret: RunSecret | None = None
    ) -> Party:
        if role is Role.SENDER:
            return self._sender(items, terms)
        return self._honest.party(role, items, terms, rng, secret)
