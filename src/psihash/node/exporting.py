"""Writing a result to a file, whole or not at all, with an entry in the log."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from psihash import errors, export
from psihash.audit.event import Event
from psihash.node import sessions
from psihash.node.node import Node

EXPORT_FAILED = errors.define("export-failed", "the export could not be written; no file was left")
EXPORT_NOT_A_FILE = errors.define(
    "export-not-a-file", "an export is to go where something stands that is no regular file"
)


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


def write(node: Node, prefix: str, fmt: str, out: Path) -> Exported:
    """Export a completed session's result to a file that its owner alone can read.

    The entry stands before the file does. Raises InputError ``export-not-a-file``, StorageError
    ``export-failed``.
    """
    row = sessions.find(node, prefix)
    replaced = _is_file(out)
    result = sessions.result(node, row.id)
    # A link stays a link: what it points at is replaced.
    out = Path(os.path.realpath(out))
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb", opener=_private) as stream:
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
    return Exported(str(out), fmt, report.records, dict(left_out), replaced)


def _is_file(out: Path) -> bool:
    """Whether a regular file stands there; anything else that does must not be replaced."""
    if out.is_file():
        return True
    if out.exists():
        raise errors.InputError(
            EXPORT_NOT_A_FILE,
            f"{out} is a directory or a device, not a file",
            hint="name the file to write: --out FILE",
        )
    return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
