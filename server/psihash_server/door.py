"""Before any call: who calls is proven, and only then is a request waited for.

gRPC would hold a call of which nothing but its beginning has come for as long as its caller wants,
and its bound on calls counts strangers and peers alike: one peer could take all places. Here each
certificate may have a few proofs under way, and each agency a few calls, from the first byte to the
last one of the reply. Whoever takes more keeps nobody out but itself.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from psihash import errors, limits
from psihash.wire.fields import malformed
from psihash_server.fairness import AtOnce, FairShare
from psihash_server.service import METHOD, PeerService, Refusal

REQUEST_LATE = errors.define("request-late", "a call was opened and its request did not come")

PROOF_THREADS: Final = 2
PROOFS_AT_ONCE: Final = 8
"""Of one certificate: each costs a millisecond."""
OPEN_CALLS: Final = 2 * limits.CALLS_AT_ONCE
"""Of one agency; half of them are worked on."""

_Result = TypeVar("_Result")
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Door(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Every method of every service is reached through it."""

    def __init__(self, service: PeerService, seconds: float = limits.CALL_SECONDS) -> None:
        self._service, self._seconds = service, seconds
        self._proofs, self._calls = AtOnce(PROOFS_AT_ONCE), FairShare(OPEN_CALLS)
        # Not the pool of the calls: with all of its threads at work nobody would be let in.
        self._pool = ThreadPoolExecutor(PROOF_THREADS, thread_name_prefix="psihash-proof")

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler | None:
        found = await continuation(handler_call_details)
        if found is None:
            return None
        method = str(handler_call_details.method).rpartition(".")[2]

        async def call(_: object, context: _Context) -> None:
            METHOD.set(method)
            refusal = await self._through(found, context)
            if refusal is not None:
                self._service.note(method, refusal.code)
                await context.abort(refusal.status, refusal.details)

        # One message each way is the same on the wire, whatever the method is called. As a stream
        # the call is ours before its request has come, and until its reply has left.
        return grpc.stream_stream_rpc_method_handler(
            call, response_serializer=found.response_serializer
        )

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _through(self, handler: _Handler, context: _Context) -> Refusal | None:
        facts = context.auth_context() or {}
        pem = facts.get("x509_pem_cert", [b""])[0]
        version = facts.get("ssl_tls_version", [b""])[0]
        agency = ""
        try:
            with self._proofs.of(hashlib.sha256(pem).hexdigest()):
                peer = await self._in_thread(lambda: self._service.prove(pem, version))
            if isinstance(peer, Refusal):
                return peer
            agency = peer.agency
            with self._calls.of(agency):
                request = await self._request(handler, context)
                await context.write(await handler.unary_unary(request, context))
        except errors.PsihashError as error:
            caught = error  # the name of the clause ends with it
            return await self._in_thread(lambda: self._service.refuse(caught, agency))
        return None

    async def _request(self, handler: _Handler, context: _Context) -> Any:
        try:
            data = await asyncio.wait_for(context.read(), self._seconds)
        except TimeoutError:
            raise errors.UnavailableError(REQUEST_LATE, "the request did not come") from None
        if not isinstance(data, bytes):
            raise malformed("a call has a request")
        try:
            return handler.request_deserializer(data)
        except Exception:  # noqa: BLE001 - whatever the library raises
            raise malformed("a request cannot be read") from None

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
