"""gRPC health checking (grpc.health.v1): whether the services are answered, and nothing else.

Only ``Check``. ``Watch`` would be a call without an end; a client that asks for it is told that
there is none and goes on without, as the protocol says.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import grpc
from grpc_health.v1 import health_pb2 as pb

SERVICES: Final = frozenset(
    {
        "",
        "psihash.wire.v1.Peer",
        "psihash.wire.v1.Witnessing",
        "psihash.wire.v1.Central",
    }
)

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Health:
    """Says ``SERVING`` until it is told that the server stops."""

    def __init__(self) -> None:
        self.stopping = False

    async def check(
        self, request: pb.HealthCheckRequest, context: _Context
    ) -> pb.HealthCheckResponse:
        if request.service not in SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "")
        status = (
            pb.HealthCheckResponse.NOT_SERVING
            if self.stopping
            else (pb.HealthCheckResponse.SERVING)
        )
        return pb.HealthCheckResponse(status=status)


def add_health(server: grpc.aio.Server) -> Health:
    """Answer health checks beside the other services, behind the same door."""
    health = Health()
    method = grpc.unary_unary_rpc_method_handler(
        health.check,
        request_deserializer=pb.HealthCheckRequest.FromString,
        response_serializer=pb.HealthCheckResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": method}),)
    )
    return health
