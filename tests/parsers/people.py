"""Parsers of requests, decisions, rosters and passwords."""

from __future__ import annotations

import functools
from unittest import mock

from psihash.agreement import decision, request, roster
from psihash.identity import passwords
from tests.agreement.people import AGENCY, NOW, People
from tests.parsers.parser import Parser, text

_PASSWORD = b"correct horse battery"


@functools.cache
def _people() -> People:
    return People.usual()


def _records() -> list[bytes]:
    return [record.to_bytes() for record in _people().held.records]


def _extends(data: bytes) -> object:
    people = _people()
    return roster.extend(people.held, roster.parse_record(data), AGENCY, people.agency_keys)


@functools.cache
def _request() -> request.Request:
    return _people().request()


def _decisions() -> list[bytes]:
    return [_people().decide(_request(), by).to_bytes() for by in (3, 4)]


def _verified(data: bytes) -> object:
    said = decision.parse_decision(data)
    return decision.verify_decision(said, _request(), _people().held, NOW)


@functools.cache
def _hashed() -> str:
    with mock.patch.object(passwords, "COST", 4):
        return passwords.hash_password(_PASSWORD)


PARSERS = (
    Parser(
        "operator record",
        ("agreement.roster.parse_record",),
        _records,
        _extends,
    ),
    Parser(
        "request",
        ("agreement.request.parse_request", "agreement.request.parse_session_subject"),
        lambda: [_request().to_bytes(), _people().request(proposer=4).to_bytes()],
        request.parse_request,
    ),
    Parser(
        "decision",
        ("agreement.decision.parse_decision",),
        _decisions,
        _verified,
    ),
    Parser(
        "password",
        ("identity.passwords.parse_password",),
        lambda: [_PASSWORD, "groß und geheim".encode()],
        lambda data: passwords.parse_password(text(data)),
    ),
    Parser(
        "password check",
        ("identity.passwords.check_password",),
        lambda: [_PASSWORD],
        lambda data: passwords.check_password(data, _hashed()),
        slow=True,
    ),
)
