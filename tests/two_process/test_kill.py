"""A process that dies at any step: both sides end the session alike, and nothing is half done."""

from __future__ import annotations

import signal

import pytest

from psihash.session.machine import TABLE, State
from psihash.terms import SessionRole
from tests.two_process import programs
from tests.two_process.agencies import BE, COMMON, IDLE_SECONDS, NL, Agencies
from tests.two_process.programs import until

pytestmark = pytest.mark.two_process

OPEN = ("accepted", "running", "settling", "cancelling")


def all_ended(agencies: Agencies) -> bool:
    states = [*agencies.states(NL).values(), *agencies.states(BE).values()]
    return not any(state in OPEN for state in states)


def check_after(agencies: Agencies) -> None:
    """Run again: it succeeds, earlier sessions end, and no half-result is anywhere."""
    again = programs.match(agencies)
    assert again.code == 0, again.err + again.out
    assert {item["digests"]["md5"] for item in again.document["items"]} == COMMON
    until(lambda: all_ended(agencies), IDLE_SECONDS + 10)
    agencies.check_results()
    agencies.check_logs()


def kill_initiator(agencies: Agencies, fault: str) -> None:
    with programs.serving(agencies):
        first = programs.match(agencies, fault)
        assert first.code == -signal.SIGKILL, first.err + first.out
        check_after(agencies)


def kill_responder(agencies: Agencies, fault: str) -> None:
    server = programs.start_server(agencies, fault)
    first = programs.start_match(agencies)
    try:
        assert server.wait().code == -signal.SIGKILL
        with programs.serving(agencies):
            ended = first.wait()
            assert ended.code == 0 or ended.error in ("unknown-channel", "peer-unreachable")
            check_after(agencies)
    finally:
        first.stop()
        server.stop()


@pytest.mark.parametrize("fault", ["after:opened", "after:settling", "before:completed"])
def test_the_initiator_dies(agencies: Agencies, fault: str) -> None:
    kill_initiator(agencies, fault)


@pytest.mark.parametrize("fault", ["after:accept", "before:completed", "after:completed"])
def test_the_responder_dies(agencies: Agencies, fault: str) -> None:
    kill_responder(agencies, fault)


def states_of(role: SessionRole) -> list[str]:
    reached = set(TABLE[role].values())
    return sorted(state for state in reached - {State.REFUSED, State.ABORTED, State.IN_DOUBT})


STEPS = ("accept", "witness", "opened", "disclosing", "completed")
AROUND = [f"{when}:{step}" for step in STEPS for when in ("before", "after")]


@pytest.mark.soak
@pytest.mark.parametrize(
    "fault",
    [*AROUND, "before:settling", *(f"state:{name}" for name in states_of(SessionRole.INITIATOR))],
)
def test_the_initiator_dies_anywhere(agencies: Agencies, fault: str) -> None:
    kill_initiator(agencies, fault)


@pytest.mark.soak
@pytest.mark.parametrize(
    "fault", [*AROUND, *(f"state:{name}" for name in states_of(SessionRole.RESPONDER))]
)
def test_the_responder_dies_anywhere(agencies: Agencies, fault: str) -> None:
    kill_responder(agencies, fault)


@pytest.mark.soak
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_dies_while_it_settles_an_earlier_session(agencies: Agencies, when: str) -> None:
    with programs.serving(agencies, "before:witness") as server:
        first = programs.match(agencies, "after:settling")
        assert first.code == -signal.SIGKILL
        server.stop()
    with programs.serving(agencies):
        second = programs.match(agencies, f"{when}:settle-abort")
        assert second.code == -signal.SIGKILL
        check_after(agencies)
