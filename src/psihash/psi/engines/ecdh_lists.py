"""The two lists of one side's run: its own with the peer's answers, and the peer's with ours."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

from psihash import errors
from psihash.canonical import digest, framed
from psihash.psi.encoding import BAD_LIST, elements, permutation
from psihash.psi.engine import Items, Rng, RunTerms
from psihash.psi.engines.ecdh_frames import Content, Numbers, frame_offsets, frame_rows
from psihash.psi.group import POINT_BYTES, TAG_BYTES, Group, Question, Rows, Secret, Tags
from psihash.psi.rows import has_repeats
from psihash.terms import Role, Rung

REPEATED_POINT = errors.define("ecdh-repeated-point", "the peer's list holds an element twice")
ANSWERS_CHANGED = errors.define(
    "ecdh-answers-changed", "the peer's answers are not the ones whose digest it sent first"
)
NUMBERS_CHANGED = errors.define(
    "ecdh-numbers-changed",
    "the peer's answers carry other series numbers than the list that they answer",
)

_ANSWERS: Final = b"psihash/ecdh/answers/1"


class OwnList:
    """This side's list in its random order, and what the peer answers to it."""

    def __init__(
        self, group: Group, secret: Secret, items: Items, terms: RunTerms, rng: Rng
    ) -> None:
        self._group, self._secret, self._terms = group, secret, terms
        self._tokens, self._tags = items.tokens, items.tags
        self.order = permutation(terms.own_size, rng)
        """Row of ``items`` that stands at each place of the list."""
        self.tags: Tags = np.empty((terms.own_size, TAG_BYTES), dtype=np.uint8)
        """Of the answers, in the order in which they came."""
        self.numbers: Numbers = np.empty(terms.own_size, dtype=np.uint32)
        """The series numbers of the answers."""
        self._questions: dict[int, Question] = {}
        """By the place where a frame begins; at ``items`` only, until the answer has come."""
        self._announced = b""
        self._hash = _answers_hash(terms)

    def check(self) -> None:
        """Raise InputError where the list holds an element twice."""
        if has_repeats(self._tokens):
            raise errors.InputError(BAD_LIST, "the own list holds an element twice")

    def masked(self, offset: int, peer: Role) -> Content:
        """The frame that begins at a place: masks its rows. Each frame once, in their order."""
        terms, rows = self._terms, frame_rows(offset, self._terms.own_size)
        tokens = np.ascontiguousarray(self._tokens[self.order[rows]])
        mapped = elements(terms.context_kind, terms.context_id, terms.run, tokens)
        if terms.rung is Rung.ITEMS:
            context = proof_context(terms, peer, offset)
            points, self._questions[offset] = self._group.ask(
                self._secret, mapped, terms.peer_public, context
            )
        else:
            points = self._group.mask(self._secret, mapped)
        if rows.stop == terms.own_size:
            self._tokens = self._tokens[:0].copy()  # as long as the list, and needed no more
        tags = self._tags
        return Content(points, None if tags is None else tags[self.order[rows]])

    def announce(self, value: bytes) -> None:
        """The digest of all answers, before the first of them."""
        self._announced = value

    def take(self, content: Content, offset: int) -> None:
        """One frame of answers: check it, and keep the tags."""
        terms, rows = self._terms, frame_rows(offset, self._terms.own_size)
        if terms.rung is not Rung.ITEMS:
            self._group.check(content.points)
            self._hash.update(content.hashed())
        elif len(content.points):
            self._questions.pop(offset).check(content.points, content.proof)
        self.tags[rows] = self._group.tags(tag_binding(terms), content.points)
        if content.numbers is not None:
            self.numbers[rows] = content.numbers

    def close(self) -> None:
        """All answers are here: are they the announced ones, each once, with our numbers?

        At ``items`` the proofs have said so already.
        """
        if self._terms.rung is Rung.ITEMS:
            return
        if self._hash.digest() != self._announced:
            raise errors.ProtocolError(ANSWERS_CHANGED, "the answers are not the announced ones")
        if has_repeats(self.tags):
            raise errors.ProtocolError(REPEATED_POINT, "the peer's answers repeat an element")
        tags = self._tags
        if tags is not None and not np.array_equal(np.sort(tags), np.sort(self.numbers)):
            raise errors.ProtocolError(NUMBERS_CHANGED, "the answers carry other series numbers")


