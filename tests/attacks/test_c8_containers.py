"""C8: containers, repeated elements and wrong counts, sent by a peer within a whole session.

The engine's own tests try every form; here: the session ends with the name, on both sides.
"""

from __future__ import annotations

from typing import Any

import pytest

from psihash.psi.engine import Items, RunTerms
from psihash.psi.engines.openmined import OpenminedEngine
from psihash.terms import Rung, SessionRole
from psihash.testing.memory import Bench, Meeting
from tests.attacks.engines import DishonestEngine, ForgedSender
from tests.attacks.peers import caught
from tests.psi import reference_p256 as ref
from tests.psi.hostile import BAD_POINTS, Points, needs_library, replaced
from tests.session.lists import OURS, THEIRS

pytestmark = needs_library


def bloom(size: int) -> bytes:
    """A ServerSetup with a Bloom filter of ones: everything would be a hit."""
    bits = b"\xff" * size
    inner = b"\x08\x01\x12" + varint(len(bits)) + bits
    return b"\x12" + varint(len(inner)) + inner


def golomb() -> bytes:
    """A Golomb-compressed set with hash range 1: everything would be a hit."""
    inner = b"\x08\x00\x10\x01\x1a\x01\x01"
    return b"\x0a" + varint(len(inner)) + inner


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


class Container(ForgedSender):
    """Sends a container of the library in place of a frame."""

    body = b""

    def start(self) -> Any:
        yield self.body


def container(body: bytes) -> type[ForgedSender]:
    return type("Container", (Container,), {"body": body})


class Setup(ForgedSender):
    """A setup with something wrong, in a right frame."""

    def setup(self) -> Points:
        return self.wrong(self.masked())

    def wrong(self, good: Points) -> Points:
        return good


def setup(wrong: Any) -> type[ForgedSender]:
    return type("WrongSetup", (Setup,), {"wrong": lambda self, good: wrong(good)})


def answer(wrong: Any) -> type[ForgedSender]:
    def answers(self: ForgedSender, request: Points) -> Points:
        changed: Points = wrong(self.multiplied(request))
        return changed

    return type("WrongAnswer", (ForgedSender,), {"answers": answers})


class AnotherRung(ForgedSender):
    """Says that positions are to be revealed at count, or the reverse."""

    def __init__(self, items: Items, terms: RunTerms) -> None:
        super().__init__(items, terms)
        rung = Rung.COUNT if terms.rung is Rung.ITEMS else Rung.ITEMS
        self.wire = ref.Wire(
            "session", terms.context_id, terms.run, rung, terms.own_size, terms.peer_size
        )


ATTACKS: dict[str, tuple[type[ForgedSender], str]] = {
    "a Bloom filter of ones": (container(bloom(4096)), "psi-bad-frame"),
    "a huge Bloom filter": (container(bloom(200_000)), "psi-bad-frame"),
    "a Golomb set of range one": (container(golomb()), "psi-bad-frame"),
    "an empty message": (container(b""), "psi-bad-frame"),
    "a setup with an element twice": (setup(lambda good: [good[0], *good[:-1]]), "psi-wrong-order"),
    "a setup that descends": (setup(lambda good: good[::-1]), "psi-wrong-order"),
    "a setup with one too few": (setup(lambda good: good[:-1]), "psi-wrong-count"),
    "a setup with one too many": (setup(lambda good: [*good, good[-1]]), "psi-wrong-count"),
    "an empty setup": (setup(lambda good: []), "psi-wrong-count"),
    "a setup with a point off the curve": (
        setup(lambda good: replaced(good, BAD_POINTS["not on the curve"])),
        "psi-bad-point",
    ),
    "a setup with the identity": (
        setup(lambda good: replaced(good, BAD_POINTS["identity, padded"])),
        "psi-bad-point",
    ),
    "answers with an element twice": (
        answer(lambda good: [good[0], good[0], *good[2:]]),
        "psi-wrong-order",
    ),
    "one answer too few": (answer(lambda good: good[:-1]), "psi-wrong-count"),
    "an answer off the curve": (
        answer(lambda good: [BAD_POINTS["not on the curve"], *good[1:]]),
        "psi-bad-point",
    ),
    "another rung": (AnotherRung, "psi-wrong-rung"),
}  # fmt: skip


def attacked(sender: type[ForgedSender], victim: SessionRole, rung: Rung) -> Meeting:
    made = Bench.of(OURS, THEIRS, engine=OpenminedEngine())
    made.desks[0 if victim is SessionRole.RESPONDER else 1].engine = DishonestEngine(sender)
    return made.meet(rung)


@pytest.mark.parametrize("victim", SessionRole)
@pytest.mark.parametrize("name", ATTACKS)
def test_a_wrong_list_ends_the_session_by_name(name: str, victim: SessionRole) -> None:
    sender, code = ATTACKS[name]
    meeting = attacked(sender, victim, Rung.ITEMS)
    assert caught(meeting, victim) == code
    other = meeting.journals[1 - list(SessionRole).index(victim)]
    assert other.codes == [code]  # the dishonest side was told, and its log would say so


@pytest.mark.parametrize("name", ["another rung", "a Bloom filter of ones"])
def test_the_same_at_count(name: str) -> None:
    sender, code = ATTACKS[name]
    assert (
        caught(attacked(sender, SessionRole.INITIATOR, Rung.COUNT), SessionRole.INITIATOR) == code
    )
