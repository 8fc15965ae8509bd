"""A witness: every answer of the specification, and what is durable before it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash.audit.checkpoint import open_checkpoint, sign_checkpoint
from psihash.audit.cosignature import Cosigner, verify_cosignature
from psihash.audit.merkle import StoredTree, leaf_hash
from psihash.audit.note import sign_note
from psihash.audit.witness import (
    MAX_REQUEST_BYTES,
    SIZE_TYPE,
    AddRequest,
    Answer,
    Cosigned,
    Witness,
    encode_request,
    parse_request,
)
from tests.audit.bench import ORIGIN, SeedSigner

LOG = SeedSigner(1)
KEY = SeedSigner(5)
NAME = "psihash/cosigner/dpa"
TIME = 1_700_000_000
TREE = StoredTree(b"".join(leaf_hash(bytes([n])) for n in range(40)))
OTHER = StoredTree(b"".join(leaf_hash(bytes([n, 1])) for n in range(40)))


@dataclass
class Memory:
    heads: dict[str, Cosigned] = field(default_factory=dict)
    evidence: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    raced: Cosigned | None = None

    def cosigned(self, origin: str) -> Cosigned | None:
        return self.heads.get(origin)

    def advance(self, origin: str, expected_size: int | None, new: Cosigned) -> bool:
        if self.raced is not None:
            self.heads[origin], self.raced = self.raced, None
        held = self.heads.get(origin)
        if (None if held is None else held.size) != expected_size:
            return False
        self.heads[origin] = new
        return True

    def keep_evidence(self, origin: str, held: bytes, shown: bytes) -> None:
        self.evidence.append((origin, held, shown))


@pytest.fixture
def store() -> Memory:
    return Memory()


@pytest.fixture
def witness(store: Memory) -> Witness:
    return Witness(NAME, KEY, {ORIGIN: [LOG.public_key]}, store)


def note(size: int, tree: StoredTree = TREE, signer: SeedSigner = LOG) -> bytes:
    return sign_checkpoint(ORIGIN, size, tree.root(size), signer)


def ask(witness: Witness, old: int, size: int, tree: StoredTree = TREE) -> Answer:
    proof = tree.consistency_proof(old, size) if 0 < old <= size else []
    return witness.add_checkpoint(encode_request(old, proof, note(size, tree)), TIME)


def test_a_log_that_grows_is_cosigned_each_time(witness: Witness, store: Memory) -> None:
    for old, size in ((0, 3), (3, 3), (3, 4), (4, 33), (33, 40)):
        answer = ask(witness, old, size)
        assert answer.status == 200
        head = open_checkpoint(note(size), ORIGIN, LOG.public_key)
        found = verify_cosignature(head, answer.body, Cosigner(NAME, KEY.public_key))
        assert found.timestamp == TIME
        assert store.heads[ORIGIN].line == answer.body
        assert store.heads[ORIGIN].size == size


def test_another_old_size_is_told_the_right_one(witness: Witness) -> None:
    assert ask(witness, 3, 9) == Answer(409, b"0\n", SIZE_TYPE)
    assert ask(witness, 0, 9).status == 200
    for old in (0, 3, 10):
        assert ask(witness, old, 20) == Answer(409, b"9\n", SIZE_TYPE)
    assert ask(witness, 9, 20).status == 200


def test_an_older_head_is_never_cosigned_again(witness: Witness, store: Memory) -> None:
    ask(witness, 0, 20)
    assert ask(witness, 9, 9) == Answer(409, b"20\n", SIZE_TYPE)
    assert ask(witness, 20, 9).status == 400
    assert store.heads[ORIGIN].size == 20


def test_two_heads_of_one_size_are_a_conflict_and_kept(witness: Witness, store: Memory) -> None:
    ask(witness, 0, 20)
    for old in (20, 0, 5):
        answer = ask(witness, old, 20, OTHER)
        assert (answer.status, answer.body) == (409, b"20\n")
    assert store.evidence == [(ORIGIN, note(20), note(20, OTHER))] * 3
    assert store.heads[ORIGIN].root == TREE.root(20)


def test_a_proof_that_does_not_hold_is_422(witness: Witness, store: Memory) -> None:
    ask(witness, 0, 9)
    proof = TREE.consistency_proof(9, 20)
    for bad in (proof[1:], [*proof, bytes(32)], proof[::-1], [bytes(32), *proof[1:]], []):
        assert witness.add_checkpoint(encode_request(9, bad, note(20)), TIME).status == 422
    assert ask(witness, 9, 20, OTHER).status == 422
    assert witness.add_checkpoint(encode_request(9, proof, note(9)), TIME).status == 422
    assert store.heads[ORIGIN].size == 9


def test_a_proof_from_zero_must_be_empty(witness: Witness) -> None:
    assert witness.add_checkpoint(encode_request(0, [bytes(32)], note(3)), TIME).status == 422


def test_unknown_logs_and_keys_have_their_own_answers(witness: Witness) -> None:
    foreign = sign_checkpoint("psihash/log/other", 3, TREE.root(3), LOG)
    assert witness.add_checkpoint(encode_request(0, [], foreign), TIME).status == 404
    unknown = note(3, signer=SeedSigner(2))
    assert witness.add_checkpoint(encode_request(0, [], unknown), TIME).status == 403
    at = len(unknown) - 9
    broken = note(3)[:at] + (b"A" if note(3)[at : at + 1] != b"A" else b"B") + note(3)[at + 1 :]
    assert witness.add_checkpoint(encode_request(0, [], broken), TIME).status == 403


def test_signatures_by_unknown_keys_are_ignored_beside_a_known_one(witness: Witness) -> None:
    more = note(3) + note(3, signer=SeedSigner(2)).split(b"\n\n")[1]
    assert witness.add_checkpoint(encode_request(0, [], more), TIME).status == 200


BODIES = {
    "empty": b"",
    "no-old": note(3),
    "no-gap": b"old 0\n" + note(3).replace(b"\n\n", b"\n"),
    "leading-zero": b"old 00\n\n" + note(3),
    "sign": b"old -1\n\n" + note(3),
    "upper-case": b"Old 0\n\n" + note(3),
    "two-spaces": b"old  0\n\n" + note(3),
    "carriage-return": b"old 0\r\n\r\n" + note(3),
    "no-size": b"old \n\n" + note(3),
    "huge-size": b"old 99999999999999999999\n\n" + note(3),
    "proof-not-base64": b"old 0\n!!\n\n" + note(3),
    "proof-short": b"old 0\n" + base64.b64encode(bytes(31)) + b"\n\n" + note(3),
    "proof-stray-bits": b"old 0\n" + b"A" * 42 + b"B=\n\n" + note(3),
    "proof-blank-line": b"old 0\n\n\n" + note(3),
    "64-hashes": b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n" + note(3),
    "extension-line": b"old 0\n\n"
    + sign_note(f"{ORIGIN}\n0\n{base64.b64encode(bytes(32)).decode()}\nmore\n", ORIGIN, LOG),
    "not-a-note": b"old 0\n\nhello\n",
    "old-larger": encode_request(4, [], note(3)),
    "too-large": b"old 0\n\n" + b"x" * MAX_REQUEST_BYTES,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_malformed_request_is_400(witness: Witness, store: Memory, body: bytes) -> None:
    assert witness.add_checkpoint(body, TIME).status == 400
    assert store.heads == {}


def test_63_hashes_are_not_too_many() -> None:
    request = parse_request(encode_request(1, [bytes(32)] * 63, note(3)))
    assert request == AddRequest(1, (bytes(32),) * 63, note(3))


def test_of_two_requests_at_once_one_is_told_to_come_back(witness: Witness, store: Memory) -> None:
    """The race of the specification: a larger head is stored between check and store."""
    ask(witness, 0, 9)
    store.raced = Cosigned(30, TREE.root(30), note(30), b"line")
    assert ask(witness, 9, 20) == Answer(409, b"30\n", SIZE_TYPE)
    assert store.heads[ORIGIN].size == 30


def test_nothing_is_answered_that_could_not_be_stored(witness: Witness, store: Memory) -> None:
    def fail(*_: object) -> bool:
        raise OSError("disk full")

    store.advance = fail  # type: ignore[method-assign,assignment]
    with pytest.raises(OSError, match="disk full"):
        ask(witness, 0, 9)


@given(st.binary(max_size=300))
def test_hostile_bodies_are_400(body: bytes) -> None:
    memory = Memory()
    asked = Witness(NAME, KEY, {ORIGIN: [LOG.public_key]}, memory)
    assert asked.add_checkpoint(body, TIME).status == 400
    assert asked.add_checkpoint(b"old 0\n\n" + body, TIME).status in (400, 404)
    assert memory.heads == {}


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_what_was_cosigned_is_always_one_history(a: int, b: int, old: int, fork: bool) -> None:
    memory = Memory()
    asked = Witness(NAME, KEY, {ORIGIN: [LOG.public_key]}, memory)
    assert ask(asked, 0, a).status == 200
    answer = ask(asked, old, b, OTHER if fork else TREE)
    expected = old == a <= b and (not fork or a == 0)
    assert (answer.status == 200) == expected
