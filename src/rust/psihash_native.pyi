"""Batches of ristretto255 over contiguous buffers; the interpreter lock is released meanwhile.

``Data`` is bytes or any C-contiguous buffer of unsigned bytes (numpy ``uint8`` of any shape);
elements lie in it as n * 32 bytes. Results are ``bytes``; a function that takes ``out`` writes
into that buffer instead, which must have exactly the result's length, and returns None. Wrong
lengths raise ValueError. Nothing here logs or keeps its arguments.
"""

from collections.abc import Sequence
from typing import TypeAlias, final, overload

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

Data: TypeAlias = Buffer | npt.NDArray[np.uint8]
Messages: TypeAlias = Data | Sequence[bytes]
"""n * 32 bytes in one buffer, or a list or tuple of bytes of any length."""

__version__: str
OPRF_MAX_BATCH: int
"""The largest batch of one VOPRF proof: 65,535."""

class PointError(ValueError):
    """A list entry that is no usable element; ``index`` is the first such one."""

    index: int
    reason: str
    """``encoding`` (not canonical), ``identity`` or ``repeated``."""

class RepeatError(ValueError):
    """A list of tags has an entry twice."""

class ProofError(ValueError):
    """A proof does not hold."""

class KernelError(RuntimeError):
    """``PSIHASH_KERNEL`` names a kernel that this machine does not have."""

def kernel() -> str:
    """The kernel in use: ``ifma``, ``avx2`` or ``dalek``. Fixed at the first use."""

def kernels() -> list[str]:
    """The kernels that this machine can run, fastest first."""

def threads() -> int:
    """Threads per call; ``RAYON_NUM_THREADS`` sets it."""

@final
class Scalar:
    """A non-zero scalar, wiped when it goes."""

    @staticmethod
    def random() -> Scalar: ...
    @staticmethod
    def from_bytes(data: Data) -> Scalar:
        """From 32 little-endian bytes below the order: for test vectors and sealed keys."""
    def danger_to_bytes(self) -> bytes:
        """The scalar itself, so that it can be sealed. The only way out of native memory."""
    def inverse(self) -> Scalar: ...
    def times(self, other: Scalar) -> Scalar: ...
    def public(self) -> bytes:
        """kG, 32 bytes."""

@final
class Scalars:
    """Non-zero scalars, one per element, wiped when they go."""

    @staticmethod
    def random(count: int) -> Scalars: ...
    @staticmethod
    def from_bytes(data: Data) -> Scalars: ...
    def inverse(self) -> Scalars:
        """All inverses, with one inversion and three products each."""
    def __len__(self) -> int: ...

@final
class Seed:
    """32 bytes from which all randomness of a run comes, each use under its own purpose."""

    @staticmethod
    def random() -> Seed: ...
    @staticmethod
    def from_bytes(data: Data) -> Seed: ...
    def scalar(self, purpose: Data) -> Scalar:
        """The scalar of a purpose: the same seed and purpose give the same scalar."""

@final
class Permutation:
    """A uniformly random order of a whole list. Place i of the shuffled list holds entry
    ``sources()[i]`` of the original."""

    def __init__(self, seed: Seed, purpose: Data, count: int) -> None: ...
    def __len__(self) -> int: ...
    @overload
    def sources(self, start: int = 0, stop: int | None = None) -> bytes:
        """Native uint32 positions in the original, for places start..stop."""
    @overload
    def sources(self, start: int = 0, stop: int | None = None, *, out: Data) -> None: ...
    @overload
    def apply(
        self, rows: Data, start: int = 0, stop: int | None = None, *, width: int = 32
    ) -> bytes:
        """Places start..stop of the shuffled list; ``rows`` is the whole original."""
    @overload
    def apply(
        self,
        rows: Data,
        start: int = 0,
        stop: int | None = None,
        *,
        width: int = 32,
        out: Data,
    ) -> None: ...

def check_points(points: Data, *, distinct: bool = True) -> None:
    """Raise PointError unless all are canonical, none is the identity and none repeats."""

def check_distinct(points: Data) -> None:
    """Raise PointError (``repeated``) if an encoding stands twice. Does not decode."""

@overload
def hash_to_group(messages: Messages, dst: Data, by: Scalar | Scalars | None = None) -> bytes:
    """HashToGroup of RFC 9497 for ristretto255-SHA512 under ``dst``, times ``by`` if given."""

