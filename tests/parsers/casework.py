"""Parsers of sealed documents about hits."""

from __future__ import annotations

import functools

from psihash.casework import documents, reading, sealed
from psihash.identity import envelopes, hybrid
from psihash.identity.keys import KeyRing
from tests.casework.test_approving import approved
from tests.casework.test_core import ALL, NOW, PUBLIC
from tests.casework.test_core import KEY as AUTHOR
from tests.parsers.parser import Parser

CONTEXT = sealed.context("nl-police", "de-bka")


@functools.cache
def _ring() -> KeyRing:
    return KeyRing.generate()


def _written() -> list[bytes]:
    written = [reading.sign(document, AUTHOR) for document in ALL]
    return [each.to_bytes() for each in (*written, approved(ALL[0]))]


def _verify(data: bytes) -> object:
    return documents.verify(reading.parse(data), "nl-police", "de-bka", PUBLIC, NOW)


@functools.cache
def _envelope() -> bytes:
    keys = _ring().card_keys("psihash/log/de-bka")
    return envelopes.seal_to(keys, _written()[0], CONTEXT)


def _open_reply(data: bytes) -> object:
    return hybrid.open_reply(_ring().sealing_x25519, _ring().sealing_mlkem768, data)


PARSERS = (
    Parser(
        "document about hits",
        ("casework.reading.parse", "casework.documents.verify"),
        _written,
        _verify,
    ),
    Parser(
        "sealed document",
        ("casework.sealed.parse_sealed",),
        lambda: [sealed.Sealed("nl-police", "de-bka", _envelope()).to_bytes()],
        sealed.parse_sealed,
    ),
    Parser(
        "sealed content",
        ("identity.envelopes.open_envelope",),
        lambda: [_envelope()],
        lambda data: envelopes.open_envelope(_ring(), data, CONTEXT),
    ),
    Parser(
        "reply to lasting keys",
        ("identity.hybrid.open_reply",),
        lambda: [_envelope()[: hybrid.REPLY_BYTES]],
        _open_reply,
    ),
)
