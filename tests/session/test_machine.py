"""The table of states: every pair, on paper and with real parties."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from psihash.errors import ProtocolError, PsihashError
from psihash.session import messages as m
from psihash.session.machine import TABLE, Input, Machine, State
from psihash.session.party import Party
from psihash.terms import Learn, Rung, SessionRole
from psihash.testing.memory import Meeting, MemoryJournal
from psihash.wire.codec import ProtobufCodec
from tests.session.lists import bench

ROLES = list(SessionRole)
PAIRS = [(role, state, event) for role in ROLES for state in State for event in Input]
SEND, RECV = "send-", "recv-"


def mirrored(event: Input) -> Input:
    word = event.value
    there = RECV + word.removeprefix(SEND) if word.startswith(SEND) else SEND + word[len(RECV) :]
    return Input(there)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("state", State)
def test_every_pair_moves_on_or_raises(role: SessionRole, state: State) -> None:
    for event in Input:
        machine = Machine(role)
        machine.state = state
        if (state, event) in TABLE[role]:
            assert machine.allows(event)
            assert machine.take(event) is TABLE[role][state, event] is machine.state
        else:
            assert not machine.allows(event)
            with pytest.raises(ProtocolError) as caught:
                machine.take(event)
            assert caught.value.code == "unexpected-message"
            assert machine.state is state


def test_the_two_tables_are_mirror_images() -> None:
    """What one side sends in a state the other receives in the same, to the same end."""
    ours, theirs = (TABLE[role] for role in ROLES)
    aborts = {Input.SEND_ABORT, Input.RECV_ABORT}
    mirror = {
        (state, mirrored(event)): after
        for (state, event), after in theirs.items()
        if event not in aborts
    }
    assert {pair: after for pair, after in ours.items() if pair[1] not in aborts} == mirror


@pytest.mark.parametrize("role", ROLES)
def test_nothing_follows_a_final_state_and_an_end_can_be_reached_from_any_other(
    role: SessionRole,
) -> None:
    table = TABLE[role]
    for state in State:
        rows = [event for (at, event) in table if at is state]
        assert state.final == (not rows)
        if not state.final:
            assert {Input.SEND_ABORT, Input.RECV_ABORT} <= set(rows)
            assert table[state, Input.SEND_ABORT].final
            assert table[state, Input.RECV_ABORT].final


def test_only_an_initiator_whose_receipt_has_left_can_be_in_doubt() -> None:
    rows = {
        (role, state)
        for role in ROLES
        for (state, _), after in TABLE[role].items()
        if after is State.IN_DOUBT
    }
    assert rows == {(SessionRole.INITIATOR, State.SETTLING)}


@pytest.mark.parametrize("role", ROLES)
def test_every_state_but_the_failures_can_be_reached(role: SessionRole) -> None:
    reached, fresh = {State.NEW}, [State.NEW]
    while fresh:
        at = fresh.pop()
        for (state, _), after in TABLE[role].items():
            if state is at and after not in reached:
                reached.add(after)
                fresh.append(after)
    # A responder decides, so it is never in doubt.
    missing = set() if role is SessionRole.INITIATOR else {State.IN_DOUBT}
    assert set(State) - reached == missing


# -- the same with real parties ------------------------------------------------------------------


@dataclass
class Stopped:
    """A session halted when one side waits in a state."""

    meeting: Meeting
    party: Party

    @property
    def journal(self) -> MemoryJournal:
        return self.meeting.journals[ROLES.index(self.party.role)]

    def receive(self, body: m.Sealed) -> list[bytes]:
        """The peer's next message, sealed as it would be."""
        channel, number = self.party._channel, self.party._received
        assert channel is not None
        context = channel._context(self.party.role.other, number)
        plain = ProtobufCodec().encode(body)
        sealed = channel._receive.encrypt(number.to_bytes(12, "big"), plain, context)
        return list(self.party.receive(sealed))

    def refuse(self, body: m.Sealed) -> PsihashError:
        """The error with which a message is met."""
        with pytest.raises(ProtocolError) as caught:
            self.receive(body)
        return caught.value


def stopped(role: SessionRole, state: State) -> Stopped:
    """Carry messages by hand until ``role`` waits in ``state``."""
    meeting = bench().meet(Rung.RECORDS)
    sides = dict(zip(ROLES, meeting.parties, strict=True))
    party = sides[role]
    inbox: dict[SessionRole, list[bytes]] = {each: [] for each in ROLES}
    opening: Iterator[bytes] = meeting.pair.initiator._saying
    inbox[SessionRole.RESPONDER] += opening
    while party.state is not state:
        taker = next(each for each in ROLES if inbox[each])
        answers = list(sides[taker].receive(inbox[taker].pop(0)))
        inbox[taker.other] += answers
    return Stopped(meeting, party)


def everything() -> list[m.Sealed]:
    """One well-formed message of each kind."""
    blob = bytes(4096)
    return [
        m.Offer(
            Rung.ITEMS, Learn.BOTH, "plain-one/1", (), "psihash/token/1", (), bytes(32), bytes(32),
            bytes(32), "", "2026-01-01T00:00:00Z",
        ),
        m.Accept((), (), ""),
        m.Refuse("clause-rung"),
        m.Confirm((), b"", bytes(64), b""),
        m.EngineFrame(0, b"x"),
        m.ResultCheck(()),
        m.Labels(blob, False),
        m.Labels(blob, True),
        m.Openings(blob, False),
        m.Openings(blob, True),
        m.Records(blob, False),
        m.Records(blob, True),
        m.Receipt(b"{}", bytes(64)),
        m.Close(b""),
    ]  # fmt: skip


