"""Writing a file for an operator, whole or not at all, that its owner alone can read."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from psihash import errors

EXPORT_FAILED = errors.define("export-failed", "the export could not be written; no file was left")
EXPORT_NOT_A_FILE = errors.define(
    "export-not-a-file", "an export is to go where something stands that is no regular file"
)

_Report = TypeVar("_Report")


def stands(out: Path) -> bool:
    """Whether a regular file stands there. Raises InputError ``export-not-a-file`` for anything
    else that does: it must not be replaced."""
    if out.is_file():
        return True
    if out.exists():
        raise errors.InputError(
            EXPORT_NOT_A_FILE,
            f"{out} is a directory or a device, not a file",
            hint="name the file to write: --out FILE",
        )
    return False


def write(
    out: Path, fill: Callable[[BinaryIO], _Report], record: Callable[[_Report], None]
) -> _Report:
    """Write ``out`` with ``fill``; ``record`` is called with what that returned when the content is
    on the disk and before the file has its name. Raises StorageError ``export-failed``."""
    # A link stays a link: what it points at is replaced.
    out = Path(os.path.realpath(out))
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb", opener=_private) as stream:
            report = fill(stream)
        record(report)
        temporary.replace(out)
    except OSError as fault:
        raise errors.StorageError(
            EXPORT_FAILED, f"{out} cannot be written: {fault.strerror}"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    return report


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
