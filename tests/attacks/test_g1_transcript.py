"""G1: replays, splices, swapped identities, and a peer that signs other terms than were agreed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from psihash.errors import PsihashError
from psihash.session import messages as m
from psihash.session.deal import Deal, Identities, Side
from psihash.session.party import Party, Setting
from psihash.session.responder import Responder
from psihash.terms import Learn, Rung, SessionRole
from psihash.testing.memory import Bench, Meeting, MemoryJournal, agency
from psihash.testing.pump import pump
from psihash.wire.codec import ProtobufCodec
from tests.attacks.peers import between, caught, overriding
from tests.session.lists import MD5, SHA1, bench

CODEC = ProtobufCodec()
ROLES = list(SessionRole)


def one_bit(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


# -- each field of the transcript ----------------------------------------------------------------


def other_side(sides: Identities, role: SessionRole, **changes: Any) -> Identities:
    changed = replace(sides.of(role), **changes)
    if role is SessionRole.INITIATOR:
        return replace(sides, initiator=changed)
    return replace(sides, responder=changed)


def in_pair(pair: tuple[Any, Any], role: SessionRole, value: Any) -> tuple[Any, Any]:
    return (value, pair[1]) if role is SessionRole.INITIATOR else (pair[0], value)


Change = Callable[[Deal, SessionRole], Any]
"""From a deal and the victim's role to the changed field."""

CHANGES: dict[str, list[Change]] = {
    "session": [lambda deal, victim: one_bit(deal.session)],
    "sides": [
        lambda deal, victim: other_side(deal.sides, victim, agency="de-bka"),
        lambda deal, victim: other_side(deal.sides, victim.other, agency="de-bka"),
        lambda deal, victim: other_side(deal.sides, victim, card=bytes(25)),
        lambda deal, victim: other_side(deal.sides, victim.other, card=bytes(25)),
        lambda deal, victim: other_side(deal.sides, victim, leaf=bytes(32)),
        lambda deal, victim: other_side(deal.sides, victim.other, leaf=bytes(32)),
        lambda deal, victim: Identities(deal.sides.responder, deal.sides.initiator),
    ],
    "agreement": [lambda deal, victim: one_bit(deal.agreement)],
    "annexes": [
        lambda deal, victim: deal.annexes[::-1],
        lambda deal, victim: in_pair(deal.annexes, victim, bytes(32)),
    ],
    "cases": [
        lambda deal, victim: in_pair(deal.cases, victim, "another case"),
        lambda deal, victim: ("".join(deal.cases), ""),
        lambda deal, victim: deal.cases[::-1],
    ],
    "rung": [lambda deal, victim: Rung.COUNT, lambda deal, victim: Rung.RECORDS],
    "learn": [lambda deal, victim: Learn.INITIATOR, lambda deal, victim: Learn.RESPONDER],
    "engine": [lambda deal, victim: "ecdh-ristretto255/1"],
    "algorithms": [lambda deal, victim: (SHA1,), lambda deal, victim: (MD5, SHA1)],
    "classes": [
        lambda deal, victim: in_pair(deal.classes, victim, (m.SetClass(MD5, 64),)),
        lambda deal, victim: in_pair(deal.classes, victim.other, (m.SetClass(MD5, 64),)),
        lambda deal, victim: in_pair(deal.classes, victim, ()),
    ],
    "roots": [
        lambda deal, victim: in_pair(deal.roots, victim, ()),
        lambda deal, victim: in_pair(deal.roots, victim, deal.roots_of(victim)[::-1]),
        lambda deal, victim: in_pair(
            deal.roots, victim, tuple(replace(r, size=r.size + 1) for r in deal.roots_of(victim))
        ),
        lambda deal, victim: in_pair(
            deal.roots,
            victim,
            tuple(replace(r, root=one_bit(r.root)) for r in deal.roots_of(victim)),
        ),
    ],
    "keys": [
        lambda deal, victim: in_pair(deal.keys, victim, (bytes(32),)),
        lambda deal, victim: in_pair(deal.keys, victim.other, (bytes(32),)),
    ],
    "approvals": [
        lambda deal, victim: deal.approvals[::-1],
        lambda deal, victim: deal.approvals[:1],
        lambda deal, victim: deal.approvals[:2],
        lambda deal, victim: (*deal.approvals[:3], bytes(32)),
    ],
    "previous_receipt": [lambda deal, victim: bytes(32)],
    "expires": [lambda deal, victim: "2027-12-31T00:00:00Z"],
}


def test_every_field_of_the_deal_is_changed_below() -> None:
    assert set(CHANGES) == {each.name for each in fields(Deal)}


