"""The files of a home: keys, certificates, the card; written so that a crash leaves old or new."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from psihash import errors

KEY_FILE_MISSING = errors.define(
    "key-file-missing", "a key or certificate file of the home is missing"
)
HOME_UNWRITABLE = errors.define("home-unwritable", "the home directory cannot be written")

SIGNING_KEY: Final = "keys/signing.key"
CA_KEY: Final = "keys/ca.key"
KEY_BOX: Final = "keys/keybox"
CA_CERTIFICATE: Final = "certificates/ca.pem"
TLS_CERTIFICATE: Final = "certificates/tls.pem"
CARD: Final = "card.json"
PASSPHRASE: Final = "passphrase"  # noqa: S105 - the name of the file


def write(home: Path, name: str, data: bytes, *, secret: bool = True) -> Path:
    """Replace a file in one step; secret files are readable by their owner alone."""
    path = home / name
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644
        )
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as fault:
        temporary.unlink(missing_ok=True)
        raise errors.StorageError(
            HOME_UNWRITABLE, f"{path} cannot be written: {fault.strerror}"
        ) from None
    return path


def read(home: Path, name: str) -> bytes:
    try:
        return (home / name).read_bytes()
    except OSError as fault:
        raise errors.NotFoundError(
            KEY_FILE_MISSING,
            f"{home / name} cannot be read: {fault.strerror}",
            hint="run `psihash doctor`",
        ) from None


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
