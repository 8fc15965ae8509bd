"""Steps skipped or added, and receipts that a dishonest peer makes up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from psihash import canonical, limits
from psihash.identity import signatures
from psihash.session import messages as m
from psihash.session import receipt
from psihash.session.blobs import pad
from psihash.session.machine import Input, State
from psihash.session.party import Party
from psihash.terms import Learn, Rung, SessionRole
from psihash.testing.memory import agency
from psihash.testing.pump import pump
from tests.attacks.peers import altering, between, caught, overriding, without_table
from tests.session.lists import MD5, bench

ROLES = list(SessionRole)
each_role = pytest.mark.parametrize("role", SessionRole)
"""Who is dishonest."""


# -- more or less than the rung gives ------------------------------------------------------------


SECOND = {
    Input.SEND_LABELS: (m.Labels, Rung.COUNT),
    Input.SEND_OPENINGS: (m.Openings, Rung.ITEMS),
}


@pytest.mark.parametrize("event", SECOND)
def test_a_peer_that_asks_for_more_than_the_rung_gets_nothing(event: Input) -> None:
    """The initiator sends labels at count, or openings at items, to be answered in kind."""
    kind, rung = SECOND[event]

    def send_receipt(self: Any) -> bytes:
        return bytes(self._send(event, kind(pad(b""), False)))

    def dishonest(base: type[Party]) -> type[Party]:
        return without_table(overriding(base, _send_receipt=send_receipt))

    meeting = between(bench(), rung, SessionRole.INITIATOR, dishonest)
    assert caught(meeting, SessionRole.RESPONDER) == "not-due"
    told = [step for step in meeting.journals[1].steps if step.startswith("disclosing")]
    assert told == (["disclosing labels"] if rung is Rung.ITEMS else [])


SKIPS: dict[str, tuple[Rung, str]] = {
    "labels": (Rung.ITEMS, "_send_labels"),
    "openings and records": (Rung.RECORDS, "_send_openings"),
}


@pytest.mark.parametrize("name", SKIPS)
def test_a_receipt_that_skips_a_step_of_the_rung_is_refused(name: str) -> None:
    """The initiator takes what it has and goes to the end."""
    rung, method = SKIPS[name]

    def skip(self: Any) -> Any:
        yield self._send_receipt()

    meeting = between(
        bench(),
        rung,
        SessionRole.INITIATOR,
        lambda base: without_table(overriding(base, **{method: skip})),
    )
    assert caught(meeting, SessionRole.RESPONDER) == "step-skipped"


@pytest.mark.parametrize("name", SKIPS)
def test_a_responder_that_answers_with_a_receipt_in_place_of_its_part_is_refused(name: str) -> None:
    rung, method = SKIPS[name]

    def skip(self: Any) -> Any:
        yield self._send(Input.SEND_RECEIPT, m.Receipt(b"{}", bytes(64)))

    meeting = between(
        bench(),
        rung,
        SessionRole.RESPONDER,
        lambda base: without_table(overriding(base, **{method: skip})),
    )
    assert caught(meeting, SessionRole.INITIATOR) == "unexpected-message"


# -- receipts ------------------------------------------------------------------------------------

RECEIPTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "other counts": lambda value: value | {"counts": {"md5": 11}},
    "a count that is a flag": lambda value: value | {"counts": {"md5": True}},
    "no counts": lambda value: value | {"counts": None},
    "counts of another algorithm": lambda value: value | {"counts": {"sha1": 10}},
    "another transcript": lambda value: value | {"transcript": "00" * 32},
    "another running hash": lambda value: value | {"running_hash": "00" * 32},
    "another session": lambda value: value | {"session": "00" * 32},
    "the victim's role": lambda value: value | {"role": SessionRole(value["role"]).other.value},
    "another rung": lambda value: value | {"rung": "count"},
    "another engine": lambda value: value | {"engine": "ecdh-ristretto255/1"},
    "another result": lambda value: value | {"result_hmac": "00" * 32},
    "a commitment that is not due": lambda value: value | {"count_commitment": "00" * 32},
    "a further member": lambda value: value | {"note": "x"},
    "a member missing": lambda value: {k: v for k, v in value.items() if k != "learn"},
    "another type": lambda value: value | {"type": "psihash-receipt/2"},
}


def with_receipt(
    base: type[Party], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> type[Party]:
    def make(self: Any) -> m.Receipt:
        return receipt.sign(self._setting.signing_key, change(self._receipt_content()))

    return overriding(base, _make_receipt=make)


@each_role
@pytest.mark.parametrize("name", RECEIPTS)
def test_a_receipt_that_says_something_else_is_refused(name: str, role: SessionRole) -> None:
    meeting = between(bench(), Rung.ITEMS, role, with_receipt, RECEIPTS[name])
    assert caught(meeting, role.other) == "bad-receipt"
    if role is SessionRole.RESPONDER:
        # Its own receipt had left: the initiator asks once more, and hears no receipt either.
        assert meeting.parties[0].state is State.IN_DOUBT
        meeting.settle()
        assert meeting.journals[0].state == "aborted"
        assert meeting.journals[0].codes == ["bad-receipt"]


BODIES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "not canonical": (lambda body: b" " + body, "bad-receipt"),
    "not JSON": (lambda body: b"\xff", "bad-receipt"),
    "a list": (lambda body: b"[]", "bad-receipt"),
    "empty": (lambda body: b"", "bad-receipt"),
    "too large": (lambda body: b" " * (limits.MAX_RECEIPT + 1), "malformed-message"),
}


@each_role
@pytest.mark.parametrize("name", BODIES)
def test_a_receipt_that_is_no_receipt_is_refused(name: str, role: SessionRole) -> None:
    change, code = BODIES[name]
    made = bench()
    key = agency(made.desks[ROLES.index(role)].side.agency).ring.signing

    def sent(body: m.Sealed) -> m.Sealed:
        if not isinstance(body, m.Receipt):
            return body
        said = change(body.body)
        return m.Receipt(said, signatures.sign(key, signatures.Context.RECEIPT, said))

    meeting = between(made, Rung.ITEMS, role, altering, sent)
    assert caught(meeting, role.other) == code


@each_role
def test_a_receipt_under_another_signature_is_refused(role: SessionRole) -> None:
    """Signed by a wrong key, or the right bytes under another context."""

    def make(self: Any) -> m.Receipt:
        body = canonical.encode(self._receipt_content())
        key = self._setting.signing_key
        return m.Receipt(body, signatures.sign(key, signatures.Context.TRANSCRIPT, body))

    meeting = between(bench(), Rung.ITEMS, role, lambda base: overriding(base, _make_receipt=make))
    assert caught(meeting, role.other) == "bad-signature"


def test_our_own_receipt_sent_back_is_no_receipt() -> None:
    def echo(self: Any, body: m.Receipt) -> Any:
        yield self._send(Input.SEND_RECEIPT, body)

    meeting = between(
        bench(), Rung.ITEMS, SessionRole.RESPONDER, lambda b: overriding(b, _on_receipt=echo)
    )
    assert caught(meeting, SessionRole.INITIATOR) == "bad-signature"


@pytest.mark.parametrize("learn", [Learn.INITIATOR, Learn.RESPONDER])
def test_a_one_sided_receipt_tells_the_other_side_no_count(learn: Learn) -> None:
    """Only a salted commitment; trying all numbers against it finds nothing without the salt."""
    meeting = bench().meet(Rung.ITEMS, learn)
    pump(meeting.pair)
    assert meeting.codes == (None, None)
    learner = 0 if learn is Learn.INITIATOR else 1
    journal = meeting.journals[learner]
    assert journal.receipts is not None
    assert journal.sealed is not None
    said = json.loads(journal.receipts[0].body)
    assert said["counts"] is None
    committed = bytes.fromhex(said["count_commitment"])
    salt = journal.sealed.count_salt
    other = meeting.journals[1 - learner].sealed
    assert other is not None
    assert other.by_algorithm[MD5].count is None

    def commitment(salt: bytes, count: int) -> bytes:
        return canonical.digest(b"psihash/count/1", salt, count.to_bytes(8, "big"))

    assert commitment(salt, 10) == committed
    known = (b"", bytes(32), other.result_key, other.count_salt)
    assert not any(commitment(key, count) == committed for key in known for count in range(200))
    peer = json.loads(journal.receipts[1].body)
    assert peer["counts"] is peer["count_commitment"] is peer["result_hmac"] is None


def test_a_one_sided_session_has_no_labels() -> None:
    for learn in (Learn.INITIATOR, Learn.RESPONDER):
        meeting = bench().meet(Rung.ITEMS, learn)
        pump(meeting.pair)
        assert all("disclosing labels" not in journal.steps for journal in meeting.journals)
