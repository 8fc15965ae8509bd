"""gRPC health checking (grpc.health.v1): whether the services are answered, and nothing else."""

from __future__ import annotations

from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

SERVICES: Final = ("", "psihash.wire.v1.Peer", "psihash.wire.v1.Witnessing")


async def add_health(server: grpc.aio.Server) -> health.aio.HealthServicer:
    """Answer health checks beside the other services, behind the same TLS."""
    servicer = health.aio.HealthServicer()
    for service in SERVICES:
        await servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    return servicer
