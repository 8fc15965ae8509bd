"""Connections that have said nothing complete yet. Whoever opens many of them closes a server to
nobody: when there are too many, the oldest one goes of who has the most."""

from __future__ import annotations

import contextlib
import ipaddress
import resource
import threading
from collections import Counter
from typing import Final, Generic, TypeVar

_Connection = TypeVar("_Connection")

_FILES: Final = 65_536
_NETWORK: Final = 64
"""Bits of an IPv6 address that stand for who has it; the rest anybody may choose."""


def who(address: str) -> str:
    """Whom connections from an address count for."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _NETWORK), strict=False))


class Waiting(Generic[_Connection]):
    """Which connections wait, oldest first. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._held: dict[_Connection, str] = {}

    def enter(self, connection: _Connection, address: str) -> _Connection | None:
        """One more waits, or waits again. Returns the one that has to go, if any."""
        with self._lock:
            self._held.pop(connection, None)
            self._held[connection] = who(address)
            if len(self._held) <= self._most:
                return None
            ((most, _),) = Counter(self._held.values()).most_common(1)
            victim = next(each for each, whose in self._held.items() if whose == most)
            del self._held[victim]
            return victim

    def leave(self, connection: _Connection) -> None:
        """It waits no more: its request is complete, or it is gone."""
        with self._lock:
            self._held.pop(connection, None)


def raise_file_limit() -> None:
    """As many open files as this process may have, within reason: connections cost one each, and
    the usual limit of a shell is small."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, _FILES) if hard != resource.RLIM_INFINITY else _FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # the system has a limit of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