@overload
def hash_to_group(
    messages: Messages, dst: Data, by: Scalar | Scalars | None = None, *, out: Data
) -> None: ...
@overload
def multiply(points: Data, by: Scalar | Scalars) -> bytes:
    """Decode, multiply, encode. Raises PointError for the identity and for what is no element."""

@overload
def multiply(points: Data, by: Scalar | Scalars, *, out: Data) -> None: ...
def dleq_prove(scalar: Scalar, public: Data, context: Data, a: Data, b: Data) -> bytes:
    """64 bytes that show B_i = k A_i for all i and ``public`` = kG. Every call draws a nonce."""

def dleq_verify(public: Data, context: Data, a: Data, b: Data, proof: Data) -> None:
    """Raise ProofError unless the proof holds, PointError for a bad element of a list."""

def multiply_and_prove(
    scalar: Scalar, public: Data, context: Data, points: Data
) -> tuple[bytes, bytes]:
    """:func:`multiply` and :func:`dleq_prove`, decoding once: the products and their proof."""

@final
class Question:
    """A list that a peer is to multiply by its scalar, as what checking the answer takes: 64 bytes
    an element."""

    @staticmethod
    def ask(
        messages: Messages, dst: Data, by: Scalar, public: Data, context: Data
    ) -> tuple[bytes, Question]:
        """:func:`hash_to_group` times ``by``, and the question. ``public`` and ``context`` are
        those of the peer's proof."""

    def check(self, answers: Data, proof: Data) -> None:
        """As :func:`dleq_verify`, with one answer for each element that was asked for."""

def oprf_derive_key(mode: int, seed: Data, info: Data) -> tuple[Scalar, bytes]:
    """DeriveKeyPair of RFC 9497; mode 0 is OPRF, 1 is VOPRF."""

def oprf_blind(mode: int, inputs: Messages, blinds: Scalars) -> bytes:
    """Blind every input under its own scalar: n * 32 bytes."""

def oprf_evaluate(key: Scalar, blinded: Data) -> bytes:
    """BlindEvaluate without the proof: n * 32 bytes."""

def oprf_finalize(inputs: Messages, blinds: Scalars, evaluated: Data) -> bytes:
    """Finalize: n * 64 bytes. In VOPRF mode call :func:`voprf_verify` first."""

def oprf_direct(mode: int, key: Scalar, inputs: Messages) -> bytes:
    """Evaluate: what the holder of the key computes alone, n * 64 bytes."""

def voprf_prove(
    key: Scalar, public: Data, blinded: Data, evaluated: Data, *, nonce: Scalar | None = None
) -> bytes:
    """GenerateProof: 64 bytes. ``nonce`` is for test vectors only."""

def voprf_verify(public: Data, blinded: Data, evaluated: Data, proof: Data) -> None:
    """VerifyProof: raise ProofError unless it holds, PointError for a bad element."""

@overload
def tags16(transcript: Data, points: Data) -> bytes:
    """SHA-256(transcript || encoding)[:16] of every element."""

@overload
def tags16(transcript: Data, points: Data, *, out: Data) -> None: ...
def intersect_tags(a: Data, b: Data) -> tuple[bytes, bytes]:
    """Equal 16-byte tags: native uint32 positions in ``a``, ascending, and beside them in ``b``.
    Raises RepeatError if a list has a tag twice."""

@overload
def hash_rows(prefix: Data, rows: Data, width: int) -> bytes:
    """SHA-256(prefix || eight-byte length || row) of every row."""

@overload
def hash_rows(prefix: Data, rows: Data, width: int, *, out: Data) -> None: ...
@overload
def leaves(
    owner: Data,
    agreement: Data,
    algorithm: Data,
    salt_seed: Data,
    start: int,
    tokens: Data,
    real: Data | None = None,
) -> bytes:
    """Leaf hashes of ``psihash.session.commitment`` from leaf ``start`` on; a zero in ``real`` (one
    byte per token) makes that leaf a dummy."""

@overload
def leaves(
    owner: Data,
    agreement: Data,
    algorithm: Data,
    salt_seed: Data,
    start: int,
    tokens: Data,
    real: Data | None = None,
    *,
    out: Data,
) -> None: ...

@final
class Tree:
    """An RFC 6962 tree over leaf hashes, all inner hashes at hand: 64 bytes a leaf."""

    def __init__(self, leaf_hashes: Data) -> None: ...
    def __len__(self) -> int: ...
    def root(self, size: int | None = None) -> bytes: ...
    def inclusion(self, index: int, size: int | None = None) -> list[bytes]: ...
    def consistency(self, old_size: int, size: int | None = None) -> list[bytes]: ...
