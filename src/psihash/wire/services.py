"""The services of ``proto/`` for gRPC, made from their descriptors: a stub for the side that calls,
handlers for the side that answers.

All calls are unary. A service that lacks a method is found when the server starts.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from psihash.wire.v1 import central_pb2, peer_pb2, witness_pb2

PEER: Final[ServiceDescriptor] = peer_pb2.DESCRIPTOR.services_by_name["Peer"]
WITNESSING: Final[ServiceDescriptor] = witness_pb2.DESCRIPTOR.services_by_name["Witnessing"]
CENTRAL: Final[ServiceDescriptor] = central_pb2.DESCRIPTOR.services_by_name["Central"]


def stub(channel: grpc.Channel, service: ServiceDescriptor) -> Any:
    """Something to call: an attribute for each method of the service."""
    return SimpleNamespace(**{each.name: _call(channel, each) for each in service.methods})


def handlers(service: ServiceDescriptor, answering: object) -> grpc.GenericRpcHandler:
    """What a server is given: each method of the service is that of ``answering``. Raises
    AttributeError where it lacks one."""
    found = {
        each.name: grpc.unary_unary_rpc_method_handler(
            getattr(answering, each.name),
            request_deserializer=GetMessageClass(each.input_type).FromString,
            response_serializer=GetMessageClass(each.output_type).SerializeToString,
        )
        for each in service.methods
    }
    return grpc.method_handlers_generic_handler(service.full_name, found)


def _call(channel: grpc.Channel, method: MethodDescriptor) -> Any:
    return channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
