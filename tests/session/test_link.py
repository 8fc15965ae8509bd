"""The numbered link: whatever the network does, each message is taken once, in order, unaltered."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import limits
from psihash.errors import ProtocolError
from psihash.session.link import MAX_MESSAGE, Link, Numbered

ROOM = 2 * limits.MAX_MESSAGES_PER_CALL


def numbered(*numbers: int) -> list[Numbered]:
    return [Numbered(number, b"message %d" % number) for number in numbers]


def drained(link: Link) -> list[bytes]:
    found = []
    while (message := link.next_message()) is not None:
        found.append(message)
    return found


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(ProtocolError) as caught:
        act()
    return caught.value.code


def test_messages_come_out_once_and_in_order() -> None:
    link = Link()
    link.take(numbered(1, 2))
    link.take(numbered(1, 2, 3))
    assert drained(link) == [b"message 1", b"message 2", b"message 3"]
    assert link.ack == 3


@pytest.mark.parametrize("numbers", [(0,), (2,), (1, 3), (2, 1), (1, 1, 3)])
def test_gaps_and_zero_are_refused(numbers: tuple[int, ...]) -> None:
    link = Link()
    assert refused(lambda: link.take(numbered(*numbers))) == "link-order"


def test_a_repeat_with_other_bytes_is_refused_however_late() -> None:
    link = Link()
    for number in range(1, 40):
        link.take(numbered(number))
        drained(link)
    assert refused(lambda: link.take([Numbered(1, b"something else")])) == "link-altered"


def test_an_acknowledgement_of_what_was_never_sent_is_refused() -> None:
    link = Link()
    link.send(b"one")
    assert refused(lambda: link.acknowledge(2)) == "link-order"


def test_an_old_acknowledgement_changes_nothing() -> None:
    link = Link()
    for body in (b"one", b"two", b"three"):
        link.send(body)
    link.acknowledge(2)
    link.acknowledge(1)
    assert link.outgoing(9) == [Numbered(3, b"three")]


def test_too_many_and_too_large_messages_are_refused() -> None:
    link = Link()
    many = numbered(*range(1, limits.MAX_MESSAGES_PER_CALL + 2))
    assert refused(lambda: link.take(many)) == "link-order"
    assert refused(lambda: link.take([Numbered(1, bytes(MAX_MESSAGE + 1))])) == "link-order"
    link.take([Numbered(1, bytes(MAX_MESSAGE))])


def test_a_full_side_takes_nothing_more_and_that_is_no_error() -> None:
    """A responder that computes for a while must not lose the session to a quick initiator."""
    link = Link()
    for start in range(1, ROOM + 1, 4):
        link.take(numbered(*range(start, start + 4)))
    assert link.room == 0
    link.take(numbered(*range(ROOM + 1, ROOM + 5)))
    assert link.ack == ROOM
    assert link.next_message() == b"message 1"
    link.take(numbered(*range(ROOM + 1, ROOM + 5)))
    assert link.ack == ROOM + 1
    drained(link)
    link.take(numbered(*range(ROOM + 2, ROOM + 5)))
    assert link.ack == ROOM + 4


def test_what_is_not_acknowledged_is_sent_again_byte_for_byte() -> None:
    link = Link()
    link.send(b"one")
    link.send(b"two")
    assert link.outgoing(4) == link.outgoing(4) == [Numbered(1, b"one"), Numbered(2, b"two")]
    link.acknowledge(1)
    assert link.outgoing(4) == [Numbered(2, b"two")]
    assert not link.all_acknowledged


@given(seed=st.integers(0, 2**32), count=st.integers(0, 60), slow=st.floats(0, 0.9))
def test_two_links_over_a_bad_network(seed: int, count: int, slow: float) -> None:
    """Lost, repeated and late calls; sides that are slow to take messages out."""
    chance = random.Random(seed)
    sides = (Link(), Link())
    bodies = [b"%d" % number for number in range(count)]
    unsent = [list(bodies), list(bodies)]
    arrived: list[list[bytes]] = [[], []]
    late: list[tuple[int, int, list[Numbered]]] = []
    for turn in range(100 * (count + 2)):
        reliable = turn > 40 * (count + 2)
        for at, side in enumerate(sides):
            while unsent[at] and side.can_send:
                side.send(unsent[at].pop(0))
            call = (1 - at, side.ack, side.outgoing(limits.MAX_MESSAGES_PER_CALL))
            late.append(call)
            if not reliable and chance.random() < 0.3:
                continue
            for to, ack, messages in (call, *([chance.choice(late)] if not reliable else [])):
                sides[to].acknowledge(ack)
                sides[to].take(messages)
            if reliable or chance.random() > slow:
                arrived[at] += drained(side)
    for at, side in enumerate(sides):
        arrived[at] += drained(side)
        assert side.all_acknowledged
    assert arrived == [bodies, bodies]
