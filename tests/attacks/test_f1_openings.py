"""F1: other leaves opened, siblings guessed, our openings played back, sets that shrink."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from psihash.errors import ProtocolError
from psihash.psi import encoding
from psihash.session import messages as m
from psihash.session.blobs import pad, unpad
from psihash.session.commitment import (
    LeafContext,
    Opening,
    PeerTree,
    decode_openings,
    encode_openings,
)
from psihash.session.commitment import salt as true_salt
from psihash.session.machine import Input
from psihash.session.party import Party
from psihash.session.responder import Responder
from psihash.terms import Rung, SessionRole, is_size_class
from psihash.testing.holding import AGREEMENT, Holding, MemoryCommitment
from psihash.testing.memory import Bench
from psihash.testing.pump import pump
from tests.attacks.peers import altering, between, caught, overriding
from tests.session.lists import MD5, OURS, SHA1, THEIRS, bench, digests, lists

ROLES = list(SessionRole)
each_role = pytest.mark.parametrize("role", SessionRole)
"""Who is dishonest."""


def tree_of(numbers: range, owner: str = "nl-police") -> MemoryCommitment:
    held = Holding(owner, lists(one=numbers))
    tree = held.own_set([MD5]).commitments[held.pseudonym("one"), MD5]
    assert isinstance(tree, MemoryCommitment)
    return tree


def seen_as(tree: MemoryCommitment, owner: str = "nl-police") -> PeerTree:
    return PeerTree(LeafContext(owner, AGREEMENT, MD5), tree.size, tree.root)


def tokens(numbers: range) -> list[bytes]:
    return [encoding.token(MD5, raw) for raw in digests(MD5, numbers)]


# -- one opening ---------------------------------------------------------------------------------


def test_every_committed_item_can_be_opened_and_nothing_else() -> None:
    tree = tree_of(range(30))
    peer = seen_as(tree)
    for token in tokens(range(30)):
        peer.check(tree.opening(token), token)


WRONG: dict[str, Callable[[Opening, MemoryCommitment], Opening]] = {
    "the next index": lambda good, tree: replace(good, index=(good.index + 1) % tree.size),
    "an index outside": lambda good, tree: replace(good, index=good.index + tree.size),
    "a negative index": lambda good, tree: replace(good, index=-1),
    "another salt": lambda good, tree: replace(good, salt=bytes(32)),
    "a short salt": lambda good, tree: replace(good, salt=good.salt[:31]),
    "an empty proof": lambda good, tree: replace(good, proof=()),
    "a longer proof": lambda good, tree: replace(good, proof=(*good.proof, bytes(32))),
    "a shorter proof": lambda good, tree: replace(good, proof=good.proof[1:]),
    "a short hash": lambda good, tree: replace(good, proof=(good.proof[0][:31], *good.proof[1:])),
    "the proof turned round": lambda good, tree: replace(good, proof=good.proof[::-1]),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_opening_with_anything_changed_does_not_hold(name: str) -> None:
    tree = tree_of(range(30))
    (token,) = tokens(range(7, 8))
    opening = WRONG[name](tree.opening(token), tree)
    with pytest.raises(ProtocolError) as raised:
        seen_as(tree).check(opening, token)
    assert raised.value.code == "bad-opening"


def test_an_opening_belongs_to_its_token_owner_agreement_and_algorithm() -> None:
    tree = tree_of(range(30))
    token, other = tokens(range(7, 9))
    opening, good = tree.opening(token), seen_as(tree)
    good.check(opening, token)
    contexts = [
        replace(good.context, owner="be-police"),
        replace(good.context, agreement=bytes(32)),
        replace(good.context, algorithm=SHA1),
    ]
    wrong = [(good, other), *((replace(good, context=context), token) for context in contexts)]
    for peer, claimed in wrong:
        with pytest.raises(ProtocolError) as raised:
            peer.check(opening, claimed)
        assert raised.value.code == "bad-opening"


# -- what the siblings in a proof tell -----------------------------------------------------------


def recorded_openings(made: Bench, role: SessionRole) -> list[tuple[int, Opening]]:
    """The openings that ``role`` sent in a session at records with ten matches."""
    found: list[bytes] = []

    def keep(base: type[Party]) -> type[Party]:
        def send_parts(self: Any, event: Input, blob: bytes, kind: Any) -> Any:
            if kind is m.Openings:
                found.append(blob)
            return Party._send_parts(self, event, blob, kind)

        return overriding(base, _send_parts=send_parts)

    meeting = between(made, Rung.RECORDS, role, keep)
    pump(meeting.pair)
    assert meeting.codes == (None, None)
    return decode_openings(unpad(found[0]), 10)


def test_a_dictionary_of_all_items_finds_no_neighbour_in_the_proofs() -> None:
    """The attacker knows every item that its peer could hold, the leaf's form, the place of each
    neighbour, and the salts of the leaves that were opened. It finds 0 of them."""
    # A tree without dummies, so that each neighbour is an item.
    made = Bench.of(lists(full=range(64)), THEIRS)
    openings = [opening for _, opening in recorded_openings(made, SessionRole.INITIATOR)]
    opened = {opening.index for opening in openings}
    siblings = {(o.index ^ 1, o.proof[0]) for o in openings if o.index ^ 1 not in opened}
    assert siblings
    context = LeafContext(made.ours.owner, AGREEMENT, MD5)

    def named(salts: Callable[[int], list[bytes]]) -> set[bytes]:
        return {
            token
            for place, leaf in siblings
            for token in tokens(range(200))
            for salt in salts(place)
            if context.leaf(place, salt, token) == leaf
        }

    known = [opening.salt for opening in openings] + [bytes(32)]
    assert named(lambda place: known) == set()
    # With its salt, which never left, each of them is found: it is the salt that hides.
    (tree,) = made.ours.trees.values()
    assert len(named(lambda place: [true_salt(tree.seed, place)])) == len(siblings)


def test_no_two_leaves_share_a_salt() -> None:
    openings = recorded_openings(bench(), SessionRole.RESPONDER)
    salts = [opening.salt for _, opening in openings]
    assert len(set(salts)) == len(salts) == 10


def test_places_say_nothing_about_the_order_of_the_holdings() -> None:
    tree = tree_of(range(1000))
    places = [tree.places[token] for token in tokens(range(1000))]
    inversions = sum(a > b for a, b in itertools.pairwise(places))
    assert 430 < inversions < 570  # of 999 neighbours about half
    assert is_size_class(tree.size)


# -- played back ---------------------------------------------------------------------------------


def mirrored(base: type[Party], roots_of_victim: Callable[[Any], Any]) -> type[Party]:
    """A party that shows the victim's roots, under its own names, as its own."""

    def change(body: m.Sealed) -> m.Sealed:
        if isinstance(body, m.Accept):
            stolen = roots_of_victim(body)
            roots = [replace(own, root=stolen, size=own.size) for own in body.roots]
            return replace(body, roots=tuple(roots))
        return body

    return altering(base, change)


