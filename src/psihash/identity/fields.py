"""The plain-text fields of a card, checked one way wherever they come from.

Names and contacts come from peers and are shown to people, so characters that hide or reorder
text are refused. All checks return the text and raise InputError ``bad-identity-field``.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
import unicodedata
from typing import Final

from psihash import errors

BAD_FIELD: Final = errors.define(
    "bad-identity-field", "a field of an agency's identity or card has a form that is not allowed"
)

MAX_TEXT: Final = 200
"""Characters of a name or contact: enough for any agency, and one line on a page."""
MAX_HOST: Final = 253
MAX_ORIGIN: Final = 200

_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_ORIGIN: Final = re.compile(r"[!-*,-~]+")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories: controls (bidirectional ones too), unassigned, line separators."""


def check_text(text: str, field: str) -> str:
    """One line of visible text: a name or a contact."""
    if not 0 < len(text) <= MAX_TEXT or text != text.strip():
        raise _bad(f"the {field} has 1 to {MAX_TEXT} characters, and no space around it")
    if any(unicodedata.category(character) in _HIDDEN for character in text):
        raise _bad(f"the {field} has characters that cannot be shown")
    return text


def check_country(text: str) -> str:
    """An ISO 3166-1 alpha-2 code in capitals; the list of countries is not consulted."""
    if not _COUNTRY.fullmatch(text):
        raise _bad("a country is two capital letters, such as NL")
    return text


def check_host(text: str) -> str:
    """A DNS name or an IP address, without brackets."""
    if not _is_address(text) and not _is_dns_name(text):
        raise _bad("a host is a DNS name or an IP address")
    return text


def check_endpoint(text: str) -> str:
    """``host:port``, an IPv6 address in brackets."""
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65535:
        raise _bad("an endpoint is host:port, with a port from 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        if ":" not in host or not _is_address(host[1:-1]):
            raise _bad("only an IPv6 address stands in brackets")
    elif ":" in host:
        raise _bad("an IPv6 address of an endpoint stands in brackets")
    else:
        check_host(host)
    return text


def check_origin(text: str) -> str:
    """The name of a log (C2SP signed-note): visible ASCII without space and plus."""
    if len(text) > MAX_ORIGIN or not _ORIGIN.fullmatch(text):
        raise _bad("a log's origin is visible ASCII without spaces and plus signs")
    return text


def check_time(text: str) -> str:
    """RFC 3339 in UTC with whole seconds: ``2026-01-31T12:00:00Z``."""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        dt.datetime.fromisoformat(text)
    except ValueError:
        raise _bad("a time is RFC 3339 in UTC, such as 2026-01-31T12:00:00Z") from None
    return text


def time_text(now: dt.datetime) -> str:
    """An aware datetime as :func:`check_time` wants it."""
    return now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_address(text: str) -> bool:
    try:
        # A zone ("%eth0") is a matter of one machine, not of an address others can use.
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _is_dns_name(text: str) -> bool:
    labels = text.split(".")
    # A name whose last label is a number would be read as an IPv4 address by some resolvers.
    plain = all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdigit()
    return plain and len(text) <= MAX_HOST


def _bad(message: str) -> errors.InputError:
    return errors.InputError(BAD_FIELD, message)
