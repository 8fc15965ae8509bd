"""`match --wait`: polls while nobody has decided, and for nothing else."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from psihash import errors
from psihash.node.running import waiting

START = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


class Clock:
    """A node's clock that only sleeping moves."""

    def __init__(self) -> None:
        self.slept = 0.0
        self.node: Any = SimpleNamespace(now=lambda: START + dt.timedelta(seconds=self.slept))

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def pending(code: str) -> errors.PsihashError:
    return errors.RefusedError(code, "not yet")


@pytest.mark.parametrize("code", ["approval-pending", "approval-needed"])
def test_it_goes_on_until_the_decision(code: str) -> None:
    clock, said = Clock(), []
    answers: list[errors.PsihashError | str] = [pending(code), pending(code), "the result"]

    def run() -> str:
        answer = answers.pop(0)
        if isinstance(answer, errors.PsihashError):
            raise answer
        return answer

    result = waiting.until_decided(
        clock.node, run, 1, on_wait=lambda error: said.append(error.code), sleep=clock.sleep
    )
    assert result == "the result"
    assert said == [code, code]
    assert clock.slept == 60


@pytest.mark.parametrize(("hours", "calls"), [(0.0, 1), (0.1, 13), (1.0, 121)])
def test_it_gives_up_when_the_time_is_over(hours: float, calls: int) -> None:
    clock, made = Clock(), 0

    def run() -> None:
        nonlocal made
        made += 1
        raise pending("approval-pending")

    with pytest.raises(errors.RefusedError):
        waiting.until_decided(clock.node, run, hours, sleep=clock.sleep)
    assert made == calls


@pytest.mark.parametrize("code", ["approval-refused", "clause-rung", "declined"])
def test_anything_else_ends_it_at_once(code: str) -> None:
    import psihash.node.running.matching  # noqa: F401 - its codes are known then

    clock = Clock()

    def run() -> None:
        raise pending(code)

    with pytest.raises(errors.RefusedError) as caught:
        waiting.until_decided(clock.node, run, 5, sleep=clock.sleep)
    assert caught.value.code == code
    assert clock.slept == 0
