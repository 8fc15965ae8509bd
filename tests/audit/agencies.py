"""Agencies with logs, nodes in this process that reach each other without a socket."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from psihash_server.witnessing import WitnessingService

from psihash.audit.event import Event
from psihash.identity.cards import card_json
from psihash.identity.fingerprints import format_fingerprint
from psihash.identity.trust import KnownPeer, verify_peer
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.peering import peers

NL, BE, DE, FR = "nl-police", "be-police", "de-police", "fr-police"


class LaterClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = dt.datetime.now(dt.UTC).replace(microsecond=0)

    def now(self) -> dt.datetime:
        return self.at

    def forward(self, **kind: float) -> None:
        self.at += dt.timedelta(**kind)


def make(root: Path, agency: str, clock: LaterClock) -> Node:
    """A home with a log of some entries."""
    opening.create(
        root / agency,
        opening.NewHome(agency, agency.upper(), agency[:2].upper(), "127.0.0.1:7443"),
        clock=clock,
    )
    return opening.open_node(root / agency, clock=clock)


def introduce(*nodes: Node) -> None:
    """Everyone gets everyone's card."""
    for here in nodes:
        for there in nodes:
            if here is not there:
                card = json.dumps(card_json(there.card)).encode()
                peers.add(here, card, format_fingerprint(there.card.fingerprint))


def write(node: Node, count: int, what: str = "tests") -> None:
    for _ in range(count):
        node.record(Event.CONFIG_CHANGE, {"what": what})


class Direct:
    """Stands in for ``node.peering.channel.PeerChannel``: calls the other node's service."""

    nodes: dict[str, Node]
    tamper: Callable[[str, Any], Any] = staticmethod(lambda _name, reply: reply)

    def __init__(self, node: Node, peer: KnownPeer) -> None:
        self._node, self._agency = node, peer.card.agency
        there = self.nodes[self._agency]
        self.verified = verify_peer(
            there.tls_pem, node.directory, node.now(), expected=self._agency
        )

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def call_witness(self, method: Callable[[Any], Any], request: Any) -> Any:
        there = self.nodes[self._agency]
        service = WitnessingService(there, _Gate(there, self._node))
        copy = type(request).FromString(request.SerializeToString())
        bound = method(service)
        try:
            bound(copy, None).send(None)
        except StopIteration as done:
            reply = type(done.value).FromString(done.value.SerializeToString())
            return type(self).tamper(bound.__name__, reply)
        raise AssertionError("nothing here waits")


class _Gate:
    """Proves the caller as the service does, and raises errors as they are."""

    def __init__(self, there: Node, caller: Node) -> None:
        self._there, self._caller = there, caller

    async def answer(self, _context: Any, work: Callable[..., Any]) -> Any:
        return work(verify_peer(self._caller.tls_pem, self._there.directory, self._there.now()))
