"""Writing a result to a file, whole or not at all, with an entry in the log."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from psihash import errors, export
from psihash.audit.event import Event
from psihash.node import sessions
from psihash.node.node import Node

EXPORT_FAILED = errors.define("export-failed", "the export could not be written; no file was left")


@dataclass(frozen=True, slots=True)
class Exported:
    """What ``psihash export`` did."""

    path: str
    format: str
    records: int
    left_out: dict[str, int]
    """Items that the format cannot hold, by reason."""


def write(node: Node, prefix: str, fmt: str, out: Path) -> Exported:
    """Export a completed session's result. The entry stands before the file does."""
    row = sessions.find(node, prefix)
    result = sessions.result(node, row.id)
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as stream:
            report = export.write(result, fmt, stream)
        node.record(
            Event.EXPORT,
            {"session": row.id, "peer": row.peer, "format": fmt, "records": report.records},
        )
        temporary.replace(out)
    except OSError as fault:
        raise errors.StorageError(
            EXPORT_FAILED, f"{out} cannot be written: {fault.strerror}"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    left_out = Counter(each.reason for each in report.left_out)
    return Exported(str(out), fmt, report.records, dict(left_out))
