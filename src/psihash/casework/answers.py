"""``follow-up-message/1``: whatever one side says to the other about a request.

By the answerer: received (by the node, at once), not directly available, more information needed,
granted, refused. By the asker: the information, withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from psihash.agreement.fields import Fields, bad
from psihash.casework import words
from psihash.casework.documents import CaseDocument
from psihash.casework.handling import Handling, read_handling
from psihash.casework.states import AUTHORS, Step
from psihash.casework.texts import read_lines

TYPE: Final = "follow-up-message/1"
_ID_BYTES: Final = 32

NEEDS_TEXT: Final = frozenset(
    {Step.NOT_AVAILABLE, Step.MORE_INFORMATION, Step.REFUSED, Step.INFORMATION, Step.WITHDRAWN}
)
"""Steps that are nothing without a reason, a question or an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(CaseDocument):
    """A word about a request."""

    TYPE: ClassVar[str] = TYPE

    request: str
    """The id of the request, 64 hex digits."""
    step: Step
    text: tuple[str, ...]
    role: str
    """The role of who says it; ``node`` where a machine does."""
    handling: Handling

    def members(self) -> dict[str, Any]:
        return {
            "request": self.request,
            "step": self.step.value,
            "text": list(self.text),
            "role": self.role,
            "handling": self.handling.to_dict(),
        }


def read(fields: Fields, common: dict[str, Any]) -> Message:
    """The members of this type. Raises InputError (``bad-document``)."""
    message = Message(
        request=fields.hexadecimal("request", _ID_BYTES).hex(),
        step=fields.choice("step", Step),
        text=read_lines(fields, "text", empty=True),
        role=fields.text("role", limit=words.MAX_ROLE),
        handling=read_handling(fields.take("handling"), "the message: handling"),
        **common,
    )
    if message.step not in AUTHORS:
        raise bad("the message: its step is not one that is said")
    if message.step in NEEDS_TEXT and not message.text:
        raise bad("the message: its step needs a text")
    return message
