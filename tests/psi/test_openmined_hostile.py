"""A peer that builds correct frames around wrong content, and containers that break the library."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from psihash.errors import ProtocolError
from psihash.psi import encoding
from psihash.psi.engine import Items, Party
from psihash.psi.engines.openmined import OpenminedEngine
from psihash.terms import Role, Rung
from tests.psi import reference_p256 as ref
from tests.psi.hostile import (
    BAD_POINTS,
    SIZE,
    Points,
    asked,
    every_rung,
    needs_library,
    points,
    refused,
    replaced,
    started,
)
from tests.psi.parties import CONTEXT_ID, Stream, run_terms, some_tokens

pytestmark = needs_library


@every_rung
@pytest.mark.parametrize("name", BAD_POINTS)
def test_a_bad_point_in_a_setup_is_refused(rung: Rung, name: str) -> None:
    side, wire, _ = started(Role.RECEIVER, rung)
    (frame,) = wire.frames(ref.SETUP, replaced(points(SIZE), BAD_POINTS[name]))
    assert refused(side, frame) == "psi-bad-point"


@every_rung
@pytest.mark.parametrize("name", BAD_POINTS)
def test_a_bad_point_in_a_request_is_refused(rung: Rung, name: str) -> None:
    side, wire, _ = started(Role.SENDER, rung)
    (frame,) = wire.frames(ref.REQUEST, replaced(points(SIZE), BAD_POINTS[name]))
    assert refused(side, frame) == "psi-bad-point"


@every_rung
@pytest.mark.parametrize("name", BAD_POINTS)
def test_a_bad_point_in_a_response_is_refused(rung: Rung, name: str) -> None:
    side, wire, request = asked(rung)
    (frame,) = wire.frames(ref.RESPONSE, replaced(sorted(request), BAD_POINTS[name]))
    assert refused(side, frame) == "psi-bad-point"


DISORDER: dict[str, Callable[[Points], Points]] = {
    "descending": lambda good: good[::-1],
    "two exchanged": lambda good: [good[1], good[0], *good[2:]],
    "one twice": lambda good: [good[0], *good[:-1]],
    "all the same": lambda good: [good[0]] * len(good),
}


@every_rung
@pytest.mark.parametrize("name", DISORDER)
def test_an_unsorted_or_repeating_setup_is_refused(rung: Rung, name: str) -> None:
    """The library would silently lose hits in a list that is not sorted."""
    side, wire, _ = started(Role.RECEIVER, rung)
    (frame,) = wire.frames(ref.SETUP, DISORDER[name](points(SIZE)))
    assert refused(side, frame) == "psi-wrong-order"


@every_rung
@pytest.mark.parametrize("name", DISORDER)
def test_an_unsorted_or_repeating_request_is_refused(rung: Rung, name: str) -> None:
    side, wire, _ = started(Role.SENDER, rung)
    (frame,) = wire.frames(ref.REQUEST, DISORDER[name](points(SIZE)))
    assert refused(side, frame) == "psi-wrong-order"


@pytest.mark.parametrize("name", DISORDER)
def test_an_unsorted_or_repeating_response_is_refused_at_count(name: str) -> None:
    side, wire, request = asked(Rung.COUNT)
    (frame,) = wire.frames(ref.RESPONSE, DISORDER[name](sorted(request)))
    assert refused(side, frame) == "psi-wrong-order"


@pytest.mark.parametrize("name", ["one twice", "all the same"])
def test_a_repeating_response_is_refused_at_items(name: str) -> None:
    side, wire, request = asked(Rung.ITEMS)
    (frame,) = wire.frames(ref.RESPONSE, DISORDER[name](request))
    assert refused(side, frame) == "psi-wrong-order"


@pytest.mark.usefixtures("small_frames")
@every_rung
def test_disorder_and_repeats_across_frames_are_seen(
    rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ref, "FRAME_POINTS", 8)
    good = points(SIZE)
    for bad in ([*good[:7], good[9], good[8], good[7]], [*good[:8], good[7], good[9]]):
        for role, kind in ((Role.RECEIVER, ref.SETUP), (Role.SENDER, ref.REQUEST)):
            side, wire, _ = started(role, rung)
            first, second = wire.frames(kind, bad)
            assert list(side.receive(first)) == []
            assert refused(side, second) == "psi-wrong-order"


@pytest.mark.usefixtures("small_frames")
def test_a_repeat_in_another_frame_of_a_response_is_seen_at_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ref, "FRAME_POINTS", 8)
    side, wire, _ = started(Role.RECEIVER, Rung.ITEMS)
    first, second = wire.frames(ref.SETUP, points(SIZE))
    request = wire.points(ref.REQUEST, [*side.receive(first), *side.receive(second)])
    first, second = wire.frames(ref.RESPONSE, [*request[:9], request[0]])
    assert list(side.receive(first)) == []
    assert refused(side, second) == "psi-wrong-order"


@every_rung
@pytest.mark.parametrize("count", [0, 1, SIZE - 1, SIZE + 1, 2 * SIZE])
def test_a_list_of_another_size_is_refused(rung: Rung, count: int) -> None:
    for role, kind in ((Role.RECEIVER, ref.SETUP), (Role.SENDER, ref.REQUEST)):
        side, wire, _ = started(role, rung)
        (frame,) = wire.frames(kind, points(count))
        assert refused(side, frame) == "psi-wrong-count"
        side, wire, _ = started(role, rung)
        lying = wire.frame(kind, SIZE, 0, points(count))
        assert refused(side, lying) == "psi-wrong-count"
    side, wire, request = asked(rung)
    (frame,) = wire.frames(ref.RESPONSE, (request + points(SIZE, 50))[:count])
    assert refused(side, frame) == "psi-wrong-count"


@every_rung
def test_a_peer_cannot_ask_for_another_rung(rung: Rung) -> None:
    other = 3 - ref.Wire("session", CONTEXT_ID, 0, rung, 0, 0).rung
    for role, kind in ((Role.RECEIVER, ref.SETUP), (Role.SENDER, ref.REQUEST)):
        side, wire, _ = started(role, rung)
        wire.rung = other
        (frame,) = wire.frames(kind, points(SIZE))
        assert refused(side, frame) == "psi-wrong-rung"


@every_rung
@pytest.mark.parametrize(
    ("position", "value", "code"),
    [
        (0, 0, "psi-bad-frame"),
        (0, 2, "psi-bad-frame"),
        (1, 0, "psi-bad-frame"),
        (1, 4, "psi-bad-frame"),
        (1, 3, "psi-out-of-turn"),
        (2, 0, "psi-wrong-rung"),
        (2, 9, "psi-wrong-rung"),
        (3, 255, "psi-wrong-count"),
        (7, 255, "psi-out-of-turn"),
        (10, 1, "psi-out-of-turn"),
    ],
)
def test_every_field_of_the_head_is_checked(
    rung: Rung, position: int, value: int, code: str
) -> None:
    for role, kind in ((Role.RECEIVER, ref.SETUP), (Role.SENDER, ref.REQUEST)):
        side, wire, _ = started(role, rung)
        (frame,) = wire.frames(kind, points(SIZE))
        assert refused(side, frame[:position] + bytes([value]) + frame[position + 1 :]) == code


@every_rung
def test_lists_come_in_their_order_only(rung: Rung) -> None:
    for role, first in ((Role.RECEIVER, ref.SETUP), (Role.SENDER, ref.REQUEST)):
        for kind in {ref.SETUP, ref.REQUEST, ref.RESPONSE} - {first}:
            side, wire, _ = started(role, rung)
            (frame,) = wire.frames(kind, points(SIZE))
            assert refused(side, frame) == "psi-out-of-turn"
    side, wire, _ = asked(rung)
    (frame,) = wire.frames(ref.SETUP, points(SIZE))
    assert refused(side, frame) == "psi-out-of-turn"


@every_rung
def test_a_run_cannot_be_relayed_into_another(rung: Rung) -> None:
    """A frame of run 1 fails in run 0; and so do its points under a new tail: nothing matches."""
    _, _, setup = started(Role.SENDER, rung, run=1)
    side, wire, _ = started(Role.RECEIVER, rung, run=0)
    (frame,) = wire.frames(ref.SETUP, setup)
    request = wire.points(ref.REQUEST, list(side.receive(frame)))
    other, other_wire, _ = started(Role.SENDER, rung, run=1)
    (frame,) = other_wire.frames(ref.REQUEST, request)
    answers = other_wire.points(ref.RESPONSE, list(other.receive(frame)))
    (frame,) = wire.frames(ref.RESPONSE, answers)
    list(side.receive(frame))
    assert side.outcome is not None
    assert side.outcome.count == 0


# A sender that holds nothing and wants to be seen to hold everything.


def echo(_setup: Points, request: Points) -> Points:
    return request


def own_setup(setup: Points, _request: Points) -> Points:
    return setup


def scaled_request(_setup: Points, request: Points) -> Points:
    return [ref.encode(ref.multiply(7, ref.decode(point))) for point in request]


@every_rung
@pytest.mark.parametrize("forge", [echo, own_setup, scaled_request])
def test_a_sender_without_items_forges_no_hit(
    rung: Rung, forge: Callable[[Points, Points], Points]
) -> None:
    side, wire, request = asked(rung)
    answers = forge(points(SIZE), request)
    (frame,) = wire.frames(ref.RESPONSE, sorted(answers) if rung is Rung.COUNT else answers)
    list(side.receive(frame))
    assert side.outcome is not None
    assert side.outcome.count == 0


def misplacing_sender(items: Items, size: int) -> Party:
    """Our receiver after a sender that holds every item answered all in the wrong places."""
    terms = run_terms(Rung.ITEMS, len(items), size)
    side = OpenminedEngine().party(Role.RECEIVER, items, terms, Stream())
    wire = ref.Wire("session", CONTEXT_ID, 0, Rung.ITEMS, size, len(items))
    list(side.start())
    key = secrets.randbelow(ref.N - 1) + 1
    known = [*encoding.canaries(CONTEXT_ID, 0), *some_tokens(range(size - encoding.CANARIES))]
    setup = [
        ref.encode(
            ref.multiply(key, ref.hash_to_curve(ref.element("session", CONTEXT_ID, 0, bytes(row))))
        )
        for row in known
    ]
    (frame,) = wire.frames(ref.SETUP, sorted(setup))
    request = wire.points(ref.REQUEST, list(side.receive(frame)))
    answers = [ref.encode(ref.multiply(key, ref.decode(point))) for point in request]
    (frame,) = wire.frames(ref.RESPONSE, answers[1:] + answers[:1])
    list(side.receive(frame))
    return side


def test_a_sender_that_misplaces_its_answers_trips_over_canaries_and_dummies() -> None:
    canaries = encoding.canaries(CONTEXT_ID, 0)
    items, mapping = encoding.padded_list(some_tokens(range(30)), 108, canaries, Stream())
    outcome = misplacing_sender(items, 70).outcome
    assert outcome is not None
    assert outcome.count == 70, "the count is right: the places are not"
    with pytest.raises(ProtocolError) as caught:
        encoding.real_positions(outcome, mapping)
    assert caught.value.code == encoding.CANARY_MISSED
