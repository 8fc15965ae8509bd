"""Writing a result to a file, whole or not at all, with an entry in the log."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from psihash import export
from psihash.audit.event import Event
from psihash.casework.handling import Handling
from psihash.export.report import ExportReport
from psihash.node import outfile
from psihash.node.casework import corrections, followup_rows
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.records import exports
from psihash.node.running import sessions
from psihash.node.watching import finding, results
from psihash.session.result import SessionResult


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
    """Export a completed session's result, or the hits of a watch that stand, to a file that its
    owner alone can read.

    The entry stands before the file does. Raises InputError ``export-not-a-file``, StorageError
    ``export-failed``.
    """
    kind = "watch" if finding.is_watch(prefix) else "session"
    read = _of_watch if kind == "watch" else _of_session
    replaced = outfile.stands(out)
    result, handling = read(node, prefix)
    if include_quarantined:
        result = result.with_quarantined()
    result, corrected = corrections.without_withheld(node, result)

    def record(report: ExportReport) -> None:
        facts = {kind: result.session, "peer": result.peer, "format": fmt}
        with node.stores.database.transaction():
            whole = os.path.realpath(out)  # who looks for it later does not know from where
            exports.register(node, result.session, result.peer, fmt, whole, report.records)
            node.record(Event.EXPORT, facts | {"records": report.records})

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


def _of_session(node: Node, prefix: str) -> tuple[SessionResult, Handling]:
    row = sessions.find(node, prefix)
    result = sessions.result(node, row.id)
    return result, followup_rows.session_handling(node, row.id)


def _of_watch(node: Node, prefix: str) -> tuple[SessionResult, Handling]:
    row = finding.find(node, prefix)
    return results.result(node, row), results.handling(node, row)
