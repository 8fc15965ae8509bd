"""A peer of ``ecdh-ristretto255/1`` that says whatever a test wants, in correct frames."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from psihash.canonical import framed
from psihash.errors import ProtocolError
from psihash.psi.encoding import Bytes2D, elements
from psihash.psi.engine import Items, Party, Rng
from psihash.psi.engines.ecdh import EcdhEngine, EcdhSecret
from psihash.psi.engines.ecdh_frames import Content, Frames, Kind, Numbers, frame_offsets
from psihash.psi.engines.ecdh_lists import proof_context
from psihash.psi.group import Group, Rows, Secret
from psihash.terms import Learn, Role, Rung
from tests.psi.group_cases import GROUPS
from tests.psi.parties import BINDING, CONTEXT_ID, Stream, run_terms

GROUP = GROUPS[0]


def mapped(tokens: Bytes2D) -> Bytes2D:
    """What the engine maps for tokens in run 0."""
    return elements("session", CONTEXT_ID, 0, tokens)


class Peer:
    """The other side of an honest party. ``ours`` is the honest one's list."""

    def __init__(
        self,
        role: Role,
        rung: Rung,
        size: int,
        ours: Bytes2D,
        *,
        learn: Learn = Learn.BOTH,
        tags: Numbers | None = None,
        group: Group = GROUP,
        rng: Rng | None = None,
    ) -> None:
        self.role, self.rung, self.size, self.group = role, rung, size, group
        self.other = Role.SENDER if role is Role.RECEIVER else Role.RECEIVER
        self.secret: Secret = group.new_secret()
        engine = EcdhEngine(group)
        own = engine.secret(rung)
        peer = EcdhSecret(group, self.secret) if own is not None else None
        terms = run_terms(rung, len(ours), size, learn=learn)
        if peer is not None:
            terms = replace(terms, peer_public=peer.public)
        self.honest_public = b"" if own is None else own.public
        self.terms = run_terms(rung, size, len(ours), learn=learn)
        self.party: Party = engine.party(self.other, Items(ours, tags), terms, rng or Stream(), own)
        self._out = Frames(self.terms, role, (size, len(ours)))
        self._in = Frames(self.terms, self.other, (len(ours), size))

    # -- what the honest side says ---------------------------------------------------------------

    def read(self, kind: Kind, frames: list[bytes], start: int = 0) -> tuple[Rows, Numbers | None]:
        """Points and numbers of some frames of a list or of its answers."""
        total = len(self.party_list) if kind is Kind.LIST else self.size
        offsets = list(frame_offsets(total))[start : start + len(frames)]
        parts = [
            self._in.unpack(frame, kind, total, offset)
            for frame, offset in zip(frames, offsets, strict=True)
        ]
        points = np.concatenate([np.empty((0, 32), dtype=np.uint8), *(p.points for p in parts)])
        numbers = [p.numbers for p in parts if p.numbers is not None]
        return points, np.concatenate(numbers) if numbers else None

    @property
    def party_list(self) -> range:
        return range(self.terms.peer_size)

    def read_digest(self, frame: bytes) -> bytes:
        return self._in.unpack_digest(frame)

    # -- what this peer says ---------------------------------------------------------------------

    def send_list(self, points: Rows, numbers: Numbers | None = None) -> list[bytes]:
        return list(self._frames(Kind.LIST, points, numbers, None))

    def digest(self, points: Rows, numbers: Numbers | None = None) -> bytes:
        """The digest of a whole list of answers."""
        prefix = framed(b"psihash/ecdh/answers/1", BINDING, CONTEXT_ID, bytes(8))
        running = hashlib.sha256(prefix)
        for offset in frame_offsets(len(points)):
            running.update(self._content(points, numbers, offset).hashed())
        return self._out.pack_digest(running.digest())

    def answers(
        self, questions: Rows, points: Rows, numbers: Numbers | None = None
    ) -> Iterator[bytes]:
        """Answers with proofs of whatever they are, at ``items``."""
        return self._frames(Kind.ANSWER, points, numbers, questions)

    def packed(self, kind: Kind, total: int, offset: int, content: Content) -> bytes:
        return self._out.pack(kind, total, offset, content)

    def honest_answers(self, questions: Rows) -> Rows:
        return self.group.remask(self.secret, questions)

    def _frames(
        self, kind: Kind, points: Rows, numbers: Numbers | None, questions: Rows | None
    ) -> Iterator[bytes]:
        for offset in frame_offsets(len(points)):
            content = self._content(points, numbers, offset)
            if questions is not None and self.rung is Rung.ITEMS:
                asked = questions[offset : offset + len(content.points)]
                context = proof_context(self.terms, self.role, offset)
                proof = self.group.prove(self.secret, asked, content.points, context)
                content = replace(content, proof=proof)
            yield self._out.pack(kind, len(points), offset, content)

    def _content(self, points: Rows, numbers: Numbers | None, offset: int) -> Content:
        rows = slice(offset, min(offset + frame_offsets(1 << 20).step, len(points)))
        part = np.ascontiguousarray(points[rows])
        return Content(part, None if numbers is None else numbers[rows])

    # -- talking ---------------------------------------------------------------------------------

    def tell(self, *frames: bytes) -> list[bytes]:
        """Give frames to the honest side; what it says to them."""
        return [answer for frame in frames for answer in self.party.receive(frame)]

    def refused(self, *frames: bytes) -> str:
        """The code with which the honest side ends the run at one of the frames."""
        with pytest.raises(ProtocolError) as caught:
            self.tell(*frames)
        assert self.party.outcome is None
        return caught.value.code


def as_sender(rung: Rung, size: int, ours: Bytes2D, **more: object) -> tuple[Peer, list[bytes]]:
    """A peer that sends its list first, and has not yet."""
    peer = Peer(Role.SENDER, rung, size, ours, **more)  # type: ignore[arg-type]
    return peer, list(peer.party.start())


def as_receiver(
    rung: Rung, size: int, ours: Bytes2D, **more: object
) -> tuple[Peer, Rows, Numbers | None]:
    """A peer that has the honest side's list and has said nothing yet."""
    peer = Peer(Role.RECEIVER, rung, size, ours, **more)  # type: ignore[arg-type]
    points, numbers = peer.read(Kind.LIST, list(peer.party.start()))
    return peer, points, numbers
