"""The gRPC service: who calls, what they say in plain values, and errors without their text."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeAlias, TypeVar

import grpc

from psihash import errors, limits
from psihash.audit.event import Event
from psihash.identity.trust import VerifiedPeer, verify_peer
from psihash.node import preflight
from psihash.node.answering import Answering
from psihash.node.channel import PEER_BUSY
from psihash.node.node import Node
from psihash.session.deal import HASH_BYTES
from psihash.session.link import Numbered
from psihash.wire.codec import encode_receipt
from psihash.wire.fields import few, malformed
from psihash.wire.v1 import peer_pb2 as pb
from psihash.wire.v1 import peer_pb2_grpc

OLD_TLS = errors.define("old-tls", "the peer's connection uses an older TLS than 1.3")

TLS_VERSION = b"TLSv1.3"
"""gRPC for Python cannot refuse an older one in the handshake, so each call checks."""

_Reply = TypeVar("_Reply")
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class PeerService(peer_pb2_grpc.PeerServicer):
    """One method per RPC; each proves the peer first and then leaves the event loop."""

    def __init__(self, node: Node, answering: Answering, pool: Executor) -> None:
        self._node, self._answering, self._pool = node, answering, pool
        self._refused: dict[tuple[str, str], float] = {}

    async def Sync(self, request: pb.SyncRequest, context: _Context) -> pb.SyncReply:
        def answer(peer: VerifiedPeer) -> pb.SyncReply:
            documents, codes = self._answering.sync(
                peer,
                [document.body for document in request.documents],
                few(request.received, limits.MAX_DOCUMENTS_PER_CALL),
            )
            return pb.SyncReply(
                documents=[pb.Document(body=body) for body in documents],
                outcomes=[pb.DocumentOutcome(code=code) for code in codes],
            )

        return await self._answer(context, answer)

    async def Preflight(self, request: pb.PreflightRequest, context: _Context) -> pb.PreflightReply:
        def answer(peer: VerifiedPeer) -> pb.PreflightReply:
            coverage, engines = self._answering.preflight(
                peer, request.agreement, preflight.decode(request.coverage)
            )
            return pb.PreflightReply(coverage=preflight.encode(coverage), engines=engines)

        return await self._answer(context, answer)

    async def Exchange(self, request: pb.ExchangeRequest, context: _Context) -> pb.ExchangeReply:
        def answer(peer: VerifiedPeer) -> pb.ExchangeReply:
            ack, messages, ended = self._answering.exchange(
                peer,
                request.channel,
                request.ack,
                [Numbered(each.number, each.body) for each in request.messages],
                request.room,
                hold=request.hold,
            )
            return pb.ExchangeReply(
                ack=ack,
                messages=[
                    pb.NumberedMessage(number=each.number, body=each.body) for each in messages
                ],
                ended=ended,
            )

        return await self._answer(context, answer)

    async def Settle(self, request: pb.SettleRequest, context: _Context) -> pb.SettleReply:
        def answer(peer: VerifiedPeer) -> pb.SettleReply:
            if len(request.session) != HASH_BYTES:
                raise malformed("a session id has 32 bytes")
            outcome, receipt, signature = self._answering.settle(peer, request.session)
            return pb.SettleReply(
                outcome=outcome,
                receipt=None if receipt is None else encode_receipt(receipt),
                aborted_signature=signature,
            )

        return await self._answer(context, answer)

    async def _answer(self, context: _Context, work: Callable[[VerifiedPeer], _Reply]) -> _Reply:
        """Prove who calls, do the work off the event loop, and let no exception's text out."""
        facts = context.auth_context() or {}
        pem = facts.get("x509_pem_cert", [b""])[0]
        version = facts.get("ssl_tls_version", [b""])[0]

        def all_of_it() -> _Reply:
            return work(self._prove(pem, version))

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, all_of_it)
        except errors.PsihashError as error:
            await context.abort(_status(error), error.code)
        except Exception as fault:  # noqa: BLE001 - its text could hold anything
            await context.abort(grpc.StatusCode.INTERNAL, self._note_fault(fault))
        raise AssertionError("abort raises")

    def _prove(self, pem: bytes, version: bytes) -> VerifiedPeer:
        try:
            if version != TLS_VERSION:
                raise errors.RefusedError(OLD_TLS, "the connection does not use TLS 1.3")
            return verify_peer(pem, self._node.directory, self._node.now())
        except errors.PsihashError as error:
            self._record_refusal(pem, error.code)
            raise

    def _record_refusal(self, pem: bytes, code: str) -> None:
        """One entry a minute for each certificate and cause: a refused peer must not flood the
        log by calling again and again."""
        fingerprint = hashlib.sha256(pem).hexdigest()
        now = time.monotonic()
        if now - self._refused.get((fingerprint, code), -60.0) < 60.0:
            return
        self._refused[fingerprint, code] = now
        self._node.record(
            Event.AUTH_FAILURE, {"code": code, "certificate_fingerprint": fingerprint}
        )

    def _note_fault(self, fault: Exception) -> str:
        """Only the kind of the fault goes to the log, under a number that the peer may quote."""
        number = secrets.token_hex(4)
        self._node.record(
            Event.INCIDENT, {"code": "internal", "kind": type(fault).__name__, "number": number}
        )
        return f"internal {number}"


def _status(error: errors.PsihashError) -> grpc.StatusCode:
    if error.code == PEER_BUSY:
        return grpc.StatusCode.RESOURCE_EXHAUSTED
    if isinstance(error, errors.RefusedError | errors.VerificationError):
        return grpc.StatusCode.PERMISSION_DENIED
    if isinstance(error, errors.ProtocolError | errors.InputError):
        return grpc.StatusCode.INVALID_ARGUMENT
    return grpc.StatusCode.FAILED_PRECONDITION
