"""The engine ``openmined-p256/1``: openmined-psi (P-256), exact, for ``count`` and ``items``.

One run, in which only the receiver learns, is three lists in a row::

    sender   -> receiver   SETUP      s*H(x), ascending
    receiver -> sender     REQUEST    c*H(y), ascending
    sender   -> receiver   RESPONSE   s*c*H(y); at items in the order of the request,
                                      at count ascending

* The request leaves only when the whole setup is here, and no answer leaves before the whole
  request is here. So the questions are fixed before the first answer, and a sender that wants to
  be seen to hold an item must have put that very item into a setup that it can no longer change.
* Every order on the wire is the order of the bytes of what is sent, over the whole list. Both keys
  are fresh in every run, so this is a fresh random order; and since the reader could sort the
  list itself, the order tells nothing about storage, frames or other runs.
* Nothing on the wire asks for a rung: both sides take it from the signed terms.

Hashing 4,096 elements or multiplying 4,096 points is one call into the library, which releases
the interpreter lock. A list takes 33 bytes an element here, and the receiver's copy of the setup
inside the library about 200: 4 GB for the largest list that is served.
"""

from __future__ import annotations

import numpy as np

from psihash import errors
from psihash.psi.encoding import BAD_LIST
from psihash.psi.engine import (
    RUNG_NOT_SERVED,
    TOKEN_BYTES,
    TOO_LARGE,
    EngineProperties,
    Items,
    Party,
    Rng,
    RunSecret,
    RunTerms,
)
from psihash.psi.engines.openmined_parties import Receiver, Sender
from psihash.terms import Role, Rung


class OpenminedEngine:
    """Makes parties. Holds no state."""

    @property
    def id(self) -> str:
        return "openmined-p256/1"

    @property
    def properties(self) -> EngineProperties:
        return EngineProperties(
            rungs=frozenset({Rung.COUNT, Rung.ITEMS}),
            both_in_one_run=False,
            security=(
                "items: a deviating receiver learns no more than by guesses in its own list; a "
                "deviating sender learns nothing, but can hide its hits and, blindly, misplace "
                "them. count: against a peer that follows the protocol; a deviating receiver "
                "learns as much as at items, a deviating sender can make up the count. Hashing "
                "to the curve is not constant-time."
            ),
            error_rate="no false positives and no false negatives",
            max_items=1 << 24,
            microseconds_per_item=160.0,
            bytes_per_item=50.0,
        )

    def secret(self, rung: Rung) -> RunSecret | None:
        """None: this engine publishes no key."""
        del rung
        return None

    def party(
        self, role: Role, items: Items, terms: RunTerms, rng: Rng, secret: RunSecret | None = None
    ) -> Party:
        """One side of one run. ``rng`` is not used: the library draws its own key, natively.

        Raises RefusedError for a rung or a size that is not served, InputError for a list that
        does not fit the terms, UnavailableError where the library is missing.
        """
        del rng, secret
        if terms.rung not in self.properties.rungs:
            raise errors.RefusedError(
                RUNG_NOT_SERVED, f"the engine {self.id} does not serve the rung '{terms.rung}'"
            )
        if max(terms.own_size, terms.peer_size) > self.properties.max_items:
            raise errors.RefusedError(
                TOO_LARGE, f"the engine {self.id} serves {self.properties.max_items} elements"
            )
        shape = (terms.own_size, TOKEN_BYTES)
        if items.tokens.shape != shape or items.tokens.dtype != np.uint8 or items.tags is not None:
            raise errors.InputError(BAD_LIST, "the list is not what the terms of the run say")
        return Sender(items, terms) if role is Role.SENDER else Receiver(items, terms)
