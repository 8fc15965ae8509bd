"""Parsers of schedules, of the webhook's address, and of what members give to a centre."""

from __future__ import annotations

from psihash.casework import documents, reading
from psihash.central.cron import parse_cron
from psihash.node.watching import webhook
from tests.casework.test_contribution import ALL
from tests.casework.test_core import KEY, NOW, PUBLIC
from tests.parsers.parser import Parser


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _written() -> list[bytes]:
    return [reading.sign(document, KEY).to_bytes() for document in ALL]


def _verify(data: bytes) -> object:
    return documents.verify(reading.parse(data), "nl-police", "de-bka", PUBLIC, NOW)


PARSERS = (
    Parser(
        "document of a contribution",
        ("casework.reading.parse",),
        _written,
        _verify,
    ),
    Parser(
        "schedule",
        ("central.cron.parse_cron",),
        lambda: [b"0 2 * * *", b"*/15 8-18 1,15 jan-jun mon"],
        lambda data: parse_cron(_text(data)),
    ),
    Parser(
        "address of the webhook",
        ("node.watching.webhook.parse_address",),
        lambda: [b"http://127.0.0.1:8080/psihash?a=b", b"unix:/run/psihash/hook.sock"],
        lambda data: webhook.parse_address(_text(data)),
    ),
)
