"""The bytes of ``ecdh-ristretto255/1`` as docs/engines.md states them, by every group."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from psihash.canonical import framed
from psihash.psi.engines import ecdh_frames
from psihash.psi.engines.ecdh_frames import Content, Frames, Kind
from psihash.psi.engines.ecdh_lists import proof_context, tag_binding
from psihash.psi.group import MASK_DST, Group
from psihash.psi.groups import sodium_proofs
from psihash.terms import Learn, Role, Rung
from tests.psi import ecdh_vectors as vectors
from tests.psi.group_cases import every_group, rows
from tests.psi.parties import BINDING, CONTEXT_ID, run_terms

TERMS = run_terms(Rung.ITEMS, 64, 76, learn=Learn.BOTH)


def point(text: str) -> np.ndarray:
    return rows(bytes.fromhex(text))


@every_group
def test_masking_vectors(group: Group) -> None:
    secret = group.secret_of(bytes.fromhex(vectors.SCALAR))
    element = bytes.fromhex(vectors.ELEMENT)
    assert secret.public.hex() == vectors.PUBLIC
    assert group.hash_to_group([element], MASK_DST).tobytes().hex() == vectors.MAPPED
    assert group.mask(secret, rows(element)).tobytes().hex() == vectors.MASKED
    assert group.remask(secret, point(vectors.MAPPED)).tobytes().hex() == vectors.MASKED


@every_group
def test_tag_and_proof_vectors(group: Group) -> None:
    assert tag_binding(TERMS).hex() == vectors.BINDING_OF_TAGS
    masked = point(vectors.MASKED)
    assert group.tags(tag_binding(TERMS), masked).tobytes().hex() == vectors.TAG
    context = proof_context(TERMS, Role.SENDER, 0)
    assert context.hex() == vectors.PROOF_CONTEXT
    public, proof = bytes.fromhex(vectors.PUBLIC), bytes.fromhex(vectors.PROOF)
    group.verify(public, point(vectors.MAPPED), masked, context, proof)


def test_the_statement_of_a_proof() -> None:
    parts = [bytes.fromhex(v) for v in (vectors.PUBLIC, vectors.MAPPED, vectors.MASKED)]
    context = bytes.fromhex(vectors.PROOF_CONTEXT)
    statement = framed(b"psihash/dleq/1", context, *parts)
    assert hashlib.sha512(statement).hexdigest() == vectors.PROOF_DIGEST
    claim = sodium_proofs.Claim(parts[0], [parts[1]], [parts[2]])
    assert sodium_proofs._digest(claim, context).hex() == vectors.PROOF_DIGEST


def test_a_frame_byte_by_byte() -> None:
    """Against the layout of the page, written out by hand."""
    terms = run_terms(Rung.SERIES, 2, 3, learn=Learn.BOTH)
    points = rows(b"\x01" * 32, b"\x02" * 32)
    frame = Frames(terms, Role.RECEIVER, (2, 3)).pack(
        Kind.LIST, 2, 0, Content(points, np.array([1, 2**32 - 1], dtype=np.uint32))
    )
    head = bytes([1, 1, 3]) + (2).to_bytes(4, "big") + bytes(4)
    body = head + points.tobytes() + bytes([0, 0, 0, 1]) + b"\xff" * 4
    first = hashlib.sha256(
        framed(
            b"psihash/ecdh-ristretto255/1",
            BINDING,
            b"receiver",
            b"session",
            CONTEXT_ID,
            bytes(8),
            b"series",
            b"both",
            (2).to_bytes(8, "big"),
            (3).to_bytes(8, "big"),
        )
    ).digest()
    assert frame == body + hashlib.sha256(first + body).digest()


def test_the_first_running_hash() -> None:
    assert Frames(TERMS, Role.SENDER, (64, 76))._running.hex() == vectors.FIRST_RUNNING_HASH


@pytest.mark.parametrize("rung", [Rung.COUNT, Rung.SERIES, Rung.ITEMS])
@pytest.mark.parametrize("kind", [Kind.LIST, Kind.ANSWER])
def test_what_is_packed_is_unpacked(rung: Rung, kind: Kind) -> None:
    total = ecdh_frames.FRAME_POINTS + 3
    points = np.arange(32 * total, dtype=np.uint64).astype(np.uint8).reshape(total, 32)
    numbers = np.arange(total, dtype=np.uint32) if rung is Rung.SERIES else None
    terms = run_terms(rung, total, 5)
    out = Frames(terms, Role.SENDER, (total, 5))
    back = Frames(run_terms(rung, total, 5), Role.SENDER, (total, 5))
    for offset in ecdh_frames.frame_offsets(total):
        place = ecdh_frames.frame_rows(offset, total)
        proof = b"p" * 64 if rung is Rung.ITEMS and kind is Kind.ANSWER else b""
        given = Content(points[place], None if numbers is None else numbers[place], proof)
        found = back.unpack(out.pack(kind, total, offset, given), kind, total, offset)
        assert np.array_equal(found.points, given.points)
        assert found.proof == proof
        if numbers is not None:
            assert found.numbers is not None
            assert np.array_equal(found.numbers, numbers[place])
