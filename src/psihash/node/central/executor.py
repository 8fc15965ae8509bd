"""Computing an epoch elsewhere: in a pool of processes here, or on the workers of a Dask scheduler.

Without either, the threads of the native part do the same work (:class:`.building.InProcess`). The
results are the same bytes. What is finished is in the store, partition by partition, so after a cut
only the rest is computed.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, Final

from psihash import errors
from psihash.bulk import Bytes2D
from psihash.central import derive, partitions
from psihash.node.central import executor_keys
from psihash.node.central.building import Executor, InProcess, own_group
from psihash.node.node import Node

BAD_EXECUTOR = errors.define(
    "bad-executor", "an executor is neither 'threads', 'pool', 'pool:N' nor 'tls://HOST:PORT'"
)
DASK_MISSING = errors.define(
    "dask-missing", "an executor at tls:// needs the extra 'dask', here and on its workers"
)
EXECUTOR_UNREACHABLE = errors.define(
    "executor-unreachable", "the scheduler cannot be reached, or has no workers"
)
EXECUTOR_FAILED = errors.define(
    "executor-failed", "a worker failed, was killed, or was lost too often"
)

MAX_PROCESSES: Final = 256
_POOL: Final = re.compile(r"pool(?::([0-9]{1,3}))?")
_TLS: Final = re.compile(r"tls://[A-Za-z0-9.\-\[\]:]+:[0-9]{1,5}")
_CONNECT_SECONDS: Final = 20
_RETRIES: Final = 3
"""How often a partition is given to another worker when one was lost."""

Work = tuple[int, bytes]
"""(number, inputs)."""


def choose(node: Node, text: str) -> Executor:
    """From the option ``--executor``. Raises InputError ``bad-executor``, UnavailableError."""
    if text in ("", "threads"):
        return InProcess()
    pool = _POOL.fullmatch(text)
    if pool is not None:
        processes = int(pool[1]) if pool[1] else os.cpu_count() or 1
        if 1 <= processes <= MAX_PROCESSES:
            return ProcessPool(processes)
    if _TLS.fullmatch(text):
        return DaskCluster(text, executor_keys.folder(node))
    raise errors.InputError(
        BAD_EXECUTOR,
        "that is no executor",
        hint="'threads', 'pool' or 'pool:4' for processes, 'tls://HOST:PORT' for a Dask scheduler",
    )


class ProcessPool:
    """Processes of this machine, made by a fork server: useful without the native part, which has
    threads of its own."""

    def __init__(self, processes: int) -> None:
        self._processes = processes

    def roots(
        self, centre: str, epoch: int, seed: bytes, partitions: Iterable[tuple[int, Bytes2D]]
    ) -> Iterator[tuple[int, Bytes2D]]:
        """Implements :class:`.building.Executor`."""
        context = multiprocessing.get_context("forkserver")
        with ProcessPoolExecutor(self._processes, mp_context=context) as pool:
            task = _Task(centre, epoch, seed)
            yield from task.through(pool.submit, partitions, 2 * self._processes, wait)


class DaskCluster:
    """The workers of a Dask scheduler, over mutual TLS under a CA of its own."""

    def __init__(self, address: str, keys: Path) -> None:
        self._address, self._keys = address, keys

    def roots(
        self, centre: str, epoch: int, seed: bytes, partitions: Iterable[tuple[int, Bytes2D]]
    ) -> Iterator[tuple[int, Bytes2D]]:
        """Implements :class:`.building.Executor`."""
        distributed = _distributed()
        client = self._client(distributed)
        try:
            workers = len(client.scheduler_info(n_workers=-1)["workers"])
            if not workers:
                raise _unreachable()
            task = _Task(centre, epoch, seed)

            def submit(function: Callable[..., bytes], *args: Any) -> Any:
                # Not pure: a name made from the arguments would be a digest of them.
                return client.submit(function, *args, pure=False, retries=_RETRIES)

            def waiting(tasks: list[Any], *, return_when: str) -> Any:
                with client.as_current():
                    return distributed.wait(tasks, return_when=return_when)

            yield from task.through(submit, partitions, 2 * workers, waiting)
        finally:
            client.close()

    def _client(self, distributed: Any) -> Any:
        executor_keys.require(self._keys)
        security = distributed.Security(
            tls_ca_file=str(self._keys / executor_keys.CA),
            tls_client_cert=str(self._keys / executor_keys.certificate("client")),
            tls_client_key=str(self._keys / executor_keys.key("client")),
            require_encryption=True,
        )
        try:
            return distributed.Client(
                self._address, security=security, timeout=_CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, TimeoutError):
            raise _unreachable() from None


class _Task:
    """One epoch's partitions on their way: a few more than there are workers, so that memory stays
    bounded and nobody waits."""

    def __init__(self, centre: str, epoch: int, seed: bytes) -> None:
        self._centre, self._epoch, self._seed = centre, epoch, seed
        self._group = own_group()

    def through(
        self,
        submit: Callable[..., Any],
        parts: Iterable[tuple[int, Bytes2D]],
        most: int,
        waiting: Callable[..., Any],
    ) -> Iterator[tuple[int, Bytes2D]]:
        """Give partitions out and take them back, in the order in which they are done."""
        running: dict[Any, Work] = {}
        for number, tokens in parts:
            inputs = derive.inputs(self._centre, self._epoch, tokens).tobytes()
            task = submit(partitions.work, self._centre, self._epoch, self._seed, inputs)
            running[task] = number, inputs
            if len(running) >= most:
                yield from self._finished(running, waiting)
        while running:
            yield from self._finished(running, waiting)

    def _finished(
        self, running: dict[Any, Work], waiting: Callable[..., Any]
    ) -> Iterator[tuple[int, Bytes2D]]:
        for task in waiting(list(running), return_when=FIRST_COMPLETED).done:
            number, inputs = running.pop(task)
            yield number, self._accepted(task, inputs)

    def _accepted(self, task: Future[bytes], inputs: bytes) -> Bytes2D:
        try:
            found = task.result()
        except Exception as fault:  # noqa: BLE001 - whatever a worker raises, or how it was lost
            raise errors.UnavailableError(
                EXECUTOR_FAILED,
                f"a worker failed with {type(fault).__name__}",
                hint="publish again: what is finished is kept",
            ) from None
        if not isinstance(found, bytes):
            raise errors.VerificationError(
                partitions.EXECUTOR_WRONG, "a worker gave something else than values"
            )
        where = self._centre, self._epoch, self._seed
        return partitions.accept(self._group, *where, inputs, found, secrets.token_bytes)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise errors.UnavailableError(
            DASK_MISSING,
            "an executor at tls:// needs the extra 'dask'",
            hint="pip install 'psihash[dask]'",
        ) from None
    return distributed


def _unreachable() -> errors.UnavailableError:
    return errors.UnavailableError(
        EXECUTOR_UNREACHABLE,
        "no scheduler with workers answers at that address",
        hint="docs/watch.md, 'An epoch on several machines', says how they are started",
    )
