"""``correction/1``: items that matched were wrongly listed, or are erased; and its answer.

A notice names sessions and references of hits, never a digest. The recipient has 48 hours to say
what it did (Directive (EU) 2016/680 Art. 7(3) and 16(6)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from psihash.agreement.fields import Fields, bad, distinct
from psihash.casework import words
from psihash.casework.documents import CaseDocument
from psihash.casework.texts import read_lines, read_references
from psihash.casework.words import Action, Reason

NOTICE_TYPE: Final = "correction/1"
ANSWER_TYPE: Final = "correction-answer/1"
_ID_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Concerned:
    """One session, and the hits of it that are corrected, one reference each or more."""

    session: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(CaseDocument):
    """A correction."""

    TYPE: ClassVar[str] = NOTICE_TYPE

    reason: Reason
    text: tuple[str, ...]
    sessions: tuple[Concerned, ...]

    def members(self) -> dict[str, Any]:
        return {
            "reason": self.reason.value,
            "text": list(self.text),
            "sessions": [
                {"session": each.session, "references": list(each.references)}
                for each in self.sessions
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAnswer(CaseDocument):
    """What the recipient did about it."""

    TYPE: ClassVar[str] = ANSWER_TYPE

    notice: str
    """The id of the notice, 64 hex digits."""
    action: Action
    text: tuple[str, ...]
    role: str

    def members(self) -> dict[str, Any]:
        return {
            "notice": self.notice,
            "action": self.action.value,
            "text": list(self.text),
            "role": self.role,
        }


def parts(concerned: Sequence[Concerned]) -> Iterator[tuple[Concerned, ...]]:
    """What has to be said, in as many notices as it takes."""
    part: list[Concerned] = []
    room = words.MAX_NOTICE_REFERENCES
    for each in concerned:
        left = each.references
        while left:
            if not room or len(part) == words.MAX_NOTICE_SESSIONS:
                yield tuple(part)
                part, room = [], words.MAX_NOTICE_REFERENCES
            part.append(Concerned(each.session, left[:room]))
            left, room = left[room:], room - len(part[-1].references)
    if part:
        yield tuple(part)


def read_notice(fields: Fields, common: dict[str, Any]) -> Notice:
    """The members of a notice. Raises InputError (``bad-document``)."""
    raw = fields.sequence("sessions", 1, words.MAX_NOTICE_SESSIONS)
    sessions = tuple(_concerned(value) for value in raw)
    distinct(tuple(each.session for each in sessions), "the notice: sessions")
    if sum(len(each.references) for each in sessions) > words.MAX_NOTICE_REFERENCES:
        raise bad("the notice has too many references")
    return Notice(
        reason=fields.choice("reason", Reason),
        text=read_lines(fields, "text"),
        sessions=sessions,
        **common,
    )


def _concerned(value: Any) -> Concerned:
    fields = Fields(value, "the notice: a session")
    found = Concerned(
        fields.hexadecimal("session", _ID_BYTES).hex(),
        read_references(fields, "references", words.MAX_NOTICE_REFERENCES),
    )
    fields.done()
    return found


def read_answer(fields: Fields, common: dict[str, Any]) -> NoticeAnswer:
    """The members of an answer. Raises InputError (``bad-document``)."""
    return NoticeAnswer(
        notice=fields.hexadecimal("notice", _ID_BYTES).hex(),
        action=fields.choice("action", Action),
        text=read_lines(fields, "text", empty=True),
        role=fields.text("role", limit=words.MAX_ROLE),
        **common,
    )
