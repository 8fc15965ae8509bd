"""Sessions over a bad network and over stores that fail: both sides get the result, or neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from psihash import errors
from psihash.session.machine import State
from psihash.terms import Learn, Rung, SessionRole
from psihash.testing.memory import Bench, Meeting
from psihash.testing.plain_engine import PlainEngine
from psihash.testing.pump import HARMLESS, Fault, Script, pump, swap
from tests.session.lists import COMMON, MD5, OURS, THEIRS, bench, matched

TAMPERING = [fault for fault in Fault if fault not in HARMLESS]
CODES = {
    Fault.REORDER: {"link-order"},
    Fault.TRUNCATE: {"frame-broken", "malformed-message"},
    Fault.FLIP: {
        "frame-broken",
        "malformed-message",
        "bad-signature",
        "wrong-protocol",
        "wrong-card",
        "wrong-channel",
        "bad-key-exchange",
        "unexpected-message",
    },
    Fault.ALTER_REPEAT: {"link-altered"},
}


def both_or_neither(meeting: Meeting) -> bool:
    """Whether both have the result; fails where one has it alone, or they differ."""
    meeting.settle()
    first, second = meeting.journals
    assert (first.visible is None) == (second.visible is None), (first.steps, second.steps)
    for journal in meeting.journals:
        assert journal.visible is not None or journal.sealed is None or journal.state == "new"
    if first.visible is None:
        return False
    assert first.receipts is not None
    assert second.receipts is not None
    assert first.receipts == second.receipts[::-1]
    assert matched(first, first.visible) == matched(second, second.visible) == {MD5: COMMON}
    return True


@pytest.mark.parametrize("fault", HARMLESS)
@pytest.mark.parametrize("rung", [Rung.ITEMS, Rung.RECORDS])
def test_a_network_fault_at_any_call_changes_nothing(rung: Rung, fault: Fault) -> None:
    quiet = pump(bench().meet(rung).pair).calls
    for call in range(quiet):
        meeting = bench().meet(rung)
        pump(meeting.pair, Script({call: fault}, seed=call))
        assert meeting.codes == (None, None)
        assert both_or_neither(meeting)
        assert [party.state for party in meeting.parties] == [State.CLOSED, State.CLOSED]


@given(seed=st.integers(0, 2**32), rate=st.floats(0.1, 0.7))
def test_a_very_bad_network_changes_nothing_either(seed: int, rate: float) -> None:
    meeting = bench().meet(Rung.RECORDS)
    pump(meeting.pair, Script(seed=seed, rate=rate))
    assert both_or_neither(meeting)


@pytest.mark.parametrize("fault", TAMPERING)
def test_tampering_at_any_call_is_named_and_leaves_no_result(fault: Fault) -> None:
    """Or leaves the result of both, where it hit nothing or came after both receipts."""
    seen = set()
    for call in range(12):
        for seed in range(3):
            meeting = bench().meet(Rung.RECORDS)
            pump(meeting.pair, Script({call: fault}, seed=seed))
            if both_or_neither(meeting):
                continue
            codes = {code for code in meeting.codes if code is not None} - {"peer-aborted"}
            assert codes <= CODES[fault], codes
            seen |= codes
            for journal in meeting.journals:
                assert journal.codes or journal.state in ("new", "aborted")
    assert seen & CODES[fault]


@given(seed=st.integers(0, 2**32))
def test_any_mixture_of_faults_leaves_both_or_neither(seed: int) -> None:
    meeting = bench().meet(Rung.ITEMS)
    pump(meeting.pair, Script(seed=seed, rate=0.15, kinds=list(Fault)))
    both_or_neither(meeting)


@pytest.mark.parametrize("calls", range(9))
def test_messages_of_two_sessions_cannot_change_places(calls: int) -> None:
    one, other = bench().meet(Rung.RECORDS), bench().meet(Rung.RECORDS)
    for _ in range(calls):
        one.pair.call()
        other.pair.call()
    swap(one.pair, other.pair)
    for meeting in (one, other):
        pump(meeting.pair)
        assert not both_or_neither(meeting)
        codes = {code for code in meeting.codes if code is not None} - {"peer-aborted"}
        assert codes <= {"frame-broken", "wrong-channel"}


def test_the_same_script_gives_the_same_faults() -> None:
    runs = [[Script(seed=7, rate=0.5).fault(call) for call in range(40)] for _ in range(2)]
    assert runs[0] == runs[1]


# -- cut for good, cancelled ---------------------------------------------------------------------


def cancelled() -> errors.PsihashError:
    return errors.StateError("session-over", "cancelled by a test")


def lost_call_then_cancel(meeting: Meeting) -> None:
    meeting.pair.call(Fault.DROP_REPLY)
    meeting.pair.cut_initiator(cancelled())


ENDINGS: dict[str, Callable[[Meeting], None]] = {
    "cut": lambda meeting: meeting.pair.cut(),
    "initiator cancels": lambda meeting: meeting.pair.cut_initiator(cancelled()),
    "initiator cancels behind a lost call": lost_call_then_cancel,
    "responder cancels": lambda meeting: meeting.pair.cut_responder(cancelled()),
}


@pytest.mark.parametrize("learn", Learn)
@pytest.mark.parametrize("name", ENDINGS)
def test_an_end_at_any_call_leaves_both_or_neither(name: str, learn: Learn) -> None:
    rung = Rung.RECORDS if learn is Learn.BOTH else Rung.ITEMS
    quiet = pump(bench().meet(rung, learn).pair).calls
    completed = []
    for calls in range(quiet + 1):
        meeting = bench().meet(rung, learn)
        for _ in range(calls):
            meeting.pair.call()
        ENDINGS[name](meeting)
        pump(meeting.pair)
        meeting.settle()
        done = [journal.state == "completed" for journal in meeting.journals]
        assert done[0] == done[1], (calls, [journal.steps for journal in meeting.journals])
        completed.append(done[0])
    assert completed == sorted(completed)
    assert completed[-1]
    assert not completed[0]


def test_the_other_side_is_told_the_code_of_a_cancellation_even_amid_a_stream() -> None:
    """A message that is sealed but not sent yet must not make the farewell unreadable."""
    made = Bench.of(OURS, THEIRS, engine=PlainEngine(chunk=2))
    for calls in range(2, 12):
        meeting = made.meet(Rung.ITEMS)
        for _ in range(calls):
            meeting.pair.call()
        meeting.pair.cut_responder(cancelled())
        pump(meeting.pair)
        assert meeting.codes[0] == "peer-aborted"
        assert meeting.journals[0].codes == ["session-over"]


# -- stores that fail ----------------------------------------------------------------------------

STEPS = [
    (role, step)
    for role in SessionRole
    for step in (
        "accept",
        "opened",
        "witness",
        "disclosing labels",
        "disclosing records",
        "settling",
        "completed",
    )
    if (role, step) != (SessionRole.RESPONDER, "settling")
]


def failing(step: str, times: int = 1) -> Callable[[str], None]:
    left = [times]

    def on(name: str) -> None:
        if name == step and left[0]:
            left[0] -= 1
            raise errors.StorageError("session-over", "the disk of a test is full")

    return on


@pytest.mark.parametrize(("role", "step"), STEPS)
def test_a_store_that_fails_at_any_step_leaves_both_or_neither(
    role: SessionRole, step: str
) -> None:
    meeting = bench().meet(Rung.RECORDS)
    journal = meeting.journals[list(SessionRole).index(role)]
    journal.on = journal.desk.on = failing(step)
    pump(meeting.pair)
    assert both_or_neither(meeting) == (
        # The responder has completed, so its word settles what the initiator could not write.
        (role, step) == (SessionRole.INITIATOR, "completed")
    )


def test_an_initiator_that_cannot_write_the_end_is_in_doubt_and_not_aborted() -> None:
    meeting = bench().meet(Rung.ITEMS)
    meeting.journals[0].on = failing("completed")
    pump(meeting.pair)
    assert meeting.parties[0].state is State.IN_DOUBT
    assert meeting.journals[0].state == "settling"
    assert meeting.journals[0].visible is None
    assert meeting.journals[1].visible is not None
    assert both_or_neither(meeting)


@pytest.mark.parametrize(("role", "step"), STEPS)
def test_a_store_that_stays_broken_shows_no_result_and_says_nothing(
    role: SessionRole, step: str
) -> None:
    """What cannot be recorded is not said: the other side gives up by itself."""
    meeting = bench().meet(Rung.RECORDS)
    journal = meeting.journals[list(SessionRole).index(role)]
    broken = failing(step)

    def on(name: str) -> None:
        if name == "ended":
            raise errors.StorageError("session-over", "the disk of a test is still full")
        broken(name)

    journal.on = journal.desk.on = on
    pump(meeting.pair)
    assert journal.visible is None
    assert not [entry for entry in journal.entries if "code" in entry]


# -- all of it at random -------------------------------------------------------------------------


class SessionOverABadNetwork(RuleBasedStateMachine):
    """Any order of calls, faults, cuts and cancellations."""

    @initialize(
        rung=st.sampled_from([Rung.COUNT, Rung.ITEMS, Rung.RECORDS]),
        learn=st.sampled_from(Learn),
        both=st.booleans(),
        chunk=st.sampled_from([3, 40]),
        patience=st.integers(0, 20),
    )
    def open(self, rung: Rung, learn: Learn, both: bool, chunk: int, patience: int) -> None:
        self.patience = patience
        self.learn = Learn.BOTH if rung is Rung.RECORDS else learn
        engine = PlainEngine(both_in_one_run=both and self.learn is Learn.BOTH, chunk=chunk)
        self.meeting = Bench.of(OURS, THEIRS, engine=engine).meet(rung, self.learn)
        self.pair = self.meeting.pair
        self.script = Script(seed=1)

    @rule(times=st.integers(1, 6))
    def calls(self, times: int) -> None:
        for _ in range(times):
            self.pair.call()

    @rule(fault=st.sampled_from(HARMLESS), seed=st.integers(0, 99))
    def faulty_call(self, fault: Fault, seed: int) -> None:
        self.pair.call(fault, Script(seed=seed))

    @precondition(lambda self: self.pair.calls >= self.patience)
    @rule(name=st.sampled_from(sorted(ENDINGS)))
    def end(self, name: str) -> None:
        ENDINGS[name](self.meeting)

    @precondition(lambda self: self.pair.calls > 8)
    @rule(role=st.sampled_from(SessionRole), step=st.sampled_from(["settling", "completed"]))
    def store_fails_once(self, role: SessionRole, step: str) -> None:
        self.meeting.journals[list(SessionRole).index(role)].on = failing(step)

    @invariant()
    def the_responder_is_first(self) -> None:
        """Nothing is shown before both receipts stand, and the responder's decides."""
        if not hasattr(self, "meeting"):
            return
        first, second = self.meeting.journals
        if first.visible is not None:
            assert second.visible is not None
        if second.visible is not None:
            assert first.state in ("settling", "completed")
        for journal in self.meeting.journals:
            assert (journal.visible is not None) == (journal.receipts is not None)

    def teardown(self) -> None:
        if not hasattr(self, "meeting"):
            return
        pump(self.pair)
        self.meeting.settle()
        first, second = self.meeting.journals
        assert (first.state == "completed") == (second.state == "completed")
        if first.visible is None or second.visible is None:
            return
        found: list[Any] = [matched(journal, journal.visible) for journal in (first, second)]
        for role, one in zip(SessionRole, found, strict=True):
            if role.learns(self.learn):
                assert one[MD5] in (COMMON, len(COMMON))
            else:
                assert one == {MD5: None}


TestSessionOverABadNetwork = SessionOverABadNetwork.TestCase
TestSessionOverABadNetwork.settings = settings(max_examples=40, stateful_step_count=25)
