"""The group: each implementation by itself, and all of them against each other."""

from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psihash.errors import InputError, ProtocolError, UnavailableError
from psihash.psi import groups
from psihash.psi.group import Group
from tests.psi.group_cases import (
    BAD_ENCODINGS,
    GENERATOR,
    GROUPS,
    ORDER,
    every_group,
    every_pair,
    messages,
    rows,
)


def test_libsodium_is_here() -> None:
    assert any(group.name == "libsodium" for group in GROUPS)


def test_the_best_is_the_fast_one_unless_another_is_asked_for() -> None:
    assert groups.best().name == GROUPS[0].name
    assert groups.best("sodium").name == "libsodium"
    with pytest.raises(UnavailableError, match="native, sodium") as caught:
        groups.best("gold")
    assert caught.value.code == "group-missing"


def test_without_any_implementation_the_reason_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(module: str) -> None:
        raise ModuleNotFoundError(f"no {module}", name="rbcl")

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(UnavailableError, match="rbcl is not installed"):
        groups.load("sodium")
    with pytest.raises(UnavailableError, match="neither") as caught:
        groups.best()
    assert caught.value.code == "group-missing"


def test_one_that_is_here_and_refuses_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another kernel was asked for than there is: libsodium in its place would go unseen."""

    class Refusing:
        def NativeGroup(self) -> Group:
            raise UnavailableError("group-missing", "no such kernel")

    monkeypatch.setattr("importlib.import_module", lambda _name: Refusing())
    with pytest.raises(UnavailableError, match="no such kernel"):
        groups.best()


@every_group
def test_a_line_for_people(group: Group) -> None:
    line = groups.describe(group)
    assert group.name in line
    assert ("psihash-native" in line) is (group.name == "libsodium")


@every_group
def test_a_secret_is_random_and_stays(group: Group) -> None:
    one, other = group.new_secret(), group.new_secret()
    assert one.public != other.public
    with pytest.raises(TypeError):
        pickle.dumps(one)
    assert one.public.hex() not in repr(one)


@every_group
def test_one_times_the_generator(group: Group) -> None:
    assert group.secret_of((1).to_bytes(32, "little")).public == GENERATOR


@every_group
def test_masking_commutes(group: Group) -> None:
    a, b = group.new_secret(), group.new_secret()
    given = messages(20)
    assert np.array_equal(
        group.remask(b, group.mask(a, given)), group.remask(a, group.mask(b, given))
    )
    assert len({bytes(row) for row in group.mask(a, given)}) == 20


@every_group
@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 65])
def test_lists_of_any_length(group: Group, count: int) -> None:
    secret = group.new_secret()
    masked = group.mask(secret, messages(count))
    assert masked.shape == (count, 32)
    assert group.remask(secret, masked).shape == (count, 32)
    assert group.tags(b"x", masked).shape == (count, 16)
    group.check(masked)
    blinds = group.new_blinds(count)
    assert len(blinds) == count
    assert np.array_equal(group.divide(blinds, group.multiply(blinds, masked)), masked)


@every_group
@pytest.mark.parametrize("bad", BAD_ENCODINGS)
@pytest.mark.parametrize("place", [0, 6, 11])
def test_a_row_that_is_no_point_is_refused(group: Group, bad: str, place: int) -> None:
    secret = group.new_secret()
    points = group.mask(secret, messages(12)).copy()
    points[place] = np.frombuffer(BAD_ENCODINGS[bad], dtype=np.uint8)
    blinds = group.new_blinds(12)
    for use in (
        lambda: group.remask(secret, points),
        lambda: group.answer(secret, points, b"here"),
        lambda: group.check(points),
        lambda: group.multiply(blinds, points),
        lambda: group.divide(blinds, points),
    ):
        with pytest.raises(ProtocolError) as caught:
            use()
        assert caught.value.code == "psi-bad-point"


@every_group
@pytest.mark.parametrize("scalar", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_a_scalar_that_is_none_is_refused(group: Group, scalar: int) -> None:
    raw = scalar.to_bytes(32, "little")
    for make in (lambda: group.secret_of(raw), lambda: group.blinds_of(rows(raw))):
        with pytest.raises(InputError) as caught:
            make()
        assert caught.value.code == "group-bad-scalar"


@every_group
def test_tags(group: Group) -> None:
    points = group.mask(group.new_secret(), messages(3))
    expected = [hashlib.sha256(b"bound" + row.tobytes()).digest()[:16] for row in points]
    assert [bytes(tag) for tag in group.tags(b"bound", points)] == expected


@every_group
def test_secrets_of_another_group_are_refused(group: Group) -> None:
    class Foreign:
        public = GENERATOR

    with pytest.raises(TypeError):
        group.mask(Foreign(), messages(1))
    with pytest.raises(TypeError):
        group.multiply(group.new_blinds(2), messages(1))


# One against the other.


@every_pair
@given(scalar=st.integers(1, ORDER - 1), seed=st.binary(max_size=40))
@settings(max_examples=30, deadline=None)
def test_all_give_the_same_bytes(group: Group, other: Group, scalar: int, seed: bytes) -> None:
    raw = scalar.to_bytes(32, "little")
    a, b = group.secret_of(raw), other.secret_of(raw)
    assert a.public == b.public
    given = rows(*(hashlib.sha256(seed + bytes([n])).digest() for n in range(9)))
    masked = group.mask(a, given)
    assert np.array_equal(masked, other.mask(b, given))
    assert np.array_equal(group.remask(a, masked), other.remask(b, masked))
    texts = [seed, b"", seed * 9]
    assert np.array_equal(group.hash_to_group(texts, b"dst"), other.hash_to_group(texts, b"dst"))


@every_pair
@pytest.mark.parametrize("scalar", [1, 2, 3, 2**64, 2**128 - 1, 2**252, ORDER - 2, ORDER - 1])
def test_edge_scalars(group: Group, other: Group, scalar: int) -> None:
    raw = scalar.to_bytes(32, "little")
    points = group.hash_to_group([b"%d" % n for n in range(17)], b"edge")
    expected = group.remask(group.secret_of(raw), points)
    assert np.array_equal(other.remask(other.secret_of(raw), points), expected)
    blinds = other.blinds_of(rows(*[raw] * 17))
    assert np.array_equal(other.multiply(blinds, points), expected)
    assert np.array_equal(other.divide(blinds, expected), points)


@every_pair
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 33])
def test_a_proof_of_one_holds_for_the_other(group: Group, other: Group, count: int) -> None:
    secret = group.new_secret()
    given = group.hash_to_group([b"%d" % n for n in range(count)], b"proof")
    done = group.remask(secret, given)
    other.verify(secret.public, given, done, b"here", group.prove(secret, given, done, b"here"))
    other.verify_voprf(secret.public, given, done, group.prove_voprf(secret, given, done))


@every_pair
@pytest.mark.parametrize("count", [1, 7, 8, 9, 33])
def test_a_question_of_one_is_answered_by_the_other(group: Group, other: Group, count: int) -> None:
    own, peer = group.new_secret(), other.new_secret()
    given = messages(count)
    asked, question = group.ask(own, given, peer.public, b"here")
    assert np.array_equal(asked, group.mask(own, given))
    answers, proof = other.answer(peer, asked, b"here")
    assert np.array_equal(answers, other.remask(peer, asked))
    question.check(answers, proof)
    question.check(answers, other.prove(peer, asked, answers, b"here"))
    group.verify(peer.public, asked, answers, b"here", proof)
    turned = np.roll(answers, 1, axis=0) if count > 1 else asked
    bad = answers.copy()
    bad[count // 2] = 0
    elsewhere = group.ask(own, given, peer.public, b"there")[1]
    stranger = group.ask(own, given, own.public, b"here")[1]
    for asker, shown, with_proof, code in (
        (question, turned, proof, "group-bad-proof"),
        (question, answers, bytes(64), "group-bad-proof"),
        (question, answers, proof[:63], "group-bad-proof"),
        (question, bad, proof, "psi-bad-point"),
        (elsewhere, answers, proof, "group-bad-proof"),
        (stranger, answers, proof, "group-bad-proof"),
    ):
        with pytest.raises(ProtocolError) as caught:
            asker.check(shown, with_proof)
        assert caught.value.code == code


@every_group
def test_a_question_of_nothing(group: Group) -> None:
    asked, _ = group.ask(group.new_secret(), messages(0), group.new_secret().public, b"here")
    assert asked.shape == (0, 32)


@every_pair
@pytest.mark.parametrize("exact", [False, True], ids=["ecdh", "voprf"])
def test_a_proof_of_anything_else_does_not_hold(group: Group, other: Group, exact: bool) -> None:
    secret, stranger = group.new_secret(), group.new_secret()
    given = group.hash_to_group([b"%d" % n for n in range(6)], b"proof")
    done = group.remask(secret, given)
    mixed = done.copy()
    mixed[4] = group.remask(stranger, given)[4]
    turned = done[[1, 0, 2, 3, 4, 5]]
    proof = (
        group.prove_voprf(secret, given, done)
        if exact
        else group.prove(secret, given, done, b"here")
    )

    def refused(public=secret.public, a=given, b=done, shown=proof, where=b"here") -> str:  # type: ignore[no-untyped-def]
        def verify() -> None:
            if exact:
                other.verify_voprf(public, a, b, shown)
            else:
                other.verify(public, a, b, where, shown)

        with pytest.raises(ProtocolError) as caught:
            verify()
        return caught.value.code

    assert refused(public=stranger.public) == "group-bad-proof"
    assert refused(b=mixed) == "group-bad-proof"
    assert refused(b=turned) == "group-bad-proof"
    assert refused(a=given[:5], b=done[:5]) == "group-bad-proof"
    assert refused(a=done, b=given) == "group-bad-proof"
    assert refused(shown=bytes(64)) == "group-bad-proof"
    assert refused(shown=proof[32:] + proof[:32]) == "group-bad-proof"
    for half in (0, 32):
        above = (int.from_bytes(proof[half : half + 32], "little") + ORDER).to_bytes(32, "little")
        assert refused(shown=proof[:half] + above + proof[half + 32 :]) == "group-bad-proof"
    for place in range(0, 64, 9):
        changed = bytearray(proof)
        changed[place] ^= 1
        assert refused(shown=bytes(changed)) == "group-bad-proof"
    if not exact:
        assert refused(where=b"there") == "group-bad-proof"
    bad = done.copy()
    bad[2] = 0
    assert refused(b=bad) == "psi-bad-point"
    assert refused(public=bytes(32)) in {"psi-bad-point", "group-bad-proof"}


@every_group
def test_no_two_proofs_share_a_nonce(group: Group) -> None:
    secret = group.new_secret()
    given = messages(3)
    given = group.mask(secret, given)
    done = group.remask(secret, given)
    proofs = {group.prove(secret, given, done, b"same") for _ in range(8)}
    assert len({proof[:32] for proof in proofs}) == 8
