"""A Dask cluster on loopback, and values computed on it, in processes of their own: Dask has loops
and threads that a test should not inherit.

``python -m tests.watching.cluster serve KEYS``: two workers over mutual TLS; prints the address and
runs until its standard input ends. ``... roots KEYS ADDRESS SIZES``: prints the SHA-256 of the
values of so many tokens in each partition, in the order of the partitions.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from psihash.bulk import Bytes2D
from psihash.node.central import executor_keys
from psihash.node.central.building import Executor

CENTRE = "xx-centre"
EPOCH = 7
SEED = bytes(range(32))


def partitions(sizes: list[int]) -> Iterator[tuple[int, Bytes2D]]:
    """Tokens that are the same each time."""
    for number, size in enumerate(sizes):
        rng = np.random.default_rng(number)
        yield number, rng.integers(0, 256, (size, 32), dtype=np.uint8)


def roots(executor: Executor, sizes: list[int]) -> str:
    found = dict(executor.roots(CENTRE, EPOCH, SEED, partitions(sizes)))
    assert sorted(found) == list(range(len(sizes)))
    assert [len(found[number]) for number in sorted(found)] == sizes
    joined = b"".join(found[number].tobytes() for number in sorted(found))
    return hashlib.sha256(joined).hexdigest()


def serve(keys: Path) -> None:
    distributed: Any = importlib.import_module("distributed")  # it has types for a part of itself

    def files(part: str) -> dict[str, str]:
        return {
            f"tls_{part}_cert": str(keys / executor_keys.certificate(part)),
            f"tls_{part}_key": str(keys / executor_keys.key(part)),
        }

    security = distributed.Security(
        tls_ca_file=str(keys / executor_keys.CA),
        require_encryption=True,
        **files("client"),
        **files("scheduler"),
        **files("worker"),
    )
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        protocol="tls://",
        security=security,
        dashboard_address=None,
        local_directory=str(keys),
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]))
    else:
        from psihash.node.central.executor import DaskCluster

        wanted = [int(size) for size in sys.argv[4].split(",")]
        print(roots(DaskCluster(sys.argv[3], Path(sys.argv[2])), wanted))
