"""The closed vocabularies of follow-up and correction, and the limits of their documents."""

from __future__ import annotations

import enum
from typing import Final

MAX_DOCUMENT_BYTES: Final = 180_000
"""One document before it is sealed: sealed and in base64 it stays below limits.MAX_DOCUMENT."""

MAX_APPROVAL_BYTES: Final = 8_000
"""Of these, what an approver's decision with its request takes: it has no text of a person's."""

MAX_HITS: Final = 500
"""Hits in one request. A larger number is no request that a person decides."""

MAX_REFERENCES_PER_HIT: Final = 16
"""An item has a reference for each of its digests; lists that disagree make several."""

MAX_NOTICE_SESSIONS: Final = 64
MAX_NOTICE_REFERENCES: Final = 2_000
"""In one notice, over all its sessions. A larger correction goes in several notices."""

MAX_LINES: Final = 200
MAX_LINES_TEXT: Final = 20_000
"""Characters in a text of several lines: ten printed pages."""

MAX_ROLE: Final = 100

LIFE_DAYS: Final = 30
"""How long a request, an answer or a word about it is taken after it was written."""

NOTICE_LIFE_DAYS: Final = 366
"""The same for a notice: a duty does not lapse because a peer was out of reach."""

EARLY_MINUTES: Final = 10
"""Grace for clocks that differ."""

OPEN_REQUESTS: Final = 200
"""Requests of one peer that wait for an answer; the next one is refused."""

MESSAGES_PER_REQUEST: Final = 64

DOCUMENTS_PER_DAY: Final = 500
"""Documents of one peer that are kept in 24 hours, of all kinds here together."""

REFUSED_PER_DAY: Final = 50
"""Documents of one peer that were refused in 24 hours; further ones are not looked at. To find out
that a request names no hit can take seconds."""


class Urgency(enum.StrEnum):
    """Directive (EU) 2023/977 Art. 5."""

    NORMAL = "normal"
    URGENT = "urgent"


class Wanted(enum.StrEnum):
    """What is asked for."""

    CORE_DATA = "core-data"
    """The core data of Regulation (EU) 2024/982 Art. 47, due in 48 hours."""
    INFORMATION = "information"


class Side(enum.StrEnum):
    """Who asked."""

    ASKER = "asker"
    ANSWERER = "answerer"


class NoticeSide(enum.StrEnum):
    """Who gave notice."""

    SENDER = "sender"
    RECEIVER = "receiver"


class HitVerdict(enum.StrEnum):
    """What a person said of a hit; until then it is unconfirmed."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class Outcome(enum.StrEnum):
    """What came of a request in the end."""

    VICTIM_IDENTIFIED = "victim-identified"
    VICTIM_ALREADY_KNOWN = "victim-already-known"
    OFFENDER_IDENTIFIED = "offender-identified"
    LEAD = "lead"
    SAME_CASE = "same-case"
    NO_USE = "no-use"


class Reason(enum.StrEnum):
    """Why an item is corrected."""

    WRONG = "wrong"
    ERASED = "erased"


class Action(enum.StrEnum):
    """What the receiver of a correction did."""

    RECEIVED = "received"
    """Said by its node at once; nobody has looked at it yet."""
    REMOVED = "removed"
    MARKED = "marked"
    KEPT = "kept"
    """The receiver relies on the item for reasons of its own."""
