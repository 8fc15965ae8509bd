"""Parsers of engine frames, and the group's checks of points, scalars and proofs."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from psihash.psi.engine import Engine, Items, RunTerms
from psihash.psi.engines import ecdh_frames, openmined_frames, openmined_library
from psihash.psi.engines.ecdh import EcdhEngine, EcdhSecret
from psihash.psi.engines.openmined import OpenminedEngine
from psihash.psi.group import Group, Rows
from psihash.psi.voprf import Client, Mode, Server
from psihash.terms import Learn, Role, Rung
from tests.parsers.parser import Parser
from tests.psi.group_cases import GROUPS
from tests.psi.parties import join, run_terms, some_tokens
from tests.psi.pumping import Tamper, pump_parties

SENDER, RECEIVER = some_tokens(range(4)), some_tokens(range(2, 5))
TAGS = np.array([5, 5, 6, 6], dtype=np.uint32)
TAIL_BYTES = 32


@dataclass(frozen=True)
class Run:
    """One small run of an engine, to be repeated with one frame replaced.

    A frame's last 32 bytes bind it to those before it; a hostile peer computes them, so they are
    not part of an input: its first byte says which frame the rest stands for.
    """

    engine: Engine
    rung: Rung
    learn: Learn
    before: Callable[[RunTerms, int, list[tuple[int, bytes]]], bytes]
    """The running hash before the next frame of a side: (the side's terms, side, frames)."""

    def frames(self) -> list[tuple[int, bytes]]:
        """(side, frame) of an honest run."""
        return self._pump(None)

    def valid(self) -> list[bytes]:
        return [
            bytes([number]) + frame[:-TAIL_BYTES] for number, (_, frame) in enumerate(self.frames())
        ]

    def parse(self, data: bytes) -> None:
        if not data:
            return
        sent: list[tuple[int, bytes]] = []

        def tamper(number: int, frame: bytes) -> list[bytes]:
            side = self._sides()[number % len(self._sides())]
            if number == data[0] % len(self._sides()):
                running = self.before(self._terms(side), side, sent)
                frame = data[1:] + hashlib.sha256(running + data[1:]).digest()
            sent.append((side, frame))
            return [frame]

        self._pump(tamper)

    @functools.cache  # noqa: B019 - a handful of runs, for as long as the tests last
    def _sides(self) -> list[int]:
        return [side for side, _ in self.frames()]

    def _terms(self, side: int) -> RunTerms:
        sizes = (len(SENDER), len(RECEIVER))
        return run_terms(self.rung, sizes[side], sizes[1 - side], learn=self.learn)

    def _pump(self, tamper: Tamper | None) -> list[tuple[int, bytes]]:
        tags = TAGS if self.rung is Rung.SERIES else None
        lists = [Items(SENDER, tags), Items(RECEIVER, None if tags is None else tags[:3])]
        one, other = ((self.engine, lists[side], self._terms(side)) for side in (0, 1))
        return pump_parties(*join(one, other), tamper).frames


def _ecdh_running(terms: RunTerms, side: int, sent: list[tuple[int, bytes]]) -> bytes:
    """Each direction has a chain of its own."""
    own = [frame for by, frame in sent if by == side]
    role = (Role.SENDER, Role.RECEIVER)[side]
    start = ecdh_frames.Frames(terms, role, (terms.own_size, terms.peer_size))._running
    return own[-1][-TAIL_BYTES:] if own else start


def _openmined_running(terms: RunTerms, _side: int, sent: list[tuple[int, bytes]]) -> bytes:
    start = openmined_frames.Frames(terms, len(SENDER), len(RECEIVER))._running
    return sent[-1][1][-TAIL_BYTES:] if sent else start


def _ecdh() -> Iterator[Parser]:
    for rung in (Rung.COUNT, Rung.SERIES, Rung.ITEMS):
        for group in GROUPS[:1]:
            run = Run(EcdhEngine(group), rung, Learn.BOTH, _ecdh_running)
            covers = (
                "psi.engines.ecdh_parties.EcdhParty.receive",
                "psi.engines.ecdh_frames.Frames.unpack",
                "psi.engines.ecdh_frames.Frames.unpack_digest",
            )
            yield Parser(f"ecdh {rung.value}", covers, run.valid, run.parse, False, slow=True)


def _openmined() -> Iterator[Parser]:
    if openmined_library.available() is not None:
        return
    for rung in (Rung.COUNT, Rung.ITEMS):
        run = Run(OpenminedEngine(), rung, Learn.INITIATOR, _openmined_running)
        yield Parser(
            f"openmined {rung.value}", OPENMINED_COVERS, run.valid, run.parse, False, slow=True
        )


OPENMINED_COVERS = (
    "psi.engines.openmined_frames.Frames.unpack",
    "psi.engines.openmined_frames.check_form",
    "psi.engines.openmined_frames.check_on_curve",
)


# -- groups --------------------------------------------------------------------------------------


def _rows(data: bytes, count: int) -> Rows:
    """``count`` rows of 32 bytes, whatever is there."""
    whole = data[: 32 * count].ljust(32 * count, b"\0")
    return np.frombuffer(whole, dtype=np.uint8).reshape(count, 32)


def _point(data: bytes) -> bytes:
    """One, whose length the codec has checked."""
    return _rows(data, 1).tobytes()


def _group(group: Group) -> Iterator[Parser]:
    kind = type(group)
    name = f"{kind.__module__.removeprefix('psihash.')}.{kind.__name__}"
    secret = group.secret_of(bytes([7]) + bytes(31))
    points = group.mask(secret, some_tokens(range(3)))
    answers = group.remask(secret, points)
    proof = group.prove(secret, points, answers, b"here")
    exact = group.prove_voprf(secret, points, answers)
    public = secret.public
    statement = points.tobytes() + answers.tobytes()

    def check(data: bytes) -> None:
        group.check(_rows(data, max(1, len(data) // 32)))

    def verify(data: bytes) -> None:
        shown, rest = data[:64], data[64:]
        group.verify(_point(rest), _rows(rest[32:], 3), _rows(rest[128:], 3), b"here", shown)

    def verify_voprf(data: bytes) -> None:
        shown, rest = data[:64], data[64:]
        group.verify_voprf(_point(rest), _rows(rest[32:], 3), _rows(rest[128:], 3), shown)

    yield Parser(
        f"points, {group.name}",
        (f"{name}.check",),
        lambda: [points.tobytes(), answers.tobytes()],
        check,
    )
    yield Parser(
        f"multiplication, {group.name}",
        (),
        lambda: [points.tobytes()],
        lambda data: group.remask(secret, _rows(data, 3)),
    )
    yield Parser(
        f"scalar, {group.name}",
        (),
        lambda: [bytes([7]) + bytes(31)],
        lambda data: group.secret_of(data).public,
    )
    yield Parser(
        f"proof, {group.name}",
        (f"{name}.verify",),
        lambda: [proof + public + statement],
        verify,
    )
    yield Parser(
        f"VOPRF proof, {group.name}",
        (f"{name}.verify_voprf",),
        lambda: [exact + public + statement],
        verify_voprf,
    )


def _question(group: Group) -> Parser:
    """A hostile peer's answer to a list."""
    secret, peer = group.secret_of(bytes([7]) + bytes(31)), group.secret_of(bytes([9]) + bytes(31))
    asked, question = group.ask(secret, some_tokens(range(3)), peer.public, b"here")
    answers, proof = group.answer(peer, asked, b"here")
    kind = type(question)
    return Parser(
        f"proven answers, {group.name}",
        (f"{kind.__module__.removeprefix('psihash.')}.{kind.__name__}.check",),
        lambda: [proof + answers.tobytes()],
        lambda data: question.check(_rows(data[64:], 3), data[:64]),
    )


def _voprf(group: Group) -> Parser:
    """A hostile server's answer to a client."""
    key = group.secret_of(bytes([9]) + bytes(31))
    server, client = Server(group, Mode.VOPRF, key), Client(group, Mode.VOPRF, key.public)
    blinds = group.blinds_of(_rows(bytes([3]) + bytes(31) + bytes([5]) + bytes(31), 2))
    blinded = client.blind([b"one", b"two"], blinds)
    evaluated, proof = server.blind_evaluate(blinded.elements)
    return Parser(
        f"evaluation, {group.name}",
        ("psi.voprf.Client.finalize",),
        lambda: [evaluated.tobytes() + proof],
        lambda data: client.finalize(blinded, _rows(data, 2), data[64:]),
    )


def _public_key(group: Group) -> Parser:
    secret = EcdhSecret(group, group.new_secret())
    other = group.new_secret().public
    return Parser(
        f"public key, {group.name}",
        ("psi.engines.ecdh.EcdhSecret.check_peer",),
        lambda: [other],
        secret.check_peer,
    )


PARSERS = (
    *_ecdh(),
    *_openmined(),
    *(parser for group in GROUPS for parser in _group(group)),
    *map(_question, GROUPS),
    *map(_voprf, GROUPS),
    *map(_public_key, GROUPS),
)
