"""Holding on to a lease while its work goes on in this thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from psihash import errors
from psihash.node import leasing
from psihash.node.node import Node
from psihash.storage.leases import Lease


@contextmanager
def held(node: Node, lease: Lease) -> Iterator[None]:
    """Renew a lease from another thread until the block ends, then give it back.

    A lease that is lost is noticed where the work is recorded (:meth:`LeaseStore.check`): until
    then it changes nothing.
    """
    done = threading.Event()

    def renew() -> None:
        while not done.wait(leasing.RENEW_SECONDS):
            try:
                leasing.renew(node, lease)
            except errors.StateError:
                return
            except errors.StorageError:
                continue  # a locked or full store passes, or the lease does

    keeper = threading.Thread(target=renew, name=f"psihash-lease-{lease.name[:12]}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
        leasing.give_back(node, lease)
