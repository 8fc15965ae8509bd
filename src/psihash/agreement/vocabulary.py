"""The closed vocabularies of an agreement."""

from __future__ import annotations

import enum


class PartyRole(enum.StrEnum):
    """Who wrote the terms. Fixed for the life of the agreement, unlike the session's roles."""

    PROPOSER = "proposer"
    OTHER = "other"

    @property
    def opposite(self) -> PartyRole:
        return PartyRole.OTHER if self is PartyRole.PROPOSER else PartyRole.PROPOSER


class OpenedBy(enum.StrEnum):
    """Who may open a session."""

    EITHER = "either"
    PROPOSER = "proposer"
    OTHER = "other"

    def allows(self, role: PartyRole) -> bool:
        return self is OpenedBy.EITHER or self.value == role.value


class HandlingCode(enum.StrEnum):
    """Europol handling codes (Regulation (EU) 2016/794 Art. 19; Council document 6261/18)."""

    H0 = "H0"
    H1 = "H1"
    H2 = "H2"
    H3 = "H3"

    @property
    def meaning(self) -> str:
        return _HANDLING[self]


_HANDLING = {
    HandlingCode.H0: "only for preventing and combating crime",
    HandlingCode.H1: "not to be used in judicial proceedings without the provider's permission",
    HandlingCode.H2: "not to be passed on without the provider's permission",
    HandlingCode.H3: "other restrictions apply, as stated",
}


class Tlp(enum.StrEnum):
    """Traffic Light Protocol 2.0."""

    RED = "RED"
    AMBER_STRICT = "AMBER+STRICT"
    AMBER = "AMBER"
    GREEN = "GREEN"
    CLEAR = "CLEAR"


class DataSubject(enum.StrEnum):
    """Whom the data concerns (Directive (EU) 2016/680 Art. 6; Regulation (EU) 2024/982 Art. 33)."""

    SUSPECT = "suspect"
    CONVICTED = "convicted"
    VICTIM = "victim"
    MISSING = "missing"
    REMAINS = "remains"
    OTHER = "other"
