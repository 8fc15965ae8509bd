"""A peer sends ever newer cards of its own."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from psihash.identity import cards, keys
from psihash.identity.cards import Card
from psihash.node.node import Node
from psihash.node.oversight import auditing, gossip, heads
from psihash.node.peering import contact, peers
from tests.audit import agencies
from tests.audit.agencies import BE, DE, NL, LaterClock, introduce


@pytest.fixture
def clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
def nodes(
    tmp_path: Path, clock: LaterClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Node, Node]]:
    monkeypatch.setattr(keys, "KDF_ROUNDS", 1)
    made = [agencies.make(tmp_path, name, clock) for name in (NL, DE, BE)]
    introduce(*made)
    yield made[0], made[1]
    for node in made:
        node.close()


def newer(node: Node, version: int) -> bytes:
    """The peer's card again, with another number."""
    old: Card = node.card
    made = cards.make_card(
        node.keys.signing,
        old.keys,
        version=version,
        agency=old.agency,
        name=old.name,
        country=old.country,
        ca_pem=old.ca_pem,
        now=dt.datetime.now(dt.UTC),
        endpoint=old.endpoint,
        contact=old.contact,
    )
    return json.dumps(cards.card_json(made)).encode()


def test_a_few_new_cards_are_taken_in_a_day_and_not_many_in_a_year(
    nodes: tuple[Node, Node], clock: LaterClock
) -> None:
    nl, de = nodes
    version, taken = 1, []
    for _ in range(6):
        before = version
        refused = []
        for _ in range(4):
            bodies = [newer(de, version + n + 1) for n in range(8)]
            codes = contact.take(nl, DE, bodies)
            version += codes.count("")
            refused += [code for code in codes if code]
        assert set(refused) == {"too-many-cards"}
        taken.append(version - before)
        clock.forward(hours=25)
    assert taken == [peers.CARDS_A_DAY] * 4 + [0, 0]
    assert sum(taken) == peers.CARDS_A_YEAR
    events = [entry["event"] for entry in auditing.show(nl)]
    assert events.count("peer-changed") == peers.CARDS_A_YEAR
    assert events.count("incident") <= 6  # one a minute, however many were refused
    # By another channel it can still be changed.
    body = newer(de, version + 1)
    peers.add(nl, body, json.loads(body)["fingerprint"])
    assert peers.view(nl, DE).card_version == version + 1


def test_former_cards_are_read_once_and_leave_room_for_other_agencies(
    nodes: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, de = nodes
    contact.take(nl, DE, [newer(de, n + 2) for n in range(8)])
    card = peers.require(nl, DE).card.card
    read = []

    def parse(body: bytes) -> Card:
        read.append(body)
        return cards.parse_card(body)

    monkeypatch.setattr(heads, "parse_card", parse)
    heads._log_key.cache_clear()
    for _ in range(3):
        heads.log_keys(nl, card)
    assert len(read) == 8
    many = [bytes([n]) * 32 for n in range(200)]
    monkeypatch.setattr(heads, "log_keys", lambda _node, each: many if each == card else many[:1])
    known = gossip.names(nl, "fr-police", bytes(32), bytes(32))
    assert [each.agency for each in known.values()].count(DE) == 4
