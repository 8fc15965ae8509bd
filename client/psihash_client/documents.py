"""Small files that a command reads or writes itself: cards and agreements."""

from __future__ import annotations

import os
import secrets
import sys

from psihash import errors
from psihash_client.options import path

CANNOT_READ = errors.define("cannot-read", "a file that was named cannot be read")
CANNOT_WRITE = errors.define("cannot-write", "a file that was named cannot be written")
FILE_TOO_LARGE = errors.define("file-too-large", "a file is larger than any document of its kind")

STANDARD_INPUT = "-"


def read_document(name: str, max_bytes: int) -> bytes:
    """The bytes of a file, or of standard input for ``-``.

    Raises InputError ``cannot-read`` or ``file-too-large``.
    """
    try:
        if name == STANDARD_INPUT:
            data = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with path(name).open("rb") as stream:
                data = stream.read(max_bytes + 1)
    except OSError as fault:
        raise errors.InputError(CANNOT_READ, f"{name} cannot be read: {fault.strerror}") from None
    if len(data) > max_bytes:
        raise errors.InputError(
            FILE_TOO_LARGE, f"{name} is larger than {max_bytes:,} bytes", hint="is it another file?"
        )
    return data


def write_document(name: str, data: bytes) -> None:
    """Write or replace a file in one step, readable by its owner alone.

    Raises InputError ``cannot-write``.
    """
    target = path(name)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(
            os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as out:
            out.write(data)
        temporary.replace(target)
    except OSError as fault:
        temporary.unlink(missing_ok=True)
        raise errors.InputError(
            CANNOT_WRITE, f"{name} cannot be written: {fault.strerror}"
        ) from None
