"""A gRPC client that says whatever a test wants, with whatever certificate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc

from psihash.identity.authority import NODE_HOST
from psihash.node.node import Node
from psihash.wire import services
from psihash.wire.v1 import peer_pb2 as pb


class Answer(NamedTuple):
    """How the server refused a call."""

    status: grpc.StatusCode
    details: str


class Client:
    """One connection. ``certificate`` is (key, chain) in PEM, or None."""

    def __init__(self, port: int, ca_pem: bytes, certificate: tuple[bytes, bytes] | None) -> None:
        key, chain = certificate or (None, None)
        credentials = grpc.ssl_channel_credentials(ca_pem, key, chain)
        options = [
            ("grpc.ssl_target_name_override", NODE_HOST),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_retries", 0),
        ]
        self.channel = grpc.secure_channel(f"127.0.0.1:{port}", credentials, options=options)
        self.stub: Any = services.stub(self.channel, services.PEER)

    def exchange(self, channel: bytes, *messages: tuple[int, bytes], **fields: Any) -> Any:
        """One Exchange call; ``messages`` are (number, body)."""
        numbered = [pb.NumberedMessage(number=number, body=body) for number, body in messages]
        fields = {"room": 4} | fields
        request = pb.ExchangeRequest(channel=channel, messages=numbered, **fields)
        return self.stub.Exchange(request, timeout=20)

    def sync(self, *bodies: bytes, **fields: Any) -> Any:
        documents = [pb.Document(body=body) for body in bodies]
        return self.stub.Sync(pb.SyncRequest(documents=documents, **fields), timeout=20)

    def raw(self, method: str, data: bytes) -> Any:
        """A call of any method with any bytes."""
        call = self.channel.unary_unary(f"/psihash.wire.v1.Peer/{method}")
        return call(data, timeout=20)


def refused(call: Any, *args: Any, **kwargs: Any) -> Answer:
    """Make a call that must fail."""
    try:
        call(*args, **kwargs)
    except grpc.RpcError as fault:
        return Answer(fault.code(), fault.details() or "")
    raise AssertionError("the server answered the call")


@contextmanager
def client_of(node: Node, port: int, server: Node) -> Iterator[Client]:
    """A client with the certificate of ``node``."""
    client = Client(port, server.ca_pem, (node.keys.tls_pem(), node.tls_pem))
    with client.channel:
        yield client
