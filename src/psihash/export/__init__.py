"""Exports of a session's result: ``csv`` for spreadsheets, ``json`` for programs, ``vics`` for
forensic tools.

Pure: a result goes in, bytes go to a binary stream, no file is opened here. Whoever opens one
writes it under another name and renames it, so that no half export is ever taken for a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

from psihash import errors
from psihash.casework.handling import Handling
from psihash.export.csv_table import write_csv
from psihash.export.json_result import write_json
from psihash.export.report import NO_MD5, ExportReport, LeftOut, has_items
from psihash.export.vics import write_vics
from psihash.session.result import SessionResult

__all__ = ["EXPORTERS", "NO_MD5", "ExportReport", "Exporter", "LeftOut", "write"]

UNKNOWN_FORMAT = errors.define("export-unknown-format", "there is no export format of that name")
NEEDS_ITEMS = errors.define(
    "export-needs-items", "the export format lists items, and the result's rung tells none"
)


@dataclass(frozen=True, slots=True)
class Exporter:
    """One export format."""

    name: str
    title: str
    suffix: str
    """Usual ending of a file name, with the dot."""
    media_type: str
    needs_items: bool
    """Whether a result below rung ``items`` is refused."""
    writer: Callable[[SessionResult, BinaryIO, Handling | None], ExportReport]


EXPORTERS: Final[dict[str, Exporter]] = {
    exporter.name: exporter
    for exporter in (
        Exporter("csv", "Table for spreadsheets", ".csv", "text/csv", False, write_csv),
        Exporter("json", "All fields for programs", ".json", "application/json", False, write_json),
        Exporter("vics", "VICS 2.0 hash set", ".vics.json", "application/json", True, write_vics),
    )
}
"""Every export format by name."""


def write(
    result: SessionResult, fmt: str, stream: BinaryIO, handling: Handling | None = None
) -> ExportReport:
    """Write ``result`` as ``fmt`` to ``stream`` and say what was written. ``handling`` is what the
    reader of the file may do with it.

    Nothing is written before a refusal: InputError ``export-unknown-format``, RefusedError
    ``export-needs-items``. Errors of the stream itself (a full disk) come through as they are.
    """
    exporter = EXPORTERS.get(fmt)
    if exporter is None:
        known = ", ".join(EXPORTERS)
        raise errors.InputError(UNKNOWN_FORMAT, f"unknown export format; known: {known}")
    if exporter.needs_items and not has_items(result):
        raise errors.RefusedError(
            NEEDS_ITEMS,
            f"the format {exporter.name} lists items, and a result at rung "
            f"'{result.rung.value}' tells none",
            hint="use csv or json, or climb to rung 'items' with the peer's consent",
        )
    return exporter.writer(result, stream, handling)
