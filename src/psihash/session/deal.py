"""What both sides agreed before the first frame, and the transcript that binds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from psihash import canonical, errors
from psihash.session.messages import Hello, HelloReply, Root, SetClass
from psihash.terms import CANONICALISATION, AlgorithmId, Learn, Rung, SessionRole

PROTOCOL: Final = "psihash/1"
"""Version of the session protocol; another one is refused in the greeting."""

WRONG_PROTOCOL = errors.define("wrong-protocol", "the peer speaks another version of the protocol")
WRONG_CARD = errors.define(
    "wrong-card", "the peer knows another card of this agency, or shows another one of its own"
)
WRONG_LEAF = errors.define(
    "wrong-leaf",
    "the TLS certificate seen is not the one the peer says it uses: something stands between",
)

HASH_BYTES: Final = 32
NONCE_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Side:
    """One agency in a session."""

    agency: str
    card: bytes
    """SHA-256-based fingerprint of its card (raw bytes)."""
    leaf: bytes
    """SHA-256 of its TLS certificate in DER."""


@dataclass(frozen=True, slots=True)
class Identities:
    initiator: Side
    responder: Side

    def of(self, role: SessionRole) -> Side:
        return self.initiator if role is SessionRole.INITIATOR else self.responder


def session_id(hello: Hello, reply: HelloReply, sides: Identities) -> bytes:
    """SHA-256 over protocol, both nonces, role and card of both, and the agreement."""
    return canonical.digest(
        b"psihash/session/1",
        PROTOCOL.encode(),
        hello.nonce,
        reply.nonce,
        b"initiator",
        sides.initiator.card,
        b"responder",
        sides.responder.card,
        hello.agreement,
    )


@dataclass(frozen=True, slots=True)
class Deal:
    """What a session was agreed to be. Both sides hold equal deals, or the signatures fail."""

    session: bytes
    sides: Identities
    agreement: bytes
    annexes: tuple[bytes, bytes]
    """Digests of the annexes in force: the initiator's, the responder's."""
    cases: tuple[str, str]
    rung: Rung
    learn: Learn
    engine: str
    algorithms: tuple[AlgorithmId, ...]
    classes: tuple[tuple[SetClass, ...], tuple[SetClass, ...]]
    roots: tuple[tuple[Root, ...], tuple[Root, ...]]
    keys: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    """The engine's public keys, one for each run in the order of the plan; empty where the engine
    has none at this rung."""
    approvals: tuple[bytes, ...]
    """Digests of the signatures under which the agreement is in force, the proposer's first, and
    of both approvals of this session, the initiator's first."""
    previous_receipt: bytes
    expires: str

    @property
    def session_hex(self) -> str:
        return self.session.hex()

    def size_class(self, role: SessionRole, algorithm: AlgorithmId) -> int:
        classes = self.classes[_place(role)]
        return next(entry.size_class for entry in classes if entry.algorithm is algorithm)

    def roots_of(self, role: SessionRole) -> tuple[Root, ...]:
        return self.roots[_place(role)]

    def keys_of(self, role: SessionRole) -> tuple[bytes, ...]:
        return self.keys[_place(role)]

    def case_of(self, role: SessionRole) -> str:
        return self.cases[_place(role)]

    def transcript(self) -> bytes:
        """SHA-256 over the fields in this order, each behind its length (docs/protocol.md)."""
        first, second = self.sides.initiator, self.sides.responder
        return canonical.digest(
            b"psihash/transcript/1",
            PROTOCOL.encode(),
            self.session,
            first.agency.encode(),
            first.card,
            first.leaf,
            second.agency.encode(),
            second.card,
            second.leaf,
            self.agreement,
            _joined(self.annexes),
            _joined(case.encode() for case in self.cases),
            _joined(name.value.encode() for name in self.algorithms),
            CANONICALISATION.encode(),
            self.engine.encode(),
            self.rung.value.encode(),
            self.learn.value.encode(),
            _joined(encode_classes(entries) for entries in self.classes),
            _joined(encode_roots(entries) for entries in self.roots),
            _joined(_joined(keys) for keys in self.keys),
            _joined(self.approvals),
            self.previous_receipt,
            self.expires.encode(),
        )


def signed_transcript(role: SessionRole, transcript: bytes) -> bytes:
    """What each side signs under the context ``psihash/transcript/1``."""
    return canonical.framed(role.value.encode(), transcript)


def encode_classes(classes: Iterable[SetClass]) -> bytes:
    return _joined(
        canonical.framed(entry.algorithm.value.encode(), entry.size_class.to_bytes(8, "big"))
        for entry in classes
    )


def encode_root(root: Root) -> bytes:
    """The part of a root that is committed to and signed (not its consistency proof)."""
    return canonical.framed(
        root.collection.encode(),
        root.algorithm.value.encode(),
        root.size.to_bytes(8, "big"),
        root.root,
    )


def encode_roots(roots: Iterable[Root]) -> bytes:
    return _joined(encode_root(root) for root in roots)


def hello_bytes(hello: Hello) -> bytes:
    """The signed content of a hello: every field but the signature, in the order of the message."""
    return canonical.framed(
        hello.protocol.encode(),
        hello.nonce,
        hello.own_card,
        hello.peer_card,
        hello.agreement,
        hello.key_exchange,
        hello.own_leaf,
        hello.peer_leaf,
    )


def hello_reply_bytes(hello: Hello, reply: HelloReply) -> bytes:
    """The signed content of a hello reply: the whole hello before it, then its own fields."""
    return canonical.framed(
        hello_bytes(hello),
        hello.signature,
        reply.nonce,
        reply.own_card,
        reply.peer_card,
        reply.key_exchange,
        reply.own_leaf,
        reply.peer_leaf,
    )


def refuse_other_versions(hello: Hello) -> None:
    if hello.protocol != PROTOCOL:
        raise errors.ProtocolError(WRONG_PROTOCOL, f"this node speaks {PROTOCOL}")


def check_cards(own: Side, peer: Side, said_own: bytes, said_peer: bytes) -> None:
    """``said_own`` is what the peer calls its own card, ``said_peer`` what it holds of ours."""
    if said_own != peer.card or said_peer != own.card:
        raise errors.ProtocolError(
            WRONG_CARD,
            "the two sides hold different cards of each other; exchange the current cards again",
        )


def check_leaves(own: Side, peer: Side, said_own: bytes, said_peer: bytes) -> None:
    """The same for the TLS certificates that both see on this connection."""
    if said_own != peer.leaf or said_peer != own.leaf:
        raise errors.ProtocolError(
            WRONG_LEAF, "the two sides do not see each other's TLS certificate"
        )


def _place(role: SessionRole) -> int:
    return 0 if role is SessionRole.INITIATOR else 1


def _joined(parts: Iterable[bytes]) -> bytes:
    return canonical.framed(*parts)
