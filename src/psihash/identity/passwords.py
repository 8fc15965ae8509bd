"""Operators' passwords at rest: bcrypt over base64(SHA-384(password)), cost 12.

The digest goes first because bcrypt takes 72 bytes and stops at a zero byte; base64 of SHA-384 is
64 characters without one. Texts are normalised (NFC), so that one password typed on two
keyboards is one password.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from typing import Final

import bcrypt

from psihash import errors

BAD_PASSWORD: Final = errors.define(
    "bad-password", "a password is too short, too long, or not text"
)
WRONG_PASSWORD: Final = errors.define(
    "wrong-password", "the name or the password is wrong, or the account is not active"
)

COST: Final = 12
"""A quarter of a second for each guess."""
MIN_CHARACTERS: Final = 12
MAX_CHARACTERS: Final = 200


def parse_password(text: str) -> bytes:
    """The bytes of a new or given password. Raises InputError ``bad-password``."""
    normal = unicodedata.normalize("NFC", text)
    if not MIN_CHARACTERS <= len(normal) <= MAX_CHARACTERS:
        raise errors.InputError(
            BAD_PASSWORD,
            f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters",
            hint="several words in a row are easy to remember",
        )
    try:
        return normal.encode()
    except UnicodeEncodeError:
        raise errors.InputError(BAD_PASSWORD, "the password is not text") from None


def hash_password(password: bytes) -> str:
    """A salted hash to store."""
    return bcrypt.hashpw(_digest(password), bcrypt.gensalt(COST)).decode()


def check_password(password: bytes, stored: str | None) -> None:
    """Raise VerificationError ``wrong-password`` unless the password is the stored one.

    ``stored`` is None where there is no such person: that takes as long as any other.
    """
    if stored is None:
        bcrypt.hashpw(_digest(password), bcrypt.gensalt(COST))
    elif bcrypt.checkpw(_digest(password), stored.encode()):
        return
    raise errors.VerificationError(WRONG_PASSWORD, "the name or the password is wrong")


def _digest(password: bytes) -> bytes:
    return base64.b64encode(hashlib.sha384(password).digest())
