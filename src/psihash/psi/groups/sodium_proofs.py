"""Batched DLEQ proofs over libsodium: with 128-bit weights, and as RFC 9497 writes them.

Both fold n pairs into one, (M, Z), by weights that depend on the whole statement, and prove that
one: t2 = rG, t3 = rM, c = hash(..., t2, t3), s = r - c k, proof = c || s. Points are checked by the
caller.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import rbcl

from psihash import errors
from psihash.canonical import framed
from psihash.psi.expand import Expander, context_string
from psihash.psi.group import BAD_PROOF, PROOF_BYTES, SCALAR_BYTES
from psihash.psi.groups.sodium_scalars import ORDER, SodiumSecret, plus, times

Challenge = Callable[[bytes, bytes, bytes, bytes], bytes]
"""From M, Z, t2 and t3 to the scalar c."""

_WEIGHT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Claim:
    """outputs[i] = k * inputs[i] for all i, and public = k * G."""

    public: bytes
    inputs: list[bytes]
    outputs: list[bytes]

    def __post_init__(self) -> None:
        if not self.inputs or len(self.inputs) != len(self.outputs):
            raise ValueError("a proof is about one or more pairs")


# -- ecdh ----------------------------------------------------------------------------------------


def prove(k: SodiumSecret, claim: Claim, context: bytes) -> bytes:
    digest = _digest(claim, context)
    m = _weighted(_short_weights(digest, len(claim.inputs)), claim.inputs)
    # Secret, statement and fresh randomness: neither a broken generator nor a repeated statement
    # alone makes two proofs share a nonce (attacks C5).
    wide = hashlib.sha512(framed(b"psihash/dleq-nonce/1", k.scalar(), digest, rbcl.randombytes(32)))
    r = SodiumSecret(rbcl.crypto_core_ristretto255_scalar_reduce(wide.digest()))
    return _prove(k, r, m, _challenge(digest))


def verify(claim: Claim, context: bytes, proof: bytes) -> None:
    digest = _digest(claim, context)
    weights = list(_short_weights(digest, len(claim.inputs)))
    _verify(claim, weights, proof, _challenge(digest))


def _digest(claim: Claim, context: bytes) -> bytes:
    inputs, outputs = b"".join(claim.inputs), b"".join(claim.outputs)
    statement = framed(b"psihash/dleq/1", context, claim.public, inputs, outputs)
    return hashlib.sha512(statement).digest()


def _short_weights(digest: bytes, count: int) -> Iterator[bytes]:
    """128 bits each, four from each hash, as scalars."""
    start = hashlib.sha512(framed(b"psihash/dleq-weights/1", digest))
    for index in range(count):
        place = index % 4 * _WEIGHT_BYTES
        if place == 0:
            block = start.copy()
            block.update(framed((index // 4).to_bytes(8, "big")))
            four = block.digest()
        yield four[place : place + _WEIGHT_BYTES] + bytes(SCALAR_BYTES - _WEIGHT_BYTES)


def _challenge(digest: bytes) -> Challenge:
    def challenge(*points: bytes) -> bytes:
        wide = hashlib.sha512(framed(b"psihash/dleq-challenge/1", digest, *points)).digest()
        return bytes(rbcl.crypto_core_ristretto255_scalar_reduce(wide))

    return challenge


# -- RFC 9497, mode VOPRF ------------------------------------------------------------------------

_CONTEXT: Final = context_string(1)
_SCALARS: Final = Expander(b"HashToScalar-" + _CONTEXT)


def prove_voprf(k: SodiumSecret, r: SodiumSecret, claim: Claim) -> bytes:
    """GenerateProof with A the generator."""
    m = _weighted(_exact_weights(claim), claim.inputs)
    return _prove(k, r, m, _exact_challenge(claim.public))


def verify_voprf(claim: Claim, proof: bytes) -> None:
    """VerifyProof with A the generator."""
    _verify(claim, list(_exact_weights(claim)), proof, _exact_challenge(claim.public))


def _exact_weights(claim: Claim) -> Iterator[bytes]:
    """The d_i of ComputeComposites (section 2.2.1)."""
    seed = hashlib.sha512(_short(claim.public) + _short(b"Seed-" + _CONTEXT)).digest()
    for index, (one, other) in enumerate(zip(claim.inputs, claim.outputs, strict=True)):
        place = index.to_bytes(2, "big")
        text = _short(seed) + place + _short(one) + _short(other) + b"Composite"
        yield _hash_to_scalar(text)


def _exact_challenge(public: bytes) -> Challenge:
    def challenge(*points: bytes) -> bytes:
        return _hash_to_scalar(b"".join(map(_short, (public, *points))) + b"Challenge")

    return challenge


def _hash_to_scalar(text: bytes) -> bytes:
    return bytes(rbcl.crypto_core_ristretto255_scalar_reduce(_SCALARS.uniform(text)))


def _short(part: bytes) -> bytes:
    """I2OSP(len(part), 2) || part."""
    return len(part).to_bytes(2, "big") + part


# -- both ----------------------------------------------------------------------------------------


def _prove(k: SodiumSecret, r: SodiumSecret, m: bytes, challenge: Challenge) -> bytes:
    z, t3 = times(k.scalar(), m), times(r.scalar(), m)
    c = challenge(m, z, r.public, t3)
    product = rbcl.crypto_core_ristretto255_scalar_mul(c, k.scalar())
    return bytes(c + rbcl.crypto_core_ristretto255_scalar_sub(r.scalar(), product))


def _verify(claim: Claim, weights: list[bytes], proof: bytes, challenge: Challenge) -> None:
    c, s = proof[:SCALAR_BYTES], proof[SCALAR_BYTES:]
    if len(proof) != PROOF_BYTES or not _is_scalar(c) or not _is_scalar(s):
        raise _bad()
    try:
        m, z = _weighted(weights, claim.inputs), _weighted(weights, claim.outputs)
        t2 = plus(rbcl.crypto_scalarmult_ristretto255_base(s), times(c, claim.public))
        t3 = plus(times(s, m), times(c, z))
    except (RuntimeError, errors.ProtocolError):
        # A zero scalar or an identity in between: no honest prover makes one.
        raise _bad() from None
    if not hmac.compare_digest(challenge(m, z, t2, t3), c):
        raise _bad()


def _weighted(weights: Iterator[bytes] | list[bytes], points: list[bytes]) -> bytes:
    terms = map(times, weights, points)
    total = next(terms)
    for term in terms:
        total = plus(total, term)
    return total


def _is_scalar(scalar: bytes) -> bool:
    return int.from_bytes(scalar, "little") < ORDER


def _bad() -> errors.ProtocolError:
    return errors.ProtocolError(BAD_PROOF, "a proof does not hold")