def test_our_own_root_shown_to_us_is_refused() -> None:
    made = bench()
    made.ours.own_set([MD5])
    root = made.ours.trees[made.ours.pseudonym("alpha"), MD5].root
    meeting = between(made, Rung.RECORDS, SessionRole.RESPONDER, mirrored, lambda body: root)
    assert caught(meeting, SessionRole.INITIATOR) == "equal-roots"


def test_an_older_root_of_ours_opens_nothing_because_its_leaves_are_ours() -> None:
    """Our tree has grown since, so the root is not equal; but the owner stands in each leaf."""
    made = Bench.of(OURS, OURS)
    tree = made.ours.own_set([MD5]).commitments[made.ours.pseudonym("alpha"), MD5]
    assert isinstance(tree, MemoryCommitment)
    old = MemoryCommitment(tree.context, tree.seed, tree._rng)
    old.leaves, old.places = tree.leaves, dict(tree.places)
    made.ours.lists = {**OURS, **lists(alpha=range(60))}
    stolen = old.root

    def openings(self: Any) -> Any:
        opening = old.opening(next(iter(old.places)))
        blob = encode_openings([(0, opening)] * self._shared().matches)
        yield from self._send_parts(Input.SEND_OPENINGS, pad(blob), m.Openings)

    def accept(body: m.Sealed) -> m.Sealed:
        if isinstance(body, m.Accept):
            return replace(body, roots=tuple(replace(r, root=stolen) for r in body.roots))
        return body

    def confirm(self: Any, body: m.Confirm) -> Any:
        """It signs for the roots that it showed."""
        roots = tuple(replace(r, root=stolen) for r in self._draft.roots[1])
        self._draft = replace(self._draft, roots=((), roots))
        yield from Responder._on_confirm(self, body)

    mirror = overriding(Responder, _send_openings=openings, _on_confirm=confirm)
    meeting = made.meet(Rung.RECORDS, responder=altering(mirror, accept))
    assert caught(meeting, SessionRole.INITIATOR) == "bad-opening"
    assert "disclosing records" not in meeting.journals[0].steps


# -- roots changed, sets that shrink -------------------------------------------------------------