class PeerList:
    """The peer's list, and what this side answers to it."""

    def __init__(self, group: Group, secret: Secret, terms: RunTerms, role: Role, rng: Rng) -> None:
        self._group, self._secret, self._terms, self._role = group, secret, terms, role
        size = terms.peer_size
        self._remasked: Rows = np.empty((size, POINT_BYTES), dtype=np.uint8)
        self._proofs: dict[int, bytes] = {}
        """By the place where a frame begins; at ``items`` only."""
        self.numbers: Numbers = np.empty(size, dtype=np.uint32)
        self._order = None if terms.rung is Rung.ITEMS else permutation(size, rng)
        """At ``items`` an answer stands where its question stood, which the peer has shuffled."""

    def take(self, content: Content, offset: int) -> None:
        """One frame of the list: decode and re-mask it, and prove it where that is due, since the
        points are decoded now. Nothing of that leaves before the whole list is here."""
        rows, points = frame_rows(offset, self._terms.peer_size), content.points
        if self._terms.rung is Rung.ITEMS and len(points):
            context = proof_context(self._terms, self._role, offset)
            answers, self._proofs[offset] = self._group.answer(self._secret, points, context)
        else:
            answers = self._group.remask(self._secret, points)
        self._remasked[rows] = answers
        if content.numbers is not None:
            self.numbers[rows] = content.numbers

    def close(self) -> None:
        """The whole list is here. Points repeat exactly if their multiples do: the secret is not
        zero, the order of the group is prime, and a point has one encoding."""
        if has_repeats(self._remasked):
            raise errors.ProtocolError(REPEATED_POINT, "the peer's list repeats an element")

    def tags(self) -> Tags:
        """Of the re-masked list, in its order. The last thing that the list is asked for."""
        tags = self._group.tags(tag_binding(self._terms), self._remasked)
        self._remasked = self._remasked[:0].copy()
        return tags

    def answer_digest(self) -> bytes:
        """SHA-256 over the whole list of answers, numbers included, as it will be sent."""
        running = _answers_hash(self._terms)
        for offset in frame_offsets(self._terms.peer_size):
            running.update(self._content(offset).hashed())
        return running.digest()

    def answer(self, offset: int) -> Content:
        """The frame of answers that begins at a place."""
        content = self._content(offset)
        if self._terms.rung is not Rung.ITEMS or not len(content.points):
            return content
        return Content(content.points, None, self._proofs.pop(offset))

    def _content(self, offset: int) -> Content:
        rows = frame_rows(offset, self._terms.peer_size)
        if self._order is None:
            return Content(self._remasked[rows])
        places = self._order[rows]
        numbered = self._terms.rung is Rung.SERIES
        return Content(self._remasked[places], self.numbers[places] if numbered else None)


def tag_binding(terms: RunTerms) -> bytes:
    """What the tags of a run are bound to: 32 bytes."""
    run = terms.run.to_bytes(8, "big")
    return digest(b"psihash/ecdh/tag/1", terms.binding, terms.context_id, run)


def proof_context(terms: RunTerms, prover: Role, offset: int) -> bytes:
    """What the proof of a frame is bound to beside its points: transcript, run, prover, place."""
    return digest(
        b"psihash/ecdh/dleq/1",
        terms.binding,
        terms.context_id,
        terms.run.to_bytes(8, "big"),
        prover.value.encode(),
        offset.to_bytes(8, "big"),
    )


def _answers_hash(terms: RunTerms) -> hashlib._Hash:
    run = terms.run.to_bytes(8, "big")
    return hashlib.sha256(framed(_ANSWERS, terms.binding, terms.context_id, run))
