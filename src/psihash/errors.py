"""The error tree. Every error has a stable code, an exit code and, where there is one, a hint.

::

    PsihashError
    ├── InputError          the caller's words or files are off            exit 2
    ├── NotFoundError       no such peer, agreement, collection, session    exit 3
    ├── StateError          right request, wrong moment                     exit 4
    ├── RefusedError        a rule of ours or of the agreement says no      exit 5
    ├── PeerError           the other side said or did something            exit 6
    │   └── ProtocolError   ... that the protocol does not allow
    ├── VerificationError   a signature, proof or log does not hold         exit 7
    ├── StorageError        the store or the disk failed                    exit 8
    └── UnavailableError    the peer, or a part of this node, is missing    exit 9

A message never holds a digest, a token, a key or text that came from a peer unchecked. Codes are
listed in ``docs/errors.md``; a test keeps that page complete. Raise with a code from
:data:`CODES` only, so that the table is whole.
"""

from __future__ import annotations

from typing import ClassVar, Final

CODES: Final[dict[str, str]] = {}
"""Every stable code with one line for the docs; filled by :func:`define` at import."""

PRIVATE_CODES: Final[set[str]] = set()
"""Codes that lie in one's own set: they go to the log, and a peer hears ``declined`` instead."""


def define(code: str, meaning: str, *, private: bool = False) -> str:
    """Register a stable error code. Codes are lower-case words joined by hyphens.

    ``private`` marks a cause that would tell a peer something about one's own set.
    """
    if code in CODES:
        raise ValueError(f"the error code {code} is defined twice")
    CODES[code] = meaning
    if private:
        PRIVATE_CODES.add(code)
    return code


DECLINED: Final = define("declined", "the other side declined for a reason that it keeps to itself")


def told(code: str) -> str:
    """The code that a peer is told."""
    return DECLINED if code in PRIVATE_CODES else code


class PsihashError(Exception):
    """Root of all errors that psihash raises on purpose.

    ``code`` is stable and may cross the wire; ``message`` is for people; ``hint`` says what to
    do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        if code not in CODES:
            raise ValueError(f"unknown error code {code}")
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class InputError(PsihashError):
    """The caller's words or files are off."""

    exit_code = 2


class NotFoundError(PsihashError):
    """No such peer, agreement, collection or session."""

    exit_code = 3


class StateError(PsihashError):
    """A right request at the wrong moment."""

    exit_code = 4


class RefusedError(PsihashError):
    """A rule of ours, of the peer's or of the agreement says no; the code names the clause."""

    exit_code = 5


class PeerError(PsihashError):
    """The other side said or did something that ends the matter."""

    exit_code = 6


class ProtocolError(PeerError):
    """The other side broke the protocol. The session is over and both logs say so."""


class VerificationError(PsihashError):
    """A signature, certificate, proof or log does not hold."""

    exit_code = 7


class StorageError(PsihashError):
    """The store or the disk failed; nothing half-done is visible."""

    exit_code = 8


class UnavailableError(PsihashError):
    """The peer cannot be reached, or a part that this needs is not installed."""

    exit_code = 9
