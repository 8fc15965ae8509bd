"""Writing a result to a file, whole or not at all, with an entry in the log."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from psihash import export
from psihash.audit.event import Event
from psihash.export.report import ExportReport
from psihash.node import outfile
from psihash.node.casework import corrections, followup_rows
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.records import exports
from psihash.node.running import sessions


@dataclass(frozen=True, slots=True)
class Exported:
    """What ``psihash export`` did."""

    path: str
    format: str
    records: int
    left_out: dict[str, int]
    """Items that the format cannot hold, by reason."""
    replaced: bool
    """Whether a file stood there before."""
    quarantined: int = 0
    """Items that match too much and were left out."""
    corrected: int = 0
    """Items that the peer has corrected since and that were left out."""


@use_case("export")
def write(
    node: Node, prefix: str, fmt: str, out: Path, *, include_quarantined: bool = False
) -> Exported:
    """Export a completed session's result to a file that its owner alone can read.

    The entry stands before the file does. Raises InputError ``export-not-a-file``, StorageError
    ``export-failed``.
    """
    row = sessions.find(node, prefix)
    replaced = outfile.stands(out)
    result = sessions.result(node, row.id)
    if include_quarantined:
        result = result.with_quarantined()
    result, corrected = corrections.without_withheld(node, result)

    handling = followup_rows.session_handling(node, row.id)

    def record(report: ExportReport) -> None:
        facts = {"session": row.id, "peer": row.peer, "format": fmt, "records": report.records}
        with node.stores.database.transaction():
            exports.register(node, row.id, row.peer, fmt, str(out), report.records)
            node.record(Event.EXPORT, facts)

    report = outfile.write(out, lambda stream: export.write(result, fmt, stream, handling), record)
    return Exported(
        path=os.path.realpath(out),
        format=fmt,
        records=report.records,
        left_out=dict(Counter(each.reason for each in report.left_out)),
        replaced=replaced,
        quarantined=len(result.quarantined),
        corrected=corrected,
    )
