"""Two nodes in one process: the real commands and the real service, without a socket between them.

Every call of a node's outgoing channel goes into the other node's gRPC service as a function call,
with the caller's TLS certificate as the context's peer. Only the transport and its handshake are
left out; ``test_over_tls.py`` has those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc
import pytest
from psihash_server.service import TLS_VERSION, PeerService
from psihash_server.witnessing import WitnessingService

from psihash.identity.trust import KnownPeer, verify_peer
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.oversight import cosigning
from psihash.node.peering import channel, contact
from psihash.node.peering.answering import Answering
from psihash.node.running import matching, preflight
from tests.cli.homes import Home


class Fault(grpc.RpcError):  # type: ignore[misc]
    """What a gRPC client sees of an aborted call."""

    def __init__(self, status: grpc.StatusCode, text: str) -> None:
        super().__init__(text)
        self._status, self._text = status, text

    def code(self) -> grpc.StatusCode:
        return self._status

    def details(self) -> str:
        return self._text


class Context:
    """What the service sees of a call: the certificate of the caller."""

    def __init__(self, caller: Node) -> None:
        self._pem = caller.tls_pem

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [self._pem], "ssl_tls_version": [TLS_VERSION]}

    async def abort(self, status: grpc.StatusCode, text: str) -> NoReturn:
        raise Fault(status, text)


class Exchange:
    """The nodes that answer, by agency."""

    def __init__(self) -> None:
        self._services: dict[str, tuple[Node, PeerService]] = {}

    @contextmanager
    def serving(self, home: Home) -> Iterator[None]:
        """What ``psihash serve`` does, without its port."""
        node = opening.open_node(home.path)
        answering = Answering(node)
        with ThreadPoolExecutor(4) as pool:
            self._services[home.agency] = (node, PeerService(node, answering, pool))
            try:
                yield
            finally:
                del self._services[home.agency]
                answering.close()
        node.close()

    def node(self, agency: str) -> Node:
        return self._services[agency][0]

    def service(self, agency: str) -> PeerService:
        return self._services[agency][1]


class LocalChannel:
    """Stands in for :class:`psihash.node.peering.channel.PeerChannel`."""

    exchange: Exchange

    def __init__(self, node: Node, peer: KnownPeer) -> None:
        self._node, self._agency = node, peer.card.agency
        answerer = self.exchange.node(self._agency)
        self.verified = verify_peer(
            answerer.tls_pem, node.directory, node.now(), expected=self._agency
        )

    def __enter__(self) -> LocalChannel:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def reconnect(self) -> None:
        pass

    def call(self, method: Callable[[Any], Callable[..., Any]], request: Any) -> Any:
        return self._call(method(self.exchange.service(self._agency)), request)

    def call_witness(self, method: Callable[[Any], Callable[..., Any]], request: Any) -> Any:
        answerer = self.exchange.node(self._agency)
        service = WitnessingService(answerer, self.exchange.service(self._agency))
        return self._call(method(service), request)

    def _call(self, answer: Callable[..., Any], request: Any) -> Any:
        # The bytes of a request are the service's own, as they are after a network.
        copy = type(request).FromString(request.SerializeToString())
        try:
            with asyncio.Runner() as runner:
                return runner.run(answer(copy, Context(self._node)))
        except grpc.RpcError as fault:
            raise channel._named(fault) from None


def connect(monkeypatch: pytest.MonkeyPatch) -> Exchange:
    """From now on the nodes of this process reach each other through the exchange."""
    exchange = Exchange()
    wired = type("WiredChannel", (LocalChannel,), {"exchange": exchange})
    for module in (matching, preflight, contact, cosigning):
        monkeypatch.setattr(module, "PeerChannel", wired)
    return exchange
