"""From facts about an agreement to its status: one table, read from the top."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


class Status(enum.StrEnum):
    """Where an agreement stands at a given time."""

    UNSIGNED = "unsigned"
    """Terms that not even the proposer has signed, as far as is known here."""
    PROPOSED = "proposed"
    """Signed by the proposer; a signature or an annex is missing."""
    CONFLICTED = "conflicted"
    """A side's newest annex exists in two versions; a higher revision heals it."""
    NOT_YET_VALID = "not-yet-valid"
    ACTIVE = "active"
    EXPIRED = "expired"
    REFUSED = "refused"
    REVOKED = "revoked"

    @property
    def is_over(self) -> bool:
        """No document and no time brings the agreement back."""
        return self in (Status.EXPIRED, Status.REFUSED, Status.REVOKED)


@dataclass(frozen=True, slots=True)
class Missing:
    """What is still to come, and from whom."""

    agency: str
    what: str
    """``signature`` or ``annex``."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that cannot happen by accident; for the log and the auditor."""

    code: str
    agency: str
    revision: int


@dataclass(frozen=True, slots=True)
class AgreementState:
    status: Status
    missing: tuple[Missing, ...]
    incidents: tuple[Incident, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the status depends on."""

    revoked: bool
    refused: bool
    over: bool
    conflicted: bool
    proposer_signed: bool
    complete: bool
    begun: bool


_TABLE: Final[tuple[tuple[Status, Callable[[Facts], bool]], ...]] = (
    # The first row that holds. What ends an agreement stands above what completes it, so that no
    # late document brings one back to life.
    (Status.REVOKED, lambda facts: facts.revoked),
    (Status.REFUSED, lambda facts: facts.refused),
    (Status.EXPIRED, lambda facts: facts.over),
    (Status.CONFLICTED, lambda facts: facts.conflicted),
    (Status.UNSIGNED, lambda facts: not facts.proposer_signed),
    (Status.PROPOSED, lambda facts: not facts.complete),
    (Status.NOT_YET_VALID, lambda facts: not facts.begun),
    (Status.ACTIVE, lambda _facts: True),
)


def derive(facts: Facts) -> Status:
    """The status of the first row that holds; the last one always does."""
    return next(status for status, holds in _TABLE if holds(facts))
