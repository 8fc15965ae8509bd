"""Where the passphrase of the signing key comes from."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from psihash import errors
from psihash.node.home import files

NO_PASSPHRASE = errors.define(
    "no-passphrase", "the passphrase of the signing key was not given and cannot be asked for"
)
EMPTY_PASSPHRASE = errors.define("empty-passphrase", "a passphrase is empty")

Ask = Callable[[str], str]
"""Asks on the terminal without echo; None where there is no terminal."""


def from_file(path: Path) -> bytes:
    """The first line of a file, without its line end."""
    try:
        text = path.read_bytes()
    except OSError as fault:
        raise errors.InputError(
            NO_PASSPHRASE, f"the passphrase file {path} cannot be read: {fault.strerror}"
        ) from None
    first = text.split(b"\n", 1)[0].rstrip(b"\r")
    if not first:
        raise errors.InputError(EMPTY_PASSPHRASE, f"the passphrase file {path} is empty")
    return first


def for_new_home(home: Path, given: Path | None, ask: Ask | None) -> tuple[bytes, str]:
    """A passphrase for ``init`` and the setting that finds it again (empty: asked each time)."""
    if given is not None:
        return from_file(given), str(given.resolve())
    if ask is not None:
        first = ask("New passphrase for this agency's signing key: ")
        if not first:
            raise errors.InputError(EMPTY_PASSPHRASE, "the passphrase is empty")
        if ask("The same again: ") != first:
            raise errors.InputError(NO_PASSPHRASE, "the two passphrases differ")
        return first.encode(), ""
    passphrase = secrets.token_urlsafe(24).encode()
    files.write(home, files.PASSPHRASE, passphrase + b"\n")
    return passphrase, files.PASSPHRASE


def find(home: Path, setting: str, ask: Ask | None) -> bytes:
    """The passphrase for a running node."""
    named = os.environ.get("PSIHASH_PASSPHRASE_FILE") or setting
    if named:
        return from_file(home / named)
    if ask is not None:
        return ask("Passphrase of this agency's signing key: ").encode()
    raise errors.InputError(
        NO_PASSPHRASE,
        "the signing key needs its passphrase and there is no terminal to ask on",
        hint="set passphrase_file in psihash.toml, or PSIHASH_PASSPHRASE_FILE",
    )