NAMES: dict[type, str] = {
    m.Offer: "offer",
    m.Accept: "accept",
    m.Refuse: "refuse",
    m.Confirm: "confirm",
    m.EngineFrame: "frame",
    m.ResultCheck: "result",
    m.Labels: "labels",
    m.Openings: "openings",
    m.Records: "records",
    m.Receipt: "receipt",
    m.Close: "close",
}


def event_of(body: m.Sealed) -> Input:
    part = isinstance(body, m.Labels | m.Openings | m.Records) and body.more
    return Input(f"recv-{NAMES[type(body)]}{'-part' if part else ''}")


@functools.cache
def waiting_states(role: SessionRole) -> list[State]:
    """The states in which a side waits for a message, found by carrying a session by hand."""
    meeting = bench().meet(Rung.RECORDS)
    found: list[State] = []
    inbox: tuple[list[bytes], list[bytes]] = ([], list(meeting.pair.initiator._saying))
    while any(inbox):
        turn = 0 if inbox[0] else 1
        party = meeting.parties[turn]
        if party.role is role and party.state not in found:
            found.append(party.state)
        inbox[1 - turn].extend(party.receive(inbox[turn].pop(0)))
    return found


SEALED_WAITS = [
    (role, state)
    for role in ROLES
    for state in waiting_states(role)
    if state not in (State.NEW, State.GREETING)
]


def test_the_waiting_states_are_those_of_the_table() -> None:
    """So that the next test really goes through all of them."""
    for role in ROLES:
        waits = {
            state
            for state, event in TABLE[role]
            if event.value.startswith(RECV) and event is not Input.RECV_ABORT
        }
        assert set(waiting_states(role)) == waits


@pytest.mark.parametrize(("role", "state"), SEALED_WAITS)
def test_a_message_without_a_row_ends_the_session_and_is_recorded(
    role: SessionRole, state: State
) -> None:
    for body in everything():
        if (state, event_of(body)) in TABLE[role]:
            continue
        halted = stopped(role, state)
        error = halted.refuse(body)
        assert error.code == "unexpected-message", event_of(body)
        _ends_well(halted, error, state)


def _ends_well(halted: Stopped, error: PsihashError, state: State) -> None:
    party, journal = halted.party, halted.journal
    party.fail(error)
    if state is State.CLOSING or (state is State.SETTLED):
        assert party.state is State.CLOSED
        assert journal.visible is not None  # complete whatever comes
        return
    assert journal.visible is None
    if party.role is SessionRole.INITIATOR and state is State.SETTLING:
        assert party.state is State.IN_DOUBT
        assert journal.state == "settling"
        return
    assert party.state is State.ABORTED
    assert journal.codes == [error.code]


@pytest.mark.parametrize("role", ROLES)
def test_the_wrong_greeting_ends_the_session(role: SessionRole) -> None:
    state = State.GREETING if role is SessionRole.INITIATOR else State.NEW
    halted = stopped(role, state)
    codec = halted.party._setting.codec
    hello = halted.meeting.parties[0].hello  # type: ignore[attr-defined]
    reply = m.HelloReply(
        bytes(32), hello.own_card, hello.peer_card, bytes(1120), bytes(32), bytes(32), bytes(64)
    )
    wrong: list[m.Greeting] = [hello] if role is SessionRole.INITIATOR else [reply, m.Refuse("x")]
    for body in wrong:
        halted = stopped(role, state)
        with pytest.raises(ProtocolError) as caught:
            list(halted.party.receive(codec.encode_greeting(body)))
        assert caught.value.code == "unexpected-message"
        halted.party.fail(caught.value)
        assert halted.party.state is State.ABORTED
        assert halted.journal.codes == ["unexpected-message"]


@pytest.mark.parametrize("role", ROLES)
def test_an_abort_of_the_peer_ends_the_session_at_once_in_every_state(role: SessionRole) -> None:
    for state in waiting_states(role):
        if state in (State.NEW, State.GREETING):
            continue
        halted = stopped(role, state)
        assert halted.receive(m.Abort("session-idle")) == []
        journal = halted.journal
        assert halted.party.state is TABLE[role][state, Input.RECV_ABORT]
        assert (journal.visible is not None) == (state in (State.SETTLED, State.CLOSING))
        if journal.visible is None:
            # In doubt, an abort is not the last word: the responder is asked to sign it.
            doubt = halted.party.state is State.IN_DOUBT
            assert journal.codes == ([] if doubt else ["session-idle"])
            assert doubt == ((role, state) == (SessionRole.INITIATOR, State.SETTLING))
            assert halted.party.failure is not None
            assert halted.party.failure.code == "peer-aborted"


def test_nothing_is_taken_after_the_end() -> None:
    halted = stopped(SessionRole.RESPONDER, State.RUNNING)
    halted.party.fail(ProtocolError("link-order", "a test"))
    error = halted.refuse(m.Abort("session-idle"))
    assert error.code == "session-over"
    assert halted.party.fail(error) is None
