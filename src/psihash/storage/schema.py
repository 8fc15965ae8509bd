"""The whole schema: every module that declares tables, so that none is forgotten."""

from __future__ import annotations

from psihash.storage import (
    tables_central,
    tables_followup,
    tables_keeping,
    tables_oversight,
    tables_people,
    tables_watch,
    tables_witness,
)
from psihash.storage.tables import metadata

__all__ = [
    "metadata",
    "tables_central",
    "tables_followup",
    "tables_keeping",
    "tables_oversight",
    "tables_people",
    "tables_watch",
    "tables_witness",
]
