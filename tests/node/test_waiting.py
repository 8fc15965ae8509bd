"""`match --wait`: polls while nobody has decided, and for nothing else."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from psihash import errors
from psihash.node.running import waiting
from psihash.storage.requests import RequestState

START = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


class Clock:
    """A node's clock that only sleeping moves."""

    def __init__(self, decided_after: float = 0.0) -> None:
        self.slept = 0.0
        self._decided_after = decided_after
        requests = SimpleNamespace(all=self._inbox)
        self.node: Any = SimpleNamespace(
            now=lambda: START + dt.timedelta(seconds=self.slept),
            stores=SimpleNamespace(requests=requests),
        )

    def _inbox(self, state: RequestState) -> list[SimpleNamespace]:
        assert state is RequestState.PENDING
        other = SimpleNamespace(id="another")
        waits = self.slept < self._decided_after
        return [other, SimpleNamespace(id="ours")] if waits else [other]

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def pending(code: str) -> errors.PsihashError:
    return errors.RefusedError(code, "not yet")


def test_it_goes_on_until_the_peer_has_decided() -> None:
    clock, said = Clock(), []
    answers: list[errors.PsihashError | str] = [*[pending("approval-pending")] * 6, "the result"]

    def run() -> str:
        answer = answers.pop(0)
        if isinstance(answer, errors.PsihashError):
            raise answer
        return answer

    result = waiting.until_decided(
        clock.node, run, 1, on_wait=lambda error: said.append(error.code), sleep=clock.sleep
    )
    assert result == "the result"
    assert said == ["approval-pending"] * 6
    assert clock.slept == 30 + 60 + 120 + 240 + 300 + 300


def test_our_own_approver_is_waited_for_without_a_call() -> None:
    clock, tried = Clock(decided_after=12_345), []

    def run() -> str:
        tried.append(clock.slept)
        if clock.slept < 12_345:
            raise pending("approval-needed")
        return "the result"

    assert waiting.until_decided(clock.node, run, 24, sleep=clock.sleep) == "the result"
    assert tried == [0, 12_345]


@pytest.mark.parametrize("code", ["approval-pending", "approval-needed"])
@pytest.mark.parametrize("hours", [0.0, 0.1, 1.0])
def test_it_gives_up_when_the_time_is_over(hours: float, code: str) -> None:
    clock = Clock(decided_after=1e9)

    def run() -> None:
        raise pending(code)

    with pytest.raises(errors.RefusedError):
        waiting.until_decided(clock.node, run, hours, sleep=clock.sleep)
    assert 3600 * hours <= clock.slept <= 3600 * hours + waiting.LOOK_SECONDS


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
