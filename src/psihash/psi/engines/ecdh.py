"""``ecdh-ristretto255/1``: commutative masking, with proofs at ``items`` (docs/engines.md).

Each side masks its own list with a fresh scalar and re-masks the other's; equal items end as equal
points. One run serves one learner (the receiver) or both::

    sender                     receiver
    own list  ------------->                   b * H(y_j), in a random order
              <-------------   own list        a * H(x_i), in a random order
    digest    <------------>   digest          count and series: of the whole list of answers
    answers   <------------>   answers         b * a * H(x_i), and a * b * H(y_j) where both learn

* At ``items`` the answers come in the order of the list that they answer, and every frame has a
  batched DLEQ proof under the public key in the signed transcript: nobody makes up a hit.
* At ``count`` and ``series`` no key is published and the answers are in a fresh random order over
  the whole list. No answer leaves before the digest of all of the other's answers has come, so
  nobody adapts what it returns to what it got.
* No answer at all leaves before the whole list that it belongs to is here. Where both learn, the
  answers go in lockstep, so that who stops is four frames ahead at most.

The number and size of frames depend on the agreed sizes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from psihash import errors
from psihash.psi.encoding import BAD_LIST
from psihash.psi.engine import (
    RUNG_NOT_SERVED,
    TOKEN_BYTES,
    TOO_LARGE,
    Engine,
    EngineProperties,
    Items,
    Party,
    Rng,
    RunSecret,
    RunTerms,
)
from psihash.psi.engines.ecdh_parties import EcdhParty
from psihash.psi.group import POINT_BYTES, Group, Secret
from psihash.terms import Role, Rung

ENGINE_ID: Final = "ecdh-ristretto255/1"

_MICROSECONDS: Final = {"native (ifma)": 25.0, "native (avx2)": 60.0, "native (dalek)": 100.0}
"""On one core, with proofs."""

BAD_PUBLIC = errors.define(
    "ecdh-bad-public", "the peer's public key for a run is no point, or is this side's own"
)


@dataclass(frozen=True, slots=True)
class EcdhSecret:
    """Implements :class:`psihash.psi.engine.RunSecret`."""

    group: Group
    scalar: Secret

    @property
    def public(self) -> bytes:
        return self.scalar.public

    def check_peer(self, public: bytes) -> None:
        if len(public) != POINT_BYTES or public == self.public:
            raise errors.ProtocolError(BAD_PUBLIC, "the peer's public key cannot be its own")
        try:
            self.group.check(np.frombuffer(public, dtype=np.uint8).reshape(1, POINT_BYTES))
        except errors.ProtocolError:
            raise errors.ProtocolError(BAD_PUBLIC, "the peer's public key is no point") from None


class EcdhEngine:
    """Implements :class:`psihash.psi.engine.Engine` over a group."""

    def __init__(self, group: Group) -> None:
        self.group = group

    @property
    def id(self) -> str:
        return ENGINE_ID

    @property
    def properties(self) -> EngineProperties:
        return EngineProperties(
            rungs=frozenset({Rung.COUNT, Rung.SERIES, Rung.ITEMS}),
            both_in_one_run=True,
            security=(
                "items holds against a malicious peer, except that it can put guesses into its "
                "own list and hide its own hits; count and series hold against a peer that "
                "follows the protocol, and protect no more than items against one that does not"
            ),
            error_rate="false positives below 2**-70 for two lists of 2**27; no false negatives",
            max_items=1 << 27,
            microseconds_per_item=_MICROSECONDS.get(self.group.name, 320.0),
            bytes_per_item=64.0,
        )

    def secret(self, rung: Rung) -> EcdhSecret | None:
        """A key pair at ``items``. Below, a public key would let a peer make up hits (C1)."""
        if rung is not Rung.ITEMS:
            return None
        return EcdhSecret(self.group, self.group.new_secret())

    def party(
        self, role: Role, items: Items, terms: RunTerms, rng: Rng, secret: RunSecret | None = None
    ) -> Party:
        """One side of one run.

        Raises RefusedError for a rung or a size that is not served, InputError for a list or a
        secret that does not fit the terms.
        """
        if terms.rung not in self.properties.rungs:
            raise errors.RefusedError(
                RUNG_NOT_SERVED, f"the engine {self.id} does not serve the rung '{terms.rung}'"
            )
        if max(terms.own_size, terms.peer_size) > self.properties.max_items:
            raise errors.RefusedError(
                TOO_LARGE, f"the engine {self.id} serves {self.properties.max_items} elements"
            )
        _check_items(items, terms)
        return EcdhParty(self.group, role, items, terms, rng, self._scalar(terms, secret))

    def _scalar(self, terms: RunTerms, secret: RunSecret | None) -> Secret:
        if terms.rung is not Rung.ITEMS and secret is None:
            return self.group.new_secret()
        if terms.rung is not Rung.ITEMS or not isinstance(secret, EcdhSecret):
            raise errors.InputError(BAD_LIST, "a run at items, and only there, has a secret")
        secret.check_peer(terms.peer_public)
        return secret.scalar


def _check_items(items: Items, terms: RunTerms) -> None:
    tokens, tags = items.tokens, items.tags
    fits = tokens.shape == (terms.own_size, TOKEN_BYTES) and tokens.dtype == np.uint8
    if tags is None:
        fits = fits and terms.rung is not Rung.SERIES
    else:
        fits = fits and terms.rung is Rung.SERIES
        fits = fits and tags.shape == (terms.own_size,) and tags.dtype == np.uint32
    if not fits:
        raise errors.InputError(BAD_LIST, "the list is not what the terms of the run say")


def _is_engine(engine: EcdhEngine) -> Engine:
    return engine
