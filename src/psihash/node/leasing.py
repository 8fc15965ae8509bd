"""Leases that keep a job to one process, and that a killed process does not hold for long."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import socket
from typing import Final

from psihash import errors
from psihash.node.clock import seconds
from psihash.node.node import Node
from psihash.storage.leases import Lease

ALREADY_RUNNING = errors.define(
    "already-running", "another process of this agency is doing the same thing"
)

SERVE: Final = "serve"
_SECONDS: Final = 300
RENEW_SECONDS: Final = 60.0
"""How often a holder renews its lease."""

_LEFT: Final[set[str]] = set()
"""Holders of this process that work no more and could not say so, because the store was gone."""


def pair(peer: str) -> str:
    """The lease for a session with a peer, whoever opened it: one at a time, because each session
    extends what the two know of each other's sets and logs."""
    return f"session:{peer}"


def acquire(node: Node, name: str) -> Lease:
    """Take a lease; raises StateError ``already-running`` while another process holds it.

    A holder on this machine whose process is gone is replaced at once; one on another machine
    (a shared PostgreSQL) only when its lease runs out.
    """
    holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"
    try:
        lease = _try(node, name, holder)
        if lease is None and _release_dead(node, name):
            lease = _try(node, name, holder)
    except errors.StorageError:
        _LEFT.add(holder)  # it may be ours: the commit can have outlived its answer
        raise
    if lease is None:
        raise errors.StateError(
            ALREADY_RUNNING,
            f"another psihash process of this agency is busy with '{name}'",
            hint="wait until it is done; `psihash status` shows what runs",
        )
    return lease


def renew(node: Node, lease: Lease) -> Lease:
    """Hold on to a lease; raises StateError ``lease-lost``."""
    now, expires = _period(node)
    return node.stores.leases.renew(lease, now, expires)


def give_back(node: Node, lease: Lease) -> None:
    """Let go of a lease. Where the store is gone, this process takes it again when it is back."""
    try:
        node.stores.leases.release(lease)
    except errors.StorageError:
        _LEFT.add(lease.holder)
        raise


def _try(node: Node, name: str, holder: str) -> Lease | None:
    now, expires = _period(node)
    return node.stores.leases.acquire(name, holder, now, expires)


def _release_dead(node: Node, name: str) -> bool:
    held = node.stores.leases.find(name)
    if held is None:
        return False
    host, _, rest = held.holder.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    if held.holder not in _LEFT and _alive(int(pid)):
        return False
    node.stores.leases.release(held)
    _LEFT.discard(held.holder)
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _period(node: Node) -> tuple[str, str]:
    now = node.now()
    return seconds(now), seconds(now + dt.timedelta(seconds=_SECONDS))