def signing_other_terms(base: type[Party], name: str, change: Change) -> type[Party]:
    """Agrees with everything, and then signs a transcript in which one field differs."""

    def agreed(self: Any) -> Deal:
        deal: Deal = base._agreed(self)
        return replace(deal, **{name: change(deal, self.role.other)})

    def accepting(self: Any, body: m.Confirm) -> None:
        self._witness(body)

    def confirming(self: Any, roots_nonce: bytes) -> bytes:
        true, self.deal = self.deal, agreed(self)
        try:
            return base._confirm(self, roots_nonce)
        finally:
            self.deal = true

    return overriding(base, _confirm=confirming, _verify_confirm=accepting)


FIELDS = [(name, place) for name, changes in CHANGES.items() for place in range(len(changes))]


@pytest.mark.parametrize("role", SessionRole)
@pytest.mark.parametrize(("name", "place"), FIELDS)
def test_a_transcript_with_one_field_changed_does_not_verify(
    name: str, place: int, role: SessionRole
) -> None:
    meeting = between(bench(), Rung.ITEMS, role, signing_other_terms, name, CHANGES[name][place])
    assert caught(meeting, role.other) == "bad-signature"


@pytest.mark.parametrize("role", SessionRole)
def test_a_transcript_signed_for_the_other_role_does_not_verify(role: SessionRole) -> None:
    """The victim's own signature, sent back to it."""
    kept: list[bytes] = []

    def change(self: Any, event: Any, body: m.Sealed) -> bytes:
        if isinstance(body, m.Confirm):
            body = replace(body, signature=kept[0] if kept else bytes(64))
        return Party._send(self, event, body)

    def keeping(self: Any, body: m.Confirm) -> None:
        kept.append(body.signature)

    meeting = between(
        bench(), Rung.ITEMS, role, lambda b: overriding(b, _send=change, _verify_confirm=keeping)
    )
    assert caught(meeting, role.other) == "bad-signature"


# -- greetings, altered on their way or by their sender -------------------------------------------

HELLO_FIELDS = {
    "protocol": {"wrong-protocol"},
    "nonce": {"wrong-channel"},
    "own_card": {"bad-signature"},
    "peer_card": {"bad-signature"},
    "agreement": {"bad-signature"},
    "key_exchange": {"bad-signature"},
    "own_leaf": {"bad-signature"},
    "peer_leaf": {"bad-signature"},
    "signature": {"bad-signature"},
}


def altered(message: Any, name: str) -> Any:
    value = getattr(message, name)
    return replace(message, **{name: value + "0" if isinstance(value, str) else one_bit(value)})


def test_every_field_of_a_hello_is_altered_below() -> None:
    assert set(HELLO_FIELDS) == {each.name for each in fields(m.Hello)}
    assert {each.name for each in fields(m.HelloReply)} <= set(HELLO_FIELDS)


@pytest.mark.parametrize("name", HELLO_FIELDS)
def test_a_hello_altered_on_its_way_is_refused(name: str) -> None:
    meeting = bench().meet()
    hello = CODEC.decode_greeting(next(meeting.pair.initiator._saying))
    code = refusal(meeting.parties[1], CODEC.encode_greeting(altered(hello, name)))
    assert code in HELLO_FIELDS[name]


@pytest.mark.parametrize("name", [each.name for each in fields(m.HelloReply)])
def test_a_hello_reply_altered_on_its_way_is_refused(name: str) -> None:
    meeting = bench().meet()
    (hello,) = meeting.pair.initiator._saying
    (answer,) = meeting.parties[1].receive(hello)
    reply = CODEC.decode_greeting(answer)
    code = refusal(meeting.parties[0], CODEC.encode_greeting(altered(reply, name)))
    assert code == "bad-signature"


def refusal(party: Party, message: bytes) -> str:
    """The code with which a party meets a message."""
    with pytest.raises(PsihashError) as raised:
        list(party.receive(message))
    party.fail(raised.value)
    assert party.state.final
    return raised.value.code


