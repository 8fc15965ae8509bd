"""Case references, as documents have them and as people read them.

An agency that accepts terms and names no case of its own works for the case of the other: its annex
then says ``nl-police: NL-2026-17``. That is no case of its own, and nobody is to take it for one.
"""

from __future__ import annotations

from typing import Final

NONE_NAMED: Final = "no case named"


def answering(asker: str, case: str) -> str:
    """What stands for the case of an agency that answers the request of ``asker``."""
    return f"{asker}: {case}"


def told(case: str, other: str, other_case: str) -> str:
    """An agency's case in words: its own reference; :data:`NONE_NAMED` where it only answers
    ``other`` about ``other_case``, or says nothing."""
    return NONE_NAMED if case in ("", answering(other, other_case)) else case
