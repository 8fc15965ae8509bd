"""Values of an epoch computed by threads, by processes and on a Dask cluster: the same bytes."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from psihash import errors
from psihash.bulk import Bytes2D, sorted_distinct
from psihash.central import derive, partitions
from psihash.node.central import building, executor, executor_keys, publishing, setting_up
from psihash.node.central.building import Executor, InProcess, own_group
from psihash.node.central.executor import DaskCluster, ProcessPool
from psihash.node.node import Node
from psihash.storage.central import CURRENT
from tests.central.conftest import homes, two
from tests.central.meeting import put
from tests.watching import cluster

__all__ = ["homes", "two"]

ROOT = Path(__file__).resolve().parents[2]
SIZES = [100, 1, 64, 257, 30]
Two = tuple[Node, Node]

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="needs the extra 'dask'"
)


@pytest.fixture(scope="module")
def expected() -> str:
    return cluster.roots(InProcess(), SIZES)


def test_a_pool_of_processes_makes_the_same(expected: str) -> None:
    assert cluster.roots(ProcessPool(2), SIZES) == expected
    assert list(ProcessPool(1).roots("xx-centre", 1, bytes(32), iter(()))) == []


def test_a_worker_gets_inputs_and_no_tokens() -> None:
    tokens = next(cluster.partitions([50]))[1]
    inputs = derive.inputs(cluster.CENTRE, cluster.EPOCH, tokens)
    found = partitions.work(cluster.CENTRE, cluster.EPOCH, cluster.SEED, inputs.tobytes())
    group = own_group()
    key = derive.epoch_key(group, cluster.CENTRE, cluster.EPOCH, cluster.SEED)
    roots = derive.own_roots(group, key, cluster.CENTRE, cluster.EPOCH, tokens)
    assert found == roots.tobytes()
    other = derive.inputs(cluster.CENTRE, cluster.EPOCH + 1, tokens)
    assert not set(map(bytes, inputs)) & {*map(bytes, tokens), *map(bytes, other)}


@pytest.mark.parametrize("change", ["seed", "epoch", "short", "swapped", "zero"])
def test_what_a_wrong_worker_makes_is_refused(change: str) -> None:
    tokens = next(cluster.partitions([50]))[1]
    where = (cluster.CENTRE, cluster.EPOCH, cluster.SEED)
    inputs = derive.inputs(*where[:2], tokens).tobytes()
    good = partitions.work(*where, inputs)
    wrong = {
        "seed": lambda: partitions.work(*where[:2], bytes(32), inputs),
        "epoch": lambda: partitions.work(cluster.CENTRE, 8, cluster.SEED, inputs),
        "short": lambda: good[:-32],
        "swapped": lambda: good[32:] + good[:32],
        "zero": lambda: bytes(len(good)),
    }[change]()
    assert partitions.accept(own_group(), *where, inputs, good, os.urandom).tobytes() == good
    with pytest.raises(errors.VerificationError) as caught:
        partitions.accept(own_group(), *where, inputs, wrong, os.urandom)
    assert caught.value.code == partitions.EXECUTOR_WRONG


class Dying:
    """Computes so many partitions and is gone."""

    def __init__(self, lives: int) -> None:
        self.lives, self.done = lives, 0

    def roots(
        self, centre: str, epoch: int, seed: bytes, partitions: Iterable[tuple[int, Bytes2D]]
    ) -> Iterator[tuple[int, Bytes2D]]:
        for each in InProcess().roots(centre, epoch, seed, partitions):
            if self.done == self.lives:
                raise errors.UnavailableError(executor.EXECUTOR_FAILED, "gone")
            self.done += 1
            yield each


def test_publishing_goes_on_from_the_last_partition(two: Two) -> None:
    centre = two[0]
    put(centre, "theirs", range(1_000))
    setting_up.init(centre)
    with mock.patch.object(building, "PARTITION", 100):
        first, second = Dying(4), Dying(100)
        with pytest.raises(errors.UnavailableError):
            publishing.publish(centre, executor=first)
        assert centre.stores.central.in_state(CURRENT) is None
        made = publishing.publish(centre, executor=second)
        again = Dying(0)
        publishing.publish(centre, executor=again)
    assert (made.epoch, made.items) == (1, 1_000)
    values = centre.stores.values
    tokens = sorted_distinct(np.array(values.tokens(1)))
    total = len(tokens)
    assert first.done + second.done == -(-total // 100)
    assert again.done == 0
    seed = publishing.secrets_of(centre, centre.stores.central.epochs()[0]).key_seed
    key = derive.epoch_key(own_group(), centre.agency, 1, seed)
    expected = derive.own_roots(own_group(), key, centre.agency, 1, tokens)
    assert np.array_equal(values.roots(1, values.find(1, tokens)), expected)


@pytest.mark.parametrize(
    "text",
    ["fork", "pool:0", "pool:x", "pool:999", "tcp://127.0.0.1:8786", "tls://", "tls://a b:1"],
)
def test_anything_else_is_no_executor(two: Two, text: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        executor.choose(two[0], text)
    assert caught.value.code == executor.BAD_EXECUTOR


def test_executors_by_their_names(two: Two) -> None:
    node = two[0]
    kinds: dict[str, type[Executor]] = {
        "threads": InProcess, "pool": ProcessPool, "pool:3": ProcessPool,
        "tls://10.0.0.1:8786": DaskCluster, "tls://[::1]:8786": DaskCluster,
    }  # fmt: skip
    for text, kind in kinds.items():
        assert type(executor.choose(node, text)) is kind


@pytest.fixture
def keys(two: Two) -> Path:
    return executor_keys.make(two[0], ["127.0.0.1"])


def test_keys_are_their_owners_alone(keys: Path) -> None:
    assert sorted(path.name for path in keys.iterdir()) == sorted(
        [executor_keys.CA, *(f"{part}.{kind}" for part in executor_keys.PARTS
                             for kind in ("key", "pem"))]
    )  # fmt: skip
    for part in executor_keys.PARTS:
        assert (keys / f"{part}.key").stat().st_mode & 0o077 == 0
    assert (keys.stat().st_mode & 0o077) == 0


@contextmanager
def dask(keys: Path) -> Iterator[str]:
    """The address of a cluster of two workers."""
    words = [sys.executable, "-m", "tests.watching.cluster", "serve", str(keys)]
    with (keys.parent / "cluster.err").open("wb") as stream:
        process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream, text=True
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"tls://127\.0\.0\.1:\d+", address), (
            keys.parent / "cluster.err"
        ).read_text()
        yield address
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def compute(keys: Path, address: str) -> subprocess.CompletedProcess[str]:
    sizes = ",".join(map(str, SIZES))
    words = [sys.executable, "-m", "tests.watching.cluster", "roots", str(keys), address, sizes]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)


@needs_dask
@pytest.mark.two_process
def test_a_dask_cluster_over_tls_makes_the_same(
    two: Two, keys: Path, expected: str, tmp_path: Path
) -> None:
    node = two[0]
    put(node, "theirs", range(300))
    setting_up.init(node)
    with dask(keys) as address:
        found = compute(keys, address)
        assert found.stdout.strip() == expected, found.stderr
        # Without a certificate of this authority nobody gets in.
        stranger = executor_keys.make(two[1])
        refused = compute(stranger, address)
        assert refused.returncode != 0
        assert "no scheduler with workers answers" in refused.stderr
        plain = compute(keys, address.replace("tls://", "tcp://"))
        assert plain.returncode != 0
        # The whole program.
        home = node.home
        node.close()
        words = ["--home", str(home), "--json", "central", "publish", "--executor", address]
        with_quick_keys = [sys.executable, "-m", "tests.two_process.launcher", *words]
        env = os.environ | {"PSIHASH_TEST_FAULT": ""}
        done = subprocess.run(
            with_quick_keys, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr + done.stdout
        assert '"items": 300' in done.stdout


@pytest.mark.skipif(
    importlib.util.find_spec("distributed") is not None, reason="the extra 'dask' is installed"
)
def test_without_the_extra_it_is_said(keys: Path) -> None:
    with pytest.raises(errors.UnavailableError) as caught:
        list(DaskCluster("tls://127.0.0.1:1", keys).roots("x", 1, bytes(32), iter(())))
    assert caught.value.code == executor.DASK_MISSING
