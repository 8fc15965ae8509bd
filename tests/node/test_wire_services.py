"""The services of ``proto/``, as gRPC is given them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from psihash_server.central import CentralService
from psihash_server.health import SERVICES
from psihash_server.service import PeerService
from psihash_server.witnessing import WitnessingService

from psihash.wire import services

ALL = [services.PEER, services.WITNESSING, services.CENTRAL]
ANSWERING = dict(zip(ALL, [PeerService, WitnessingService, CentralService], strict=True))


@pytest.mark.parametrize("service", ALL, ids=lambda each: each.name)
def test_a_method_that_nobody_answers_is_found_at_the_start(service: ServiceDescriptor) -> None:
    names = [method.name for method in service.methods]
    services.handlers(service, ANSWERING[service])
    for missing in names:
        lacking = SimpleNamespace(**{name: print for name in names if name != missing})
        with pytest.raises(AttributeError):
            services.handlers(service, lacking)


@pytest.mark.parametrize("service", ALL, ids=lambda each: each.name)
def test_every_call_is_unary(service: ServiceDescriptor) -> None:
    for method in service.methods:
        assert not method.client_streaming
        assert not method.server_streaming


def test_health_is_said_of_every_service() -> None:
    assert {service.full_name for service in ALL} == SERVICES - {""}
