"""A centre and a member over TLS, the commands of a centre, and processes that are killed."""

from __future__ import annotations

import signal
from typing import Any

import grpc
import pytest

from psihash import errors
from psihash.node.central import member
from psihash.node.home.tls_probe import PEER_UNREACHABLE
from psihash.wire import services
from psihash.wire.v1 import central_pb2 as pb
from tests.two_process import programs
from tests.two_process.agencies import BE, COMMON, DE, NAMES, NL, Agencies
from tests.two_process.calls import client_of, refused

pytestmark = pytest.mark.two_process

INVALID = grpc.StatusCode.INVALID_ARGUMENT
WORDS = ("publish", "rotate")
DENIED = grpc.StatusCode.PERMISSION_DENIED


def central(agencies: Agencies, *words: str, fault: str = "") -> programs.Ended:
    return programs.run(agencies.home(BE), "central", *words, fault=fault)


def found(agencies: Agencies) -> set[str]:
    """One run of the member: the digests of its hits."""
    with agencies.node(NL) as node:
        outcome = member.run(node, BE, agencies.agreement, [NAMES[NL]], since=None)
    return {next(iter(hit.item.digests.values())) for hit in outcome.hits}


def test_the_life_of_a_centre(agencies: Agencies) -> None:
    assert central(agencies, "status").error == "no-central"
    assert central(agencies, "publish").error == "no-central"
    assert central(agencies, "init").document["epoch"] is None
    assert central(agencies, "init").error == "central-exists"
    first = central(agencies, "publish").document
    assert (first["epoch"], first["delta"], first["reason"]) == (1, 0, "first")
    with programs.serving(agencies):
        assert found(agencies) == COMMON
        assert central(agencies, "publish").document["delta"] == 1
        assert central(agencies, "rotate", "--reason", "a test").document["epoch"] == 2
        assert found(agencies) == COMMON
        status = central(agencies, "status").document
        assert (status["epoch"], status["delta"], status["members"]) == (2, 0, 1)
    agencies.check_logs()


def test_bad_calls_are_refused_by_name(agencies: Agencies) -> None:
    central(agencies, "init")
    central(agencies, "publish")
    agreement = bytes.fromhex(agencies.agreement)
    with (
        programs.serving(agencies),
        agencies.node(NL) as nl,
        agencies.node(DE) as de,
        agencies.node(BE) as be,
    ):
        with client_of(nl, agencies.port, be) as client:
            stub: Any = services.stub(client.channel, services.CENTRAL)
            short = pb.EnrolRequest(agreement=b"x")
            assert refused(stub.Enrol, short, timeout=20) == (INVALID, "malformed-message")
            pages = pb.PagesRequest(agreement=agreement, epoch=1, part="additions", count=999)
            assert refused(stub.Pages, pages, timeout=20) == (INVALID, "malformed-message")
            pages = pb.PagesRequest(agreement=agreement, epoch=9, part="additions", count=1)
            assert refused(stub.Pages, pages, timeout=20) == (DENIED, "central-epoch-over")
            batch = pb.EvaluateRequest(run=bytes(32), elements=bytes(32))
            assert refused(stub.Evaluate, batch, timeout=20) == (DENIED, "central-no-such-run")
        with client_of(de, agencies.port, be) as client:
            stub = services.stub(client.channel, services.CENTRAL)
            wanted = pb.PublicationsRequest(agreement=agreement, size=3)
            refusal = refused(stub.Publications, wanted, timeout=20)
            assert refusal == (DENIED, "no-such-agreement")


@pytest.mark.parametrize(
    ("words", "commits"),
    [
        (("publish",), 7),
        (("rotate",), 6),
        *(pytest.param((name,), n, marks=pytest.mark.soak) for name in WORDS for n in range(12)),
    ],
)
def test_a_centre_is_killed_while_it_publishes(
    agencies: Agencies, words: tuple[str, ...], commits: int
) -> None:
    """Members find what stands, before and after the next attempt."""
    central(agencies, "init")
    central(agencies, "publish")
    ended = central(agencies, *words, fault=f"commit:{commits}")
    assert ended.code in (-signal.SIGKILL, 0), ended.err
    with programs.serving(agencies):
        assert found(agencies) == COMMON
        again = central(agencies, *words)
        assert again.code == 0, again.err + again.out
        assert found(agencies) == COMMON
    agencies.check_logs()


@pytest.mark.parametrize("fault", ["after:central-open", "after:central-evaluate"])
def test_a_centre_is_killed_while_it_answers(agencies: Agencies, fault: str) -> None:
    central(agencies, "init")
    central(agencies, "publish")
    server = programs.start_server(agencies, fault)
    try:
        with pytest.raises(errors.UnavailableError) as caught:
            found(agencies)
        assert caught.value.code == PEER_UNREACHABLE
        assert server.wait().code == -signal.SIGKILL
    finally:
        server.stop()
    with agencies.node(BE) as node:
        assert len(node.stores.ledger.charges()) == 1  # at acceptance, and for good
    with programs.serving(agencies):
        assert found(agencies) == COMMON
    with agencies.node(BE) as node:
        assert len({row.session for row in node.stores.ledger.charges()}) == 2
    agencies.check_logs()