IDENTITIES: dict[str, tuple[Callable[[Side], Side], str]] = {
    "another card": (lambda side: replace(side, card=agency("de-bka").card.fingerprint), "card"),
    "another certificate": (lambda side: replace(side, leaf=agency("de-bka").leaf), "leaf"),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_a_signed_hello_that_names_other_identities_is_refused(name: str) -> None:
    """The sender shows another card or certificate of its own than the one we hold and see."""
    change, what = IDENTITIES[name]
    made = bench()
    made.desks[0].side = change(made.desks[0].side)
    assert caught(made.meet(), SessionRole.RESPONDER) == f"wrong-{what}"


@pytest.mark.parametrize("name", IDENTITIES)
def test_a_signed_hello_reply_that_names_other_identities_is_refused(name: str) -> None:
    change, what = IDENTITIES[name]

    def reply(self: Any, hello: m.Hello, sides: Identities) -> bytes:
        sides = replace(sides, responder=change(sides.responder))
        return Responder._reply(self, hello, sides)

    meeting = bench().meet(responder=overriding(Responder, _reply=reply))
    assert caught(meeting, SessionRole.INITIATOR) == f"wrong-{what}"


class Mistaken(Bench):
    """One side holds another card of its peer, or sees another certificate."""

    role: SessionRole
    what: str

    def setting(self, journal: MemoryJournal) -> Setting:
        setting, stranger = super().setting(journal), agency("de-bka")
        if journal.role is not self.role:
            return setting
        if self.what == "leaf":
            return replace(setting, peer_leaf=stranger.leaf)
        # The signing key stays, or the signature would say it first.
        return replace(setting, peer_card=replace(stranger.card, keys=setting.peer_card.keys))


@pytest.mark.parametrize("role", SessionRole)
@pytest.mark.parametrize("what", ["card", "leaf"])
def test_a_peer_that_holds_another_card_or_sees_another_certificate_of_ours_is_refused(
    what: str, role: SessionRole
) -> None:
    """Something stands between, or the cards were never exchanged again."""
    plain = bench()
    made = Mistaken(plain.ours, plain.theirs)
    made.role, made.what = role, what
    meeting = made.meet()
    pump(meeting.pair)
    assert f"wrong-{what}" in meeting.codes
    assert all(journal.visible is None for journal in meeting.journals)
    assert all(journal.codes == [f"wrong-{what}"] for journal in meeting.journals)


# -- replays and splices -------------------------------------------------------------------------


def by_hand(meeting: Meeting, messages: int) -> list[tuple[int, bytes]]:
    """The first messages of a session with their sender (0 or 1), carried without a link."""
    found = [(0, message) for message in meeting.pair.initiator._saying]
    at = 0
    while len(found) < messages:
        sender, message = found[at]
        at += 1
        taker = 1 - sender
        found += [(taker, answer) for answer in meeting.parties[taker].receive(message)]
    return found


def test_a_replayed_hello_opens_nothing() -> None:
    """A thief of the TLS key plays a recorded session to the responder once more."""
    first = bench().meet()
    recorded = [message for sender, message in by_hand(first, 6) if sender == 0]
    again = bench().meet()
    channel = first.parties[0].hello.nonce  # type: ignore[attr-defined]
    victim = Responder(again.parties[1]._setting, channel)
    (reply,) = victim.receive(recorded[0])
    assert reply != by_hand(bench().meet(), 2)[1][1]
    assert refusal(victim, recorded[1]) == "frame-broken"
    assert again.journals[1].codes == ["frame-broken"]
    assert again.journals[1].desk.deals == []  # nothing was charged


def test_a_hello_on_another_channel_is_refused() -> None:
    first, second = bench().meet(), bench().meet()
    (hello,) = first.pair.initiator._saying
    assert refusal(second.parties[1], hello) == "wrong-channel"


@pytest.mark.parametrize("which", [2, 3, 4, 5])
def test_an_accept_and_all_that_follows_cannot_be_replayed_in_a_second_session(which: int) -> None:
    """Messages of the responder from one session, in the same place of another."""
    first, second = bench().meet(), bench().meet()
    old = [message for sender, message in by_hand(first, 14) if sender == 1]
    carried = by_hand(second, 3)
    assert [sender for sender, _ in carried] == [0, 1, 0]
    assert refusal(second.parties[0], old[which - 1]) == "frame-broken"
    assert second.journals[0].desk.deals == []


@pytest.mark.parametrize("role", SessionRole)
def test_a_message_sent_back_to_its_sender_does_not_open(role: SessionRole) -> None:
    """Each direction has a key of its own."""
    meeting = bench().meet()
    carried = by_hand(meeting, 6)
    place = ROLES.index(role)
    own = [message for sender, message in carried if sender == place]
    assert refusal(meeting.parties[place], own[-1]) == "frame-broken"


def test_two_sessions_of_the_same_agencies_share_nothing_that_is_keyed() -> None:
    meetings = [bench().meet(Rung.RECORDS) for _ in range(2)]
    for meeting in meetings:
        pump(meeting.pair)
        assert meeting.codes == (None, None)
    one, other = (meeting.journals[0] for meeting in meetings)
    assert one.desk.deals[0].session != other.desk.deals[0].session
    assert one.sealed is not None
    assert other.sealed is not None
    assert one.sealed.result_key != other.sealed.result_key
    assert meetings[0].journals[1].sealed is not None
    assert one.sealed.result_key == meetings[0].journals[1].sealed.result_key
