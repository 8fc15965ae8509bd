"""Where the passphrase of the signing key comes from."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from psihash import errors
from psihash.identity import keys
from psihash.node.home import files

NO_PASSPHRASE = errors.define(
    "no-passphrase", "the passphrase of the signing key was not given and cannot be asked for"
)
EMPTY_PASSPHRASE = errors.define("empty-passphrase", "a passphrase is empty")

Ask = Callable[[str], str]
"""Asks on the terminal without echo; None where there is no terminal."""


PASSPHRASES_DIFFER = errors.define(
    "passphrases-differ", "a new passphrase was typed in two different ways"
)
_TRIES: Final = 3


def from_file(path: Path, what: str = "passphrase", missing: str = NO_PASSPHRASE) -> bytes:
    """The first line of a file, without its line end. ``what`` it should hold, and the code of
    the InputError where it cannot be read."""
    try:
        text = path.read_bytes()
    except OSError as fault:
        raise errors.InputError(
            missing,
            f"the {what} file {path} cannot be read: {fault.strerror}",
            hint=f"name a file whose first line is the {what}",
        ) from None
    first = text.split(b"\n", 1)[0].rstrip(b"\r")
    if not first:
        raise errors.InputError(EMPTY_PASSPHRASE, f"the {what} file {path} is empty")
    return first


def for_new_home(home: Path, given: Path | None, ask: Ask | None) -> tuple[bytes, str]:
    """A passphrase for ``init`` and the setting that finds it again (empty: asked each time)."""
    if given is not None:
        return from_file(given), str(given.resolve())
    if ask is not None:
        return _typed(ask), ""
    passphrase = secrets.token_urlsafe(24).encode()
    files.write(home, files.PASSPHRASE, passphrase + b"\n")
    return passphrase, files.PASSPHRASE


def _typed(ask: Ask) -> bytes:
    """A new passphrase, judged before it is typed again; a few tries."""
    for left in reversed(range(_TRIES)):
        again = "" if left == _TRIES - 1 else f" ({left + 1} more)"
        try:
            first = ask(f"New passphrase for this agency's signing key{again}: ").encode()
            if not first:
                raise errors.InputError(EMPTY_PASSPHRASE, "the passphrase is empty")
            keys.require_passphrase_length(first)
            if ask(f"The same again{again}: ").encode() == first:
                return first
            raise errors.InputError(PASSPHRASES_DIFFER, "the two passphrases differ")
        except errors.InputError:
            if not left:
                raise
    raise AssertionError("the last try ends in one way or the other")


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
