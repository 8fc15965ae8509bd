"""The states of a session, as a table. Start reading here.

A session is strict ping-pong between the initiator and the responder; only engine frames flow
freely. Each side has a row for every legal (state, input); any other pair is a protocol error that
ends the session and is logged on both sides. The phases::

    initiator                       responder
    hello         ------------->
                  <-------------    hello reply (or refuse)  both nonces, key exchange
    offer         ------------->                             from here on encrypted
                  <-------------    accept (or refuse)       charged in the ledger
    confirm       ------------->                             transcript signed, log entry
                  <-------------    confirm
    frames        <------------>    frames                   the engine's runs
    result        ------------->
                  <-------------    result                   both saw the same overlap
    labels        <------------>    labels                   items: in whose collections
    openings      <------------>    openings                 records: proof of holding
    records       <------------>    records
    receipt       ------------->
                  <-------------    receipt                  the responder decides here
    close         ------------->
                  <-------------    close                    checkpoints

Nothing is shown on either side before both receipts stand. Once the initiator's receipt has left,
it may not call the session failed by itself: it asks the responder how it ended (``IN_DOUBT``).
"""

from __future__ import annotations

import enum
from typing import Final

from psihash import errors
from psihash.terms import SessionRole

UNEXPECTED_MESSAGE = errors.define(
    "unexpected-message", "a session message came that the protocol does not allow at this point"
)


class State(enum.StrEnum):
    """Where a session stands. The last four are final."""

    NEW = "new"
    GREETING = "greeting"
    GREETED = "greeted"
    OFFERING = "offering"
    ACCEPTED = "accepted"
    CONFIRMING = "confirming"
    RUNNING = "running"
    COMPARING = "comparing"
    COMPARED = "compared"
    LABELLING = "labelling"
    LABELLED = "labelled"
    OPENING = "opening"
    OPENED = "opened"
    DISCLOSING = "disclosing"
    DISCLOSED = "disclosed"
    SETTLING = "settling"
    SETTLED = "settled"
    CLOSING = "closing"
    CLOSED = "closed"
    REFUSED = "refused"
    ABORTED = "aborted"
    IN_DOUBT = "in-doubt"

    @property
    def final(self) -> bool:
        return self in _FINAL


_FINAL: Final = frozenset({State.CLOSED, State.REFUSED, State.ABORTED, State.IN_DOUBT})


class Input(enum.StrEnum):
    """What can happen to a session. ``..._PART`` is one of several messages of a long list."""

    SEND_HELLO = "send-hello"
    RECV_HELLO = "recv-hello"
    SEND_HELLO_REPLY = "send-hello-reply"
    RECV_HELLO_REPLY = "recv-hello-reply"
    SEND_OFFER = "send-offer"
    RECV_OFFER = "recv-offer"
    SEND_ACCEPT = "send-accept"
    RECV_ACCEPT = "recv-accept"
    SEND_REFUSE = "send-refuse"
    RECV_REFUSE = "recv-refuse"
    SEND_CONFIRM = "send-confirm"
    RECV_CONFIRM = "recv-confirm"
    SEND_FRAME = "send-frame"
    RECV_FRAME = "recv-frame"
    SEND_RESULT = "send-result"
    RECV_RESULT = "recv-result"
    SEND_LABELS_PART = "send-labels-part"
    RECV_LABELS_PART = "recv-labels-part"
    SEND_LABELS = "send-labels"
    RECV_LABELS = "recv-labels"
    SEND_OPENINGS_PART = "send-openings-part"
    RECV_OPENINGS_PART = "recv-openings-part"
    SEND_OPENINGS = "send-openings"
    RECV_OPENINGS = "recv-openings"
    SEND_RECORDS_PART = "send-records-part"
    RECV_RECORDS_PART = "recv-records-part"
    SEND_RECORDS = "send-records"
    RECV_RECORDS = "recv-records"
    SEND_RECEIPT = "send-receipt"
    RECV_RECEIPT = "recv-receipt"
    SEND_CLOSE = "send-close"
    RECV_CLOSE = "recv-close"
    SEND_ABORT = "send-abort"
    RECV_ABORT = "recv-abort"


S = State
I = Input  # noqa: E741 - one letter keeps the table readable