def test_roots_changed_after_they_were_committed_to_are_refused() -> None:
    """The initiator waits for the responder's roots and then chooses its own."""

    def change(body: m.Sealed) -> m.Sealed:
        if isinstance(body, m.Confirm):
            first, *rest = body.roots
            return replace(body, roots=(replace(first, root=bytes(32)), *rest))
        return body

    for wrong in (
        change,
        lambda b: replace(b, roots_nonce=bytes(32)) if isinstance(b, m.Confirm) else b,
        lambda b: replace(b, roots=b.roots[::-1]) if isinstance(b, m.Confirm) else b,
        lambda b: replace(b, roots=b.roots[1:]) if isinstance(b, m.Confirm) else b,
        lambda b: replace(b, roots_nonce=b"") if isinstance(b, m.Confirm) else b,
    ):
        meeting = between(bench(), Rung.ITEMS, SessionRole.INITIATOR, altering, wrong)
        assert caught(meeting, SessionRole.RESPONDER) == "roots-changed"


def test_roots_in_the_responders_confirm_are_refused() -> None:
    def change(body: m.Sealed) -> m.Sealed:
        return replace(body, roots_nonce=bytes(32)) if isinstance(body, m.Confirm) else body

    meeting = between(bench(), Rung.ITEMS, SessionRole.RESPONDER, altering, change)
    assert caught(meeting, SessionRole.INITIATOR) == "bad-accept"


ROOTS: dict[str, tuple[Callable[[tuple[m.Root, ...]], tuple[m.Root, ...]], str]] = {
    "one missing": (lambda roots: roots[1:], "bad-roots"),
    "none": (lambda roots: (), "bad-roots"),
    "one twice": (lambda roots: (roots[0], *roots), "bad-roots"),
    "one of another collection": (
        lambda roots: (replace(roots[0], collection="c-0"), *roots[1:]),
        "bad-roots",
    ),
    "one of another algorithm": (
        lambda roots: (replace(roots[0], algorithm=SHA1), *roots[1:]),
        "bad-roots",
    ),
    "a tree far larger than its class": (
        lambda roots: (replace(roots[0], size=2**30), *roots[1:]),
        "bad-roots",
    ),
    "a size seen that was not": (
        lambda roots: (replace(roots[0], previous_size=1), *roots[1:]),
        "set-shrank",
    ),
}


@pytest.mark.parametrize("name", ROOTS)
def test_roots_that_do_not_fit_the_annex_are_refused(name: str) -> None:
    change, code = ROOTS[name]

    def sent(body: m.Sealed) -> m.Sealed:
        return replace(body, roots=change(body.roots)) if isinstance(body, m.Accept) else body

    meeting = between(bench(), Rung.ITEMS, SessionRole.RESPONDER, altering, sent)
    assert caught(meeting, SessionRole.INITIATOR) == code


def shrunk(tree: MemoryCommitment) -> None:
    """As if half of the leaves had never been there."""
    tree.leaves = tree.leaves[: 32 * (tree.size // 2)]


def exchanged(tree: MemoryCommitment) -> None:
    """Another set of the same size."""
    places = dict(tree.places)
    tree.leaves, tree.places = b"", {}
    tree.grow(list(places))


def forked(tree: MemoryCommitment) -> None:
    """The same, and grown since: the proof of growth is from another history."""
    exchanged(tree)
    tree.grow(tokens(range(90_000, 90_020)))


def forgotten(tree: MemoryCommitment) -> None:
    tree.leaves, tree.places = b"", {}


@each_role
@pytest.mark.parametrize("change", [shrunk, exchanged, forked, forgotten])
def test_a_set_that_shrank_or_was_exchanged_between_two_sessions_is_refused(
    change: Callable[[MemoryCommitment], None], role: SessionRole
) -> None:
    made = bench()
    first = made.meet(Rung.ITEMS)
    pump(first.pair)
    assert first.codes == (None, None)
    held = made.ours if role is SessionRole.INITIATOR else made.theirs
    change(next(iter(held.trees.values())))
    assert caught(made.meet(Rung.ITEMS), role.other) == "set-shrank"


def test_a_set_that_grew_is_taken_and_its_old_items_still_open() -> None:
    made = bench()
    for extra in (range(0), range(30, 40), range(30, 45)):
        made.theirs.lists = {**made.theirs.lists, **lists(gamma=[*range(25, 35), *extra])}
        meeting = made.meet(Rung.RECORDS)
        pump(meeting.pair)
        assert meeting.codes == (None, None)


def test_a_tree_cannot_grow_by_more_than_its_class_at_once() -> None:
    """Else a peer could commit to a whole dictionary once, and open whatever it tries."""
    made = bench()
    tree = made.theirs.own_set([MD5]).commitments[made.theirs.pseudonym("gamma"), MD5]
    assert isinstance(tree, MemoryCommitment)
    tree.grow(tokens(range(10_000, 11_000)))
    assert caught(made.meet(Rung.ITEMS), SessionRole.INITIATOR) == "bad-roots"
