"""Turns of many members: fair, bounded, and none is held up by another."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.node.central.turns import Turns
from psihash.node.peering.channel import PEER_BUSY


def until(turns: Turns, waiting: int) -> None:
    deadline = time.monotonic() + 10
    while turns.waiting != waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=24),
    st.integers(1, 3),
)
def test_who_waits_is_served_round_by_round(calls: list[str], at_once: int) -> None:
    """Against a model: each round serves one of each member, in the order of the rounds."""
    turns = Turns(at_once, 100, 10)
    served: list[str] = []
    noted = threading.Lock()

    def call(member: str) -> None:
        with turns.turn(member):
            with noted:
                served.append(member)
            barrier.wait()

    barrier = threading.Event()
    with ThreadPoolExecutor(at_once + len(calls)) as pool:
        # The first ones hold all turns until everybody else waits.
        held = [turns.turn(f"first{number}") for number in range(at_once)]
        for each in held:
            each.__enter__()
        for number, member in enumerate(calls):
            pool.submit(call, member)
            until(turns, number + 1)
        barrier.set()
        for each in held:
            each.__exit__(None, None, None)
    assert Counter(served) == Counter(calls)
    if at_once == 1:
        assert served == rounds(calls)


def rounds(calls: list[str]) -> list[str]:
    order = list(dict.fromkeys(calls))
    left, out = Counter(calls), []
    while left.total():
        for member in list(order):
            if left[member]:
                out.append(member)
                left[member] -= 1
    return out


def test_one_member_works_once_at_a_time() -> None:
    turns, most, now = Turns(4, 8, 10), Counter[str](), Counter[str]()
    lock = threading.Lock()

    def call(member: str) -> None:
        with turns.turn(member):
            with lock:
                now[member] += 1
                most[member] = max(most[member], now[member])
                most["all"] = max(most["all"], now.total())
            time.sleep(0.002)
            with lock:
                now[member] -= 1

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(call, ["a", "b", "c", "d", "e"] * 8))
    assert most["all"] == 4
    assert all(most[member] == 1 for member in "abcde")


def test_a_flood_is_sent_away_and_the_others_are_served() -> None:
    turns = Turns(1, 2, 10)
    with ThreadPoolExecutor(4) as pool, turns.turn("flood"):
        waiting = [pool.submit(_once, turns, "flood") for _ in range(2)]
        until(turns, 2)
        began = time.monotonic()
        for _ in range(100):
            with pytest.raises(errors.UnavailableError) as caught, turns.turn("flood"):
                pass
            assert caught.value.code == PEER_BUSY
        assert time.monotonic() - began < 1
        other = pool.submit(_once, turns, "quiet")
        until(turns, 3)
    assert other.result() < waiting[1].result()


def _once(turns: Turns, member: str) -> float:
    with turns.turn(member):
        time.sleep(0.002)
        return time.monotonic()


def test_who_waits_too_long_gives_its_place_up() -> None:
    turns = Turns(1, 1, 0.02)
    with turns.turn("slow"):
        for _ in range(3):
            with pytest.raises(errors.UnavailableError), turns.turn("other"):
                pass
        assert turns.waiting == 0
    with turns.turn("other"):
        pass


def test_a_turn_ends_however_the_work_ends() -> None:
    turns = Turns(1, 1, 0.1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), turns.turn("a"):
            raise ZeroDivisionError
    with turns.turn("b"):
        pass
    assert turns.waiting == 0
