"""Handling codes: what the recipient may do with a hit or an answer. The strictest wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from psihash import errors
from psihash.agreement.defaults import MAX_TEXT
from psihash.agreement.fields import Fields, bad
from psihash.agreement.vocabulary import HandlingCode, Tlp

NO_HANDLING = errors.define("no-handling", "there is nothing whose handling codes could be merged")

CODES: Final = (HandlingCode.H0, HandlingCode.H1, HandlingCode.H2, HandlingCode.H3)
"""From the freest to the strictest (Council document 6261/18)."""

TLPS: Final = (Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED)

_JOIN: Final = " / "


@dataclass(frozen=True, slots=True)
class Handling:
    """How something is to be handled. ``H3`` has a note that says what else applies."""

    code: HandlingCode
    tlp: Tlp
    note: str = ""

    def to_dict(self) -> dict[str, str]:
        return {"code": self.code.value, "tlp": self.tlp.value, "note": self.note}


def merge(parts: Iterable[Handling]) -> Handling:
    """What holds for something that was put together from several: the strictest code and TLP of
    all, and every note once, in order. Raises InputError ``no-handling`` for nothing at all."""
    all_parts = list(parts)
    if not all_parts:
        raise errors.InputError(NO_HANDLING, "nothing to merge")
    return Handling(
        max((part.code for part in all_parts), key=CODES.index),
        max((part.tlp for part in all_parts), key=TLPS.index),
        _join(part.note for part in all_parts),
    )


def _join(notes: Iterable[str]) -> str:
    """Each note once, also those that came joined already."""
    single = [note for joined in notes for note in joined.split(_JOIN)]
    return _JOIN.join(dict.fromkeys(note for note in single if note))


def read_handling(value: Any, what: str) -> Handling:
    """Strictly from a document. Raises InputError (``bad-document``)."""
    fields = Fields(value, what)
    found = Handling(
        code=fields.choice("code", HandlingCode),
        tlp=fields.choice("tlp", Tlp),
        note=fields.text("note", empty=True, limit=MAX_TEXT),
    )
    fields.done()
    if found.code is HandlingCode.H3 and not found.note:
        raise bad(f"{what}: handling code H3 needs a note")
    return found
