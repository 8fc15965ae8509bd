"""What a log entry can record: a closed list, each with the operation the law asks to be logged.

Directive (EU) 2016/680 (LED) Art. 25(1) names six operations of which logs must be kept:
collection, alteration, consultation, disclosure including transfers, combination, erasure.
"""

from __future__ import annotations

import enum
from typing import Final


class LedOperation(enum.StrEnum):
    """The operations of LED Art. 25(1); ``none`` for entries that record no processing."""

    COLLECTION = "collection"
    ALTERATION = "alteration"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    COMBINATION = "combination"
    ERASURE = "erasure"
    NONE = "none"


class Event(enum.StrEnum):
    """What happened. The value stands in the entry's header."""

    NODE_CREATED = "node-created"
    KEY_CHANGED = "key-changed"
    PEER_ADDED = "peer-added"
    PEER_CHANGED = "peer-changed"
    COLLECTION = "collection"
    """A list was imported into a collection."""
    ALTERATION = "alteration"
    """A collection was imported again, replaced, or its description changed."""
    ERASURE = "erasure"
    AGREEMENT_PROPOSED = "agreement-proposed"
    AGREEMENT_APPROVED = "agreement-approved"
    AGREEMENT_REFUSED = "agreement-refused"
    AGREEMENT_REVOKED = "agreement-revoked"
    AGREEMENT_RECEIVED = "agreement-received"
    PREFLIGHT = "preflight"
    """Own holdings were examined to see what a session would disclose."""
    SESSION_OPEN = "session-open"
    """Durable before the first engine frame: from here on two sets are combined, even if the
    session breaks off."""
    SESSION_RECEIPT = "session-receipt"
    """Both sides agreed on the result; whoever learns it has it from here on."""
    SESSION_CLOSE = "session-close"
    SESSION_ABORT = "session-abort"
    SESSION_REFUSED = "session-refused"
    DISCLOSURE = "disclosure"
    """Labels or match records were sent; ``what`` says which."""
    CONSULTATION = "consultation"
    """An operator looked at a result or at holdings."""
    EXPORT = "export"
    """A result was written to a file, out of this system's reach."""
    LOGIN = "login"
    OPERATOR_CHANGED = "operator-changed"
    REQUEST = "request"
    """Something waits for a person's decision."""
    DECISION = "decision"
    """A person decided what had been asked for."""
    HIT_DECIDED = "hit-decided"
    """A person confirmed or rejected matched items."""
    FOLLOW_UP = "follow-up"
    """A request about hits, an answer or another word about one left or came."""
    CORRECTION = "correction"
    """A notice that items were wrongly listed or erased left or came, or was acted upon."""
    WATCH = "watch"
    """A standing query was made, changed or ended."""
    WATCH_RUN = "watch-run"
    """A run of a standing query began, ended or failed."""
    CONTRIBUTION = "contribution"
    """Items were given to a centre, or a centre took them in."""
    CENTRAL_PUBLISHED = "central-published"
    """A publication of our central set: the first of an epoch, or a delta."""
    CENTRAL_RUN = "central-run"
    """A member's run against a central set: from here on its questions may be answered."""
    CENTRAL_RESULT = "central-result"
    """What a run against a peer's central set came to."""
    AUTH_FAILURE = "auth-failure"
    PEER_UNREACHABLE = "peer-unreachable"
    CONFIG_CHANGE = "config-change"
    INCIDENT = "incident"

    @property
    def led_operation(self) -> LedOperation:
        """The operation of LED Art. 25(1) that such an entry records."""
        return _LED.get(self, LedOperation.NONE)


_LED: Final = {
    Event.COLLECTION: LedOperation.COLLECTION,
    Event.ALTERATION: LedOperation.ALTERATION,
    Event.ERASURE: LedOperation.ERASURE,
    Event.PREFLIGHT: LedOperation.CONSULTATION,
    Event.CONSULTATION: LedOperation.CONSULTATION,
    Event.SESSION_OPEN: LedOperation.COMBINATION,
    Event.CENTRAL_PUBLISHED: LedOperation.DISCLOSURE,
    Event.CENTRAL_RUN: LedOperation.COMBINATION,
    Event.CENTRAL_RESULT: LedOperation.CONSULTATION,
    Event.SESSION_RECEIPT: LedOperation.DISCLOSURE,
    Event.DISCLOSURE: LedOperation.DISCLOSURE,
    Event.EXPORT: LedOperation.DISCLOSURE,
    Event.HIT_DECIDED: LedOperation.ALTERATION,
    Event.FOLLOW_UP: LedOperation.DISCLOSURE,
    Event.CORRECTION: LedOperation.ALTERATION,
    Event.WATCH_RUN: LedOperation.COMBINATION,
    Event.CONTRIBUTION: LedOperation.DISCLOSURE,
}
