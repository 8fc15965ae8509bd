"""The messages of a session as plain values. ``psihash.wire.codec`` gives them their bytes.

Field by field they mirror ``proto/psihash/wire/v1/peer.proto``, which says what each one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from psihash.terms import AlgorithmId, Learn, Rung


@dataclass(frozen=True, slots=True)
class Hello:
    protocol: str
    nonce: bytes
    own_card: bytes
    peer_card: bytes
    agreement: bytes
    key_exchange: bytes
    own_leaf: bytes
    peer_leaf: bytes
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class HelloReply:
    nonce: bytes
    own_card: bytes
    peer_card: bytes
    key_exchange: bytes
    own_leaf: bytes
    peer_leaf: bytes
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class SetClass:
    algorithm: AlgorithmId
    size_class: int


@dataclass(frozen=True, slots=True)
class Root:
    """Root of one commitment tree, with the proof that it extends what the peer saw before."""

    collection: str
    algorithm: AlgorithmId
    size: int
    root: bytes
    previous_size: int = 0
    consistency: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenRoot:
    collection: str
    algorithm: AlgorithmId
    size: int


@dataclass(frozen=True, slots=True)
class Offer:
    rung: Rung
    learn: Learn
    engine: str
    algorithms: tuple[AlgorithmId, ...]
    canonicalisation: str
    classes: tuple[SetClass, ...]
    own_annex: bytes
    peer_annex: bytes
    roots_commitment: bytes
    own_case: str
    expires: str
    previous_receipt: bytes = b""
    seen: tuple[SeenRoot, ...] = ()
    seen_log_size: int = 0
    keys: tuple[bytes, ...] = ()
    approval: bytes = b""


@dataclass(frozen=True, slots=True)
class Accept:
    classes: tuple[SetClass, ...]
    roots: tuple[Root, ...]
    own_case: str
    seen: tuple[SeenRoot, ...] = ()
    seen_log_size: int = 0
    keys: tuple[bytes, ...] = ()
    approval: bytes = b""


@dataclass(frozen=True, slots=True)
class Refuse:
    code: str


@dataclass(frozen=True, slots=True)
class Confirm:
    roots: tuple[Root, ...]
    roots_nonce: bytes
    signature: bytes
    checkpoint: bytes
    log_consistency: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineFrame:
    run: int
    body: bytes


@dataclass(frozen=True, slots=True)
class AlgorithmCheck:
    algorithm: AlgorithmId
    mac: bytes


@dataclass(frozen=True, slots=True)
class ResultCheck:
    results: tuple[AlgorithmCheck, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    blob: bytes
    more: bool


@dataclass(frozen=True, slots=True)
class Openings:
    blob: bytes
    more: bool


@dataclass(frozen=True, slots=True)
class Records:
    blob: bytes
    more: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    body: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Close:
    checkpoint: bytes
    log_consistency: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Abort:
    code: str


Greeting = Hello | HelloReply | Refuse
Sealed = (
    Offer
    | Accept
    | Refuse
    | Confirm
    | EngineFrame
    | ResultCheck
    | Labels
    | Openings
    | Records
    | Receipt
    | Close
    | Abort
)


class Codec(Protocol):
    """Bytes for messages. Decoding is strict: what is malformed raises ProtocolError."""

    def encode_greeting(self, message: Greeting) -> bytes: ...

    def decode_greeting(self, data: bytes) -> Greeting: ...

    def encode(self, message: Sealed) -> bytes: ...

    def decode(self, data: bytes) -> Sealed: ...