_INITIATOR: Final[dict[tuple[State, Input], State]] = {
    (S.NEW, I.SEND_HELLO): S.GREETING,
    (S.GREETING, I.RECV_HELLO_REPLY): S.GREETED,
    (S.GREETING, I.RECV_REFUSE): S.REFUSED,
    (S.GREETED, I.SEND_OFFER): S.OFFERING,
    (S.OFFERING, I.RECV_ACCEPT): S.ACCEPTED,
    (S.OFFERING, I.RECV_REFUSE): S.REFUSED,
    (S.ACCEPTED, I.SEND_CONFIRM): S.CONFIRMING,
    (S.CONFIRMING, I.RECV_CONFIRM): S.RUNNING,
    (S.RUNNING, I.SEND_FRAME): S.RUNNING,
    (S.RUNNING, I.RECV_FRAME): S.RUNNING,
    (S.RUNNING, I.SEND_RESULT): S.COMPARING,
    (S.COMPARING, I.RECV_RESULT): S.COMPARED,
    (S.COMPARED, I.SEND_LABELS_PART): S.COMPARED,
    (S.COMPARED, I.SEND_LABELS): S.LABELLING,
    (S.LABELLING, I.RECV_LABELS_PART): S.LABELLING,
    (S.LABELLING, I.RECV_LABELS): S.LABELLED,
    (S.LABELLED, I.SEND_OPENINGS_PART): S.LABELLED,
    (S.LABELLED, I.SEND_OPENINGS): S.OPENING,
    (S.OPENING, I.RECV_OPENINGS_PART): S.OPENING,
    (S.OPENING, I.RECV_OPENINGS): S.OPENED,
    (S.OPENED, I.SEND_RECORDS_PART): S.OPENED,
    (S.OPENED, I.SEND_RECORDS): S.DISCLOSING,
    (S.DISCLOSING, I.RECV_RECORDS_PART): S.DISCLOSING,
    (S.DISCLOSING, I.RECV_RECORDS): S.DISCLOSED,
    (S.COMPARED, I.SEND_RECEIPT): S.SETTLING,
    (S.LABELLED, I.SEND_RECEIPT): S.SETTLING,
    (S.DISCLOSED, I.SEND_RECEIPT): S.SETTLING,
    (S.SETTLING, I.RECV_RECEIPT): S.SETTLED,
    (S.SETTLED, I.SEND_CLOSE): S.CLOSING,
    (S.CLOSING, I.RECV_CLOSE): S.CLOSED,
}

_RESPONDER: Final[dict[tuple[State, Input], State]] = {
    (S.NEW, I.RECV_HELLO): S.GREETING,
    (S.GREETING, I.SEND_HELLO_REPLY): S.GREETED,
    (S.GREETING, I.SEND_REFUSE): S.REFUSED,
    (S.GREETED, I.RECV_OFFER): S.OFFERING,
    (S.OFFERING, I.SEND_ACCEPT): S.ACCEPTED,
    (S.OFFERING, I.SEND_REFUSE): S.REFUSED,
    (S.ACCEPTED, I.RECV_CONFIRM): S.CONFIRMING,
    (S.CONFIRMING, I.SEND_CONFIRM): S.RUNNING,
    (S.RUNNING, I.SEND_FRAME): S.RUNNING,
    (S.RUNNING, I.RECV_FRAME): S.RUNNING,
    (S.RUNNING, I.RECV_RESULT): S.COMPARING,
    (S.COMPARING, I.SEND_RESULT): S.COMPARED,
    (S.COMPARED, I.RECV_LABELS_PART): S.COMPARED,
    (S.COMPARED, I.RECV_LABELS): S.LABELLING,
    (S.LABELLING, I.SEND_LABELS_PART): S.LABELLING,
    (S.LABELLING, I.SEND_LABELS): S.LABELLED,
    (S.LABELLED, I.RECV_OPENINGS_PART): S.LABELLED,
    (S.LABELLED, I.RECV_OPENINGS): S.OPENING,
    (S.OPENING, I.SEND_OPENINGS_PART): S.OPENING,
    (S.OPENING, I.SEND_OPENINGS): S.OPENED,
    (S.OPENED, I.RECV_RECORDS_PART): S.OPENED,
    (S.OPENED, I.RECV_RECORDS): S.DISCLOSING,
    (S.DISCLOSING, I.SEND_RECORDS_PART): S.DISCLOSING,
    (S.DISCLOSING, I.SEND_RECORDS): S.DISCLOSED,
    (S.COMPARED, I.RECV_RECEIPT): S.SETTLING,
    (S.LABELLED, I.RECV_RECEIPT): S.SETTLING,
    (S.DISCLOSED, I.RECV_RECEIPT): S.SETTLING,
    (S.SETTLING, I.SEND_RECEIPT): S.SETTLED,
    (S.SETTLED, I.RECV_CLOSE): S.CLOSING,
    (S.CLOSING, I.SEND_CLOSE): S.CLOSED,
}


def _with_aborts(role: SessionRole, table: dict[tuple[State, Input], State]) -> None:
    """Either side may end a session at any point before the responder's receipt.

    After its own receipt has left, the matter is open for the initiator until the responder has
    signed how it ended. After both receipts the session is complete whatever happens.
    """
    for state in State:
        if state.final:
            continue
        if state in (S.SETTLED, S.CLOSING):
            table[state, I.SEND_ABORT] = S.CLOSED
            table[state, I.RECV_ABORT] = S.CLOSED
            continue
        in_doubt = role is SessionRole.INITIATOR and state is S.SETTLING
        table[state, I.RECV_ABORT] = S.IN_DOUBT if in_doubt else S.ABORTED
        table[state, I.SEND_ABORT] = S.IN_DOUBT if in_doubt else S.ABORTED


_with_aborts(SessionRole.INITIATOR, _INITIATOR)
_with_aborts(SessionRole.RESPONDER, _RESPONDER)

TABLE: Final = {SessionRole.INITIATOR: _INITIATOR, SessionRole.RESPONDER: _RESPONDER}


class Machine:
    """One side's position in the table."""

    def __init__(self, role: SessionRole) -> None:
        self._table = TABLE[role]
        self.state = State.NEW

    def allows(self, event: Input) -> bool:
        return (self.state, event) in self._table

    def take(self, event: Input) -> State:
        """Move on; raise ProtocolError where the table has no such row."""
        following = self._table.get((self.state, event))
        if following is None:
            raise errors.ProtocolError(
                UNEXPECTED_MESSAGE, f"'{event.value}' is not possible while '{self.state.value}'"
            )
        self.state = following
        return following
