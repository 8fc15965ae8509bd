"""The gRPC service: who calls, what they say in plain values, and errors without their text."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from psihash import errors, limits
from psihash.audit.event import Event
from psihash.identity.trust import VerifiedPeer, verify_peer
from psihash.node.node import Node
from psihash.node.peering.answering import Answering
from psihash.node.peering.channel import PEER_BUSY
from psihash.node.peering.contact import Acknowledgement
from psihash.node.running import preflight
from psihash.node.running.worker import INTERNAL
from psihash.session.deal import HASH_BYTES
from psihash.session.link import Numbered
from psihash.wire.codec import encode_receipt
from psihash.wire.fields import few, malformed
from psihash.wire.v1 import peer_pb2 as pb
from psihash_server import logs
from psihash_server.fairness import FairShare
from psihash_server.metrics import Calls

OLD_TLS = errors.define("old-tls", "the peer's connection uses an older TLS than 1.3")

TLS_VERSION = b"TLSv1.3"
"""gRPC for Python cannot refuse an older one in the handshake, so each call checks."""

_Reply = TypeVar("_Reply")
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call is refused: a code, and a number after it where a fault has one."""

    status: grpc.StatusCode
    details: str

    @property
    def code(self) -> str:
        return self.details.split(" ")[0]


METHOD: Final[ContextVar[str]] = ContextVar("METHOD", default="unknown")
"""``Peer/Sync`` and the like: the call that is answered, as the door knows it."""


class PeerService:
    """One method per RPC; each proves the peer first and then leaves the event loop."""

    def __init__(self, node: Node, answering: Answering, pool: Executor) -> None:
        self._node, self._answering, self._pool = node, answering, pool
        self._refusals = node.quiet
        self._share = FairShare()
        self.calls = Calls()

    async def Sync(self, request: pb.SyncRequest, context: _Context) -> pb.SyncReply:
        def answer(peer: VerifiedPeer) -> pb.SyncReply:
            received = few(request.received, limits.MAX_DOCUMENTS_PER_CALL)
            told = few(request.received_outcomes, limits.MAX_DOCUMENTS_PER_CALL)
            documents, codes, signature = self._answering.sync(
                peer,
                [document.body for document in request.documents],
                Acknowledgement(
                    tuple(received),
                    request.received_signature,
                    tuple(outcome.code for outcome in told),
                ),
            )
            return pb.SyncReply(
                documents=[pb.Document(body=body) for body in documents],
                outcomes=[pb.DocumentOutcome(code=code) for code in codes],
                outcomes_signature=signature,
            )

        return await self.answer(context, answer)

    async def Preflight(self, request: pb.PreflightRequest, context: _Context) -> pb.PreflightReply:
        def answer(peer: VerifiedPeer) -> pb.PreflightReply:
            coverage, engines = self._answering.preflight(
                peer, request.agreement, preflight.decode(request.coverage)
            )
            return pb.PreflightReply(coverage=preflight.encode(coverage), engines=engines)

        return await self.answer(context, answer)

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

        return await self.answer(context, answer)

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

        return await self.answer(context, answer)

    async def answer(self, context: _Context, work: Callable[[VerifiedPeer], _Reply]) -> _Reply:
        """Prove who calls and do the work, both off the event loop.

        The door has proven it already, but the request may have come half a minute later: a peer
        that was suspended meanwhile is refused."""
        facts = context.auth_context() or {}
        pem = facts.get("x509_pem_cert", [b""])[0]
        version = facts.get("ssl_tls_version", [b""])[0]
        began = time.monotonic()
        outcome = await asyncio.get_running_loop().run_in_executor(
            self._pool, self._attempt, pem, version, work
        )
        code = outcome.code if isinstance(outcome, Refusal) else ""
        self.note(METHOD.get(), code, round(1000 * (time.monotonic() - began)))
        if isinstance(outcome, Refusal):
            await context.abort(outcome.status, outcome.details)
            raise AssertionError("abort raises")
        return outcome

    def note(self, method: str, code: str, milliseconds: int = 0) -> None:
        """Count a call, and say how it ended; ``code`` is empty where it was answered."""
        self.calls.count(method, code)
        told = {"method": method, "code": code or "ok", "milliseconds": milliseconds}
        logs.CALLS.log(logging.INFO if code else logging.DEBUG, "call", extra=told)

    def prove(self, pem: bytes, version: bytes) -> VerifiedPeer | Refusal:
        """Who calls, or what to say instead. Blocks, and records what does not hold."""
        return self._safely(lambda: self._prove(pem, version))

    def refuse(self, error: errors.PsihashError, agency: str) -> Refusal:
        """Record that a call was refused before it was looked at; whose it is may be unproven."""

        def record() -> Refusal:
            if agency:
                self._record(error, agency)
            return Refusal(_status(error), error.code)

        return self._safely(record)

    def _attempt(
        self, pem: bytes, version: bytes, work: Callable[[VerifiedPeer], _Reply]
    ) -> _Reply | Refusal:
        return self._safely(lambda: self._work(self._prove(pem, version), work))

    def _safely(self, work: Callable[[], _Reply]) -> _Reply | Refusal:
        """The reply, or what to say instead. No exception's text gets out, or into the log."""
        try:
            return work()
        except errors.PsihashError as error:
            return Refusal(_status(error), error.code)
        except Exception as fault:  # noqa: BLE001 - its text could hold anything
            return Refusal(grpc.StatusCode.INTERNAL, self._note_fault(fault))

    def _prove(self, pem: bytes, version: bytes) -> VerifiedPeer:
        try:
            if version != TLS_VERSION:
                raise errors.RefusedError(OLD_TLS, "the connection does not use TLS 1.3")
            return verify_peer(pem, self._node.directory, self._node.now())
        except errors.PsihashError as error:
            fingerprint = hashlib.sha256(pem).hexdigest()
            self._refusals.record(
                Event.AUTH_FAILURE, code=error.code, certificate_fingerprint=fingerprint
            )
            raise

    def _work(self, peer: VerifiedPeer, work: Callable[[VerifiedPeer], _Reply]) -> _Reply:
        try:
            with self._share.of(peer.agency):
                return work(peer)
        except errors.PsihashError as error:
            self._record(error, peer.agency)
            raise

    def _record(self, error: errors.PsihashError, agency: str) -> None:
        self._refusals.record(Event.INCIDENT, code=error.code, peer=agency, what="refused call")

    def _note_fault(self, fault: Exception) -> str:
        """Only the kind of the fault goes to the log, under a number that the peer may quote."""
        number = secrets.token_hex(4)
        with contextlib.suppress(errors.PsihashError):  # a fault of the store, most likely
            self._node.record(
                Event.INCIDENT, {"code": INTERNAL, "kind": type(fault).__name__, "number": number}
            )
        return f"{INTERNAL} {number}"


def _status(error: errors.PsihashError) -> grpc.StatusCode:
    if error.code == PEER_BUSY:
        return grpc.StatusCode.RESOURCE_EXHAUSTED
    if isinstance(error, errors.RefusedError | errors.VerificationError):
        return grpc.StatusCode.PERMISSION_DENIED
    if isinstance(error, errors.ProtocolError | errors.InputError):
        return grpc.StatusCode.INVALID_ARGUMENT
    return grpc.StatusCode.FAILED_PRECONDITION
