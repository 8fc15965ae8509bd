"""C5: altered repeats, double answers, frames of another run or session, results too early."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from psihash.psi.engines.openmined import OpenminedEngine
from psihash.session import messages as m
from psihash.session.link import Numbered
from psihash.session.machine import Input
from psihash.session.party import Party
from psihash.terms import Rung, SessionRole
from psihash.testing.memory import Bench
from psihash.testing.pump import pump
from tests.attacks.peers import altering, between, blind, caught, overriding, without_table
from tests.psi.hostile import needs_library
from tests.session.lists import OURS, THEIRS, bench

ROLES = list(SessionRole)
each_role = pytest.mark.parametrize("role", SessionRole)
"""Who is dishonest."""


def real() -> Bench:
    return Bench.of(OURS, THEIRS, engine=OpenminedEngine())


@pytest.mark.parametrize("calls", range(1, 8))
def test_a_repeat_with_another_content_ends_the_session(calls: int) -> None:
    """Also of a message that was handled long ago: its digest is kept."""
    meeting = bench().meet(Rung.RECORDS)
    for _ in range(calls):
        meeting.pair.call()
    victim = meeting.pair.responder
    assert victim.link.ack >= calls
    reply = meeting.pair.answer(
        replace(meeting.pair.request(), messages=(Numbered(1, b"another hello"),))
    )
    assert reply.error == "link-altered"
    assert meeting.codes[1] == "link-altered"
    pump(meeting.pair)
    assert all(journal.visible is None for journal in meeting.journals)


def test_a_repeat_gets_the_same_bytes_and_nothing_is_computed_twice() -> None:
    meeting = bench().meet(Rung.RECORDS)
    for _ in range(4):
        meeting.pair.call()
    request = meeting.pair.request()
    first = meeting.pair.answer(request)
    steps = list(meeting.journals[1].steps)
    for _ in range(5):
        again = meeting.pair.answer(request)
        assert again.messages == first.messages
        assert again.ack == first.ack
    assert meeting.journals[1].steps == steps


def frames(base: type[Party], change: Any) -> type[Party]:
    """A party that sends ``change(frame, frames so far)`` in place of each engine frame."""

    def send(self: Any, event: Input, body: m.Sealed) -> bytes:
        if isinstance(body, m.EngineFrame):
            past = self.__dict__.setdefault("past", [])
            past.append(body)
            body = change(body, past)
        return Party._send(self, event, body)

    return overriding(base, _send=send)


OTHER_FRAMES: dict[str, tuple[Any, set[str]]] = {
    "of a run to come": (lambda body, past: replace(body, run=body.run + 1), {"wrong-run"}),
    "of a run far off": (lambda body, past: replace(body, run=2**32 - 1), {"wrong-run"}),
    "empty": (lambda body, past: replace(body, body=b""), {"psi-bad-frame"}),
    "of text": (lambda body, past: replace(body, body=b"hello" * 20), {"psi-bad-frame"}),
    "with one bit turned": (
        lambda body, past: replace(body, body=body.body[:-1] + bytes([body.body[-1] ^ 1])),
        {"psi-other-run"},
    ),
    "with one more byte": (
        lambda body, past: replace(body, body=body.body + b"\0"),
        {"psi-wrong-count", "psi-bad-frame"},
    ),
    "of an earlier run in this one": (
        lambda body, past: replace(body, body=past[0].body),
        {"psi-out-of-turn", "psi-other-run", "psi-wrong-count"},
    ),
}


@needs_library
@each_role
@pytest.mark.parametrize("name", OTHER_FRAMES)
def test_a_frame_that_does_not_belong_here_is_named(name: str, role: SessionRole) -> None:
    change, codes = OTHER_FRAMES[name]
    meeting = between(real(), Rung.ITEMS, role, frames, change)
    assert caught(meeting, role.other) in codes


@needs_library
@each_role
def test_a_second_answer_to_the_same_question_is_refused(role: SessionRole) -> None:
    """Under a number of its own, so that the link has no word against it."""

    def twice(self: Any, bodies: Any) -> Any:
        for body in bodies:
            yield self._send(Input.SEND_FRAME, body)
            yield self._send(Input.SEND_FRAME, body)

    meeting = between(real(), Rung.ITEMS, role, lambda base: overriding(base, _frames=twice))
    assert caught(meeting, role.other) in {"psi-out-of-turn", "psi-other-run", "wrong-run"}


@needs_library
def test_frames_of_another_session_of_the_same_two_are_refused() -> None:
    """The peer keeps an old run and plays it again, sealed anew."""
    kept: list[m.EngineFrame] = []

    def keep(body: m.EngineFrame, past: Any) -> m.EngineFrame:
        kept.append(body)
        return body

    first = between(real(), Rung.ITEMS, SessionRole.RESPONDER, frames, keep)
    pump(first.pair)
    assert first.codes == (None, None)
    old = iter(list(kept))
    second = between(
        real(), Rung.ITEMS, SessionRole.RESPONDER, frames, lambda body, past: next(old)
    )
    assert caught(second, SessionRole.INITIATOR) == "psi-other-run"


@each_role
def test_a_result_before_the_end_of_the_runs_is_refused(role: SessionRole) -> None:
    initiator = role is SessionRole.INITIATOR

    def early(self: Any) -> Any:
        yield self._send(Input.SEND_RESULT, m.ResultCheck(()))

    def dishonest(base: type[Party]) -> type[Party]:
        silent: dict[str, Any] = {
            "_after_runs": lambda self: iter(()),
            "_on_run_frame": lambda self, _: iter(()),
        }
        nothing = silent if initiator else {}
        return without_table(overriding(base, _start_runs=early, **nothing))

    code = caught(between(bench(), Rung.ITEMS, role, dishonest), role.other)
    assert code == ("runs-not-finished" if initiator else "unexpected-message")


@each_role
def test_a_result_for_other_algorithms_is_refused(role: SessionRole) -> None:
    def change(body: m.Sealed) -> m.Sealed:
        return m.ResultCheck(()) if isinstance(body, m.ResultCheck) else body

    meeting = between(bench(), Rung.ITEMS, role, lambda base: altering(blind(base), change))
    assert caught(meeting, role.other) == "bad-result"
