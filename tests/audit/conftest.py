"""Fixtures over :mod:`tests.audit.bench`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.audit.bench import Bench, CountingRng, SeedSigner, make_log_bench


@pytest.fixture
def bench() -> Bench:
    return make_log_bench()


@pytest.fixture
def make_bench() -> Callable[[], Bench]:
    return make_log_bench


@pytest.fixture
def make_signer() -> Callable[[int], SeedSigner]:
    return SeedSigner


@pytest.fixture
def rng() -> CountingRng:
    return CountingRng()
