"""The last line of defence against logging the material itself.

The log outlives results and goes to auditors and, in part, to peers. A plain digest in it could be
looked up in known lists, so an entry that holds anything of that shape is a bug of ours: it is
refused before it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from psihash import errors

LOG_HOLDS_DIGEST = errors.define(
    "log-holds-digest",
    "an entry for the log holds text shaped like a digest of the material in a field that is not "
    "known to be harmless; it was not recorded",
)

NON_MATERIAL_FIELDS: Final = frozenset(
    {
        "agreement",
        "annex",
        "annexes",
        "approvals",
        "build",
        "card",
        "checkpoint",
        "commitment",
        "document",
        "epoch",
        "fingerprint",
        "key_id",
        "manifest",
        "previous",
        "receipt",
        "request",
        "root",
        "run_id",
        "running_hash",
        "session",
        "terms",
        "transcript",
    }
)
"""Fields whose value names a document, key, session or salted tree, never an item."""

NON_MATERIAL_SUFFIXES: Final = ("_commitment", "_fingerprint", "_hmac", "_root", "_signature")
"""Salted commitments, fingerprints of keys and cards, keyed digests, roots of salted trees,
signatures."""

_HEX_RUN: Final = re.compile(
    r"[0-9a-f]{32}"  # an MD5, or the start of anything longer
    r"|(?:[0-9a-f]{2}[: -]){15}[0-9a-f]{2}",  # the same, spelled in pairs
    re.IGNORECASE,
)
_BASE64: Final = re.compile(
    r"[A-Za-z0-9+/_-]{22}=="  # MD5
    r"|[A-Za-z0-9+/_-]{27}="  # SHA-1
    r"|[A-Za-z0-9+/_-]{38}=="  # SHA-224
    r"|[A-Za-z0-9+/_-]{43}="  # SHA-256
    r"|[A-Za-z0-9+/_-]{64}"  # SHA-384
    r"|[A-Za-z0-9+/_-]{86}=="  # SHA-512
)


def assert_no_digest(value: Mapping[str, Any]) -> None:
    """Raise StateError if ``value`` holds anything shaped like a digest of the material.

    Refused are 32 or more hex digits in a row anywhere in a text or in a field's name, the same in
    pairs, and a text that is the base64 form of a digest, unless the nearest field name is one of
    :data:`NON_MATERIAL_FIELDS` or ends in one of :data:`NON_MATERIAL_SUFFIXES`.
    """
    for name, inner in value.items():
        if _looks_like_digest(name):
            raise _found("a field's name")
        _check(name, inner)


def _check(name: str, value: Any) -> None:
    if isinstance(value, Mapping):
        assert_no_digest(value)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(name, inner)
    elif isinstance(value, str) and not _is_non_material(name) and _looks_like_digest(value):
        raise _found(f"the field {name!r}")


def _is_non_material(name: str) -> bool:
    return name in NON_MATERIAL_FIELDS or name.endswith(NON_MATERIAL_SUFFIXES)


def _looks_like_digest(text: str) -> bool:
    return bool(_HEX_RUN.search(text) or _BASE64.fullmatch(text))


def _found(where: str) -> errors.StateError:
    return errors.StateError(
        LOG_HOLDS_DIGEST,
        f"{where} of a log entry has the shape of a digest",
        hint="log counts, names of documents or digests keyed with the session's key instead",
    )
