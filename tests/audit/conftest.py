"""Fixtures over :mod:`tests.audit.bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from psihash.identity import keys
from tests.audit.bench import Bench, CountingRng, SeedSigner, make_log_bench


@pytest.fixture(scope="module", autouse=True)
def _quick_keys() -> Iterator[None]:
    """One round in place of 128: each opening of a key would take half a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "KDF_ROUNDS", 1)
        yield


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
