"""Faults in transit and sides that disagree: noticed, or without effect; never a wrong result."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash.errors import ProtocolError, StateError
from psihash.psi.engine import MAX_FRAME_BYTES, Engine, Items
from psihash.terms import Role, Rung
from tests.psi.contract import SMALL, check, every_engine, every_rung
from tests.psi.parties import join, lone_party, make_pair, run_pair, run_terms, some_tokens
from tests.psi.pumping import Tamper, pump_parties


def survive(engine: Engine, rung: Rung, tamper: Tamper) -> bool:
    """Run with a fault. True if it was noticed; a wrong result fails the test."""
    a, b = make_pair(engine, rung, *SMALL)
    try:
        pump_parties(a, b, tamper)
    except ProtocolError:
        return True
    if b.outcome is None:
        return True
    check(b.outcome, rung, SMALL[1], SMALL[0])
    return False


def at(position: int, change: Callable[[bytes], list[bytes]]) -> Tamper:
    return lambda number, frame: change(frame) if number == position else [frame]


FAULTS: dict[str, Callable[[bytes], list[bytes]]] = {
    "dropped": lambda frame: [],
    "repeated": lambda frame: [frame, frame],
    "emptied": lambda frame: [b""],
    "cut by one": lambda frame: [frame[:-1]],
    "cut in half": lambda frame: [frame[: len(frame) // 2]],
    "longer by one": lambda frame: [frame + b"\0"],
    "doubled": lambda frame: [frame + frame],
    "zeroed": lambda frame: [bytes(len(frame))],
    "split": lambda frame: [frame[: len(frame) // 2], frame[len(frame) // 2 :]],
    "huge": lambda frame: [frame + bytes(MAX_FRAME_BYTES)],
}


@pytest.mark.usefixtures("small_frames")
@every_rung
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_frame_is_noticed(engine: Engine, rung: Rung, fault: str) -> None:
    frames = run_pair(engine, rung, *SMALL)[2].frames
    for position in range(len(frames)):
        assert survive(engine, rung, at(position, FAULTS[fault])), (fault, position)


@pytest.mark.usefixtures("small_frames")
@every_rung
def test_frames_that_change_places_are_noticed(engine: Engine, rung: Rung) -> None:
    frames = run_pair(engine, rung, *SMALL)[2].frames
    swaps = [i for i in range(len(frames) - 1) if frames[i][0] == frames[i + 1][0]]
    assert swaps

    def swap(position: int) -> Tamper:
        kept: list[bytes] = []

        def tamper(number: int, frame: bytes) -> list[bytes]:
            if number == position:
                kept.append(frame)
                return []
            return [frame, *kept] if number == position + 1 else [frame]

        return tamper

    for position in swaps:
        assert survive(engine, rung, swap(position)), position


@every_rung
def test_a_changed_bit_is_noticed_wherever_it_is(engine: Engine, rung: Rung) -> None:
    small = some_tokens(range(3)), some_tokens(range(2, 5))
    for position, (_, frame) in enumerate(run_pair(engine, rung, *small)[2].frames):
        for index in range(len(frame)):

            def flip(frame: bytes, index: int = index) -> list[bytes]:
                return [frame[:index] + bytes([frame[index] ^ 1 << index % 8]) + frame[index + 1 :]]

            with pytest.raises(ProtocolError):
                run_pair(engine, rung, *small, at(position, flip))


@pytest.mark.usefixtures("small_frames")
@every_rung
def test_a_frame_of_an_earlier_run_is_noticed(engine: Engine, rung: Rung) -> None:
    earlier = run_pair(engine, rung, *SMALL)[2].frames

    def always(old: bytes) -> Callable[[bytes], list[bytes]]:
        return lambda _frame: [old]

    for position, (_, old) in enumerate(earlier):
        assert survive(engine, rung, at(position, always(old))), position


@every_rung
@given(frames=st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_random_bytes_are_refused_by_both_sides(
    engine: Engine, rung: Rung, frames: list[bytes]
) -> None:
    for side in make_pair(engine, rung, *SMALL):
        list(side.start())
        with pytest.raises(ProtocolError):
            list(side.receive(frames[0]))
        for frame in frames:
            with pytest.raises(StateError):
                list(side.receive(frame))
        assert side.outcome is None


@every_rung
@pytest.mark.parametrize("change", [{"run": 1}, {"kind": "epoch"}, {"own": 21}, {"peer": 21}])
def test_sides_with_different_terms_do_not_get_along(
    engine: Engine, rung: Rung, change: dict[str, int | str]
) -> None:
    words = {"own": 20, "peer": 20, **change}
    theirs = run_terms(rung, **words)  # type: ignore[arg-type]
    other = Items(some_tokens(range(int(words["own"]))))
    a, b = join((engine, Items(SMALL[0]), run_terms(rung, 20, 20)), (engine, other, theirs))
    with pytest.raises(ProtocolError):
        pump_parties(a, b)
    assert a.outcome is None
    assert b.outcome is None


@every_engine
def test_sides_at_different_rungs_do_not_get_along(engine: Engine) -> None:
    rungs = [r for r in (Rung.COUNT, Rung.ITEMS) if r in engine.properties.rungs]
    if len(rungs) < 2:
        pytest.skip(f"{engine.id} serves one comparing rung only")
    for sender, receiver in (rungs, reversed(rungs)):
        a = lone_party(engine, Role.SENDER, Items(SMALL[0]), run_terms(sender, 20, 20))
        b = lone_party(engine, Role.RECEIVER, Items(SMALL[1]), run_terms(receiver, 20, 20))
        with pytest.raises(ProtocolError) as caught:
            pump_parties(a, b)
        assert caught.value.code == "psi-wrong-rung"
