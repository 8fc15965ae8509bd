"""What operators do, and what machines do to them, while a session runs."""

from __future__ import annotations

import signal
import time

import pytest

from psihash.identity.trust import PeerStatus
from psihash.node.oversight import auditing
from psihash.node.peering import peers
from tests.two_process import programs
from tests.two_process.agencies import BE, COMMON, NL, Agencies, free_port
from tests.two_process.launcher import PLANTED
from tests.two_process.programs import Program, run, start_server, until

pytestmark = pytest.mark.two_process

LONG = "engine:600:0.05"
"""A session of half a minute, if nothing ends it."""
SECONDS = 8.0
"""What 'at once' may take on a busy machine."""


def begin(agencies: Agencies) -> Program:
    """A long session that is under way on both sides."""
    program = programs.start_match(agencies, LONG)
    try:
        for agency in (NL, BE):
            until(lambda agency=agency: "running" in agencies.states(agency).values(), 30)  # type: ignore[misc]
        assert not program.ended
    except BaseException:
        program.stop()
        raise
    return program


def check_broken_off(agencies: Agencies, code_here: str, code_there: str) -> None:
    until(lambda: agencies.outcomes(BE) == [code_there], SECONDS)
    assert agencies.outcomes(NL) == [code_here]
    assert code_here in agencies.codes(NL)
    assert code_there in agencies.codes(BE)
    agencies.check_results()


def test_one_port_and_one_home_have_one_server(agencies: Agencies) -> None:
    with programs.serving(agencies):
        other_port = f"127.0.0.1:{free_port()}"
        same_home = run(agencies.home(BE), "serve", "--listen", other_port)
        assert (same_home.code, same_home.error) == (4, "already-running")
        same_port = run(agencies.home(NL), "serve", "--listen", f"127.0.0.1:{agencies.port}")
        assert (same_port.code, same_port.error) == (9, "listen-failed")
    again = start_server(agencies)
    again.stop()


def test_a_session_is_cancelled_from_another_process_on_either_side(agencies: Agencies) -> None:
    with programs.serving(agencies, LONG):
        for canceller, said in ((NL, "session-cancelled"), (BE, "peer-aborted")):
            program = begin(agencies)
            try:
                session = next(
                    name for name, state in agencies.states(canceller).items() if state == "running"
                )
                assert run(agencies.home(canceller), "session", "cancel", session[:12]).code == 0
                ended = program.wait(SECONDS)
            finally:
                program.stop()
            assert ended.error == said
            until(lambda: agencies.outcomes(BE)[-1] == "session-cancelled", SECONDS)
            assert agencies.outcomes(NL)[-1] == "session-cancelled"
    assert agencies.codes(NL).count("session-cancelled") == 2
    assert agencies.codes(BE).count("session-cancelled") == 2
    agencies.check_results()


def test_a_peer_that_is_suspended_is_refused_at_once(agencies: Agencies) -> None:
    with programs.serving(agencies, LONG):
        program = begin(agencies)
        try:
            with agencies.node(BE) as node:
                peers.set_status(node, NL, PeerStatus.SUSPENDED)
            ended = program.wait(SECONDS)
        finally:
            program.stop()
        assert ended.error == "peer-suspended"
        check_broken_off(agencies, "peer-suspended", "peer-suspended")
        with agencies.node(BE) as node:
            peers.set_status(node, NL, PeerStatus.ACTIVE)


def test_the_server_is_shut_down_in_a_session_and_started_again(agencies: Agencies) -> None:
    server = start_server(agencies, LONG)
    try:
        program = begin(agencies)
        try:
            server.signal(signal.SIGTERM)
            assert program.wait(SECONDS).error == "peer-aborted"
            assert server.wait(SECONDS).code == 0
        finally:
            program.stop()
    finally:
        server.stop()
    check_broken_off(agencies, "node-stopping", "node-stopping")
    with programs.serving(agencies):
        assert programs.match(agencies).code == 0


def test_a_match_is_interrupted_at_the_keyboard(agencies: Agencies) -> None:
    with programs.serving(agencies, LONG):
        program = begin(agencies)
        try:
            program.signal(signal.SIGINT)
            ended = program.wait(SECONDS)
        finally:
            program.stop()
        assert (ended.code, ended.error) == (130, "interrupted")
        check_broken_off(agencies, "session-cancelled", "session-cancelled")


def test_a_full_disk_ends_the_session_and_passes(agencies: Agencies) -> None:
    full = agencies.home(BE) / "full"
    with programs.serving(agencies, f"{LONG},full,housekeeping:1") as server:
        program = begin(agencies)
        try:
            full.touch()
            # A cancelled session has to be written down, which is not possible.
            with agencies.node(BE) as node:
                peers.set_status(node, NL, PeerStatus.SUSPENDED)
            assert program.wait(SECONDS).code != 0
        finally:
            program.stop()
        time.sleep(2.5)  # two rounds of housekeeping fail
        assert not server.ended
        assert "running" in agencies.states(BE).values()
        full.unlink()
        with agencies.node(BE) as node:
            peers.set_status(node, NL, PeerStatus.ACTIVE)
        until(lambda: agencies.outcomes(BE) == ["process-died"], SECONDS)
    agencies.check_results()


def test_a_fault_is_told_by_its_kind_alone(agencies: Agencies) -> None:
    with programs.serving(agencies, "crash:disclosing") as server:
        ended = programs.match(agencies)
        assert ended.error == "peer-aborted"
        check_broken_off(agencies, "internal", "internal")
        assert PLANTED not in ended.out + ended.err + server.err
    with agencies.node(BE) as node:
        entries = list(auditing.show(node))
    assert PLANTED not in str(entries)
    assert [e["local"]["kind"] for e in entries if e["event"] == "incident"] == ["RuntimeError"]


def test_eight_megabytes_cross_in_frames(agencies: Agencies) -> None:
    with programs.serving(agencies, "engine:32:0"):
        ended = programs.match(agencies, "engine:32:0")
    assert ended.code == 0, ended.err + ended.out
    assert {item["digests"]["md5"] for item in ended.document["items"]} == COMMON
    agencies.check_results()
