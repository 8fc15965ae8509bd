"""A connection that breaks, stalls or crawls in the middle of a session."""

from __future__ import annotations

import pytest

from psihash.testing.proxy import Proxy
from tests.two_process import programs
from tests.two_process.agencies import BE, COMMON, NL, Agencies, free_port
from tests.two_process.programs import Ended, until

pytestmark = pytest.mark.two_process

BULK = "engine:16:0.02"
"""16 frames of 256 KiB in each of two runs: 8 MiB."""
OFFSETS = (1, 700, 6_000, 40_000, 300_001, 1_000_000)
"""Bytes between one cut and the next."""


def common(ended: Ended) -> set[str]:
    assert ended.code == 0, ended.err + ended.out
    return {item["digests"]["md5"] for item in ended.document["items"]}


def check_one_session(agencies: Agencies) -> None:
    for agency in (NL, BE):
        assert agencies.outcomes(agency) == ["completed"]
    agencies.check_results()


@pytest.mark.parametrize("reset", [False, True])
def test_a_session_goes_on_over_a_connection_that_is_cut_again_and_again(
    agencies: Agencies, reset: bool
) -> None:
    behind = free_port()
    with (
        programs.serving(agencies, BULK, port=behind),
        Proxy(behind, agencies.port) as proxy,
    ):
        program = programs.start_match(agencies, BULK)
        try:
            until(lambda: "running" in agencies.states(BE).values(), 30)
            for cuts, offset in enumerate(OFFSETS, start=1):
                proxy.cut_after(offset, reset=reset)
                until(lambda cuts=cuts: proxy.cuts == cuts, 30)  # type: ignore[misc]
            ended = program.wait()
        finally:
            program.stop()
        assert common(ended) == COMMON
        assert proxy.cuts == len(OFFSETS)
        # Whatever was under way when the line was cut is sent again, and not more.
        assert proxy.passed < 8 * 2**20 + len(OFFSETS) * 3 * 2**20
    check_one_session(agencies)


def test_a_slow_line_that_hands_on_crumbs_changes_nothing(agencies: Agencies) -> None:
    behind = free_port()
    with programs.serving(agencies, port=behind), Proxy(behind, agencies.port) as proxy:
        proxy.latency, proxy.slice = 0.005, 997
        assert common(programs.match(agencies)) == COMMON
    check_one_session(agencies)


def test_a_black_hole_ends_the_session_on_both_sides(agencies: Agencies) -> None:
    behind = free_port()
    with (
        programs.serving(agencies, "engine:400:0.05", port=behind),
        Proxy(behind, agencies.port) as proxy,
    ):
        program = programs.start_match(agencies, "engine:400:0.05,calls:2,reconnect:3")
        try:
            until(lambda: proxy.passed > 1_000_000, 30)
            proxy.silent = True
            ended = program.wait(40)
        finally:
            program.stop()
        assert ended.error == "peer-unreachable"
        until(lambda: agencies.outcomes(BE) == ["session-idle"], 15)
    assert agencies.outcomes(NL) == ["peer-unreachable"]
    assert "peer-unreachable" in agencies.codes(NL)
    assert "session-idle" in agencies.codes(BE)
    agencies.check_results()
