"""The ledger of each peer over time: what each month's sessions were charged."""

from __future__ import annotations

from dataclasses import dataclass

from psihash.agreement.times import parse_time
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.storage import register

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Month:
    month: str
    """``2026-01``."""
    sessions: int
    elements: int


@dataclass(frozen=True, slots=True)
class PeerMonths:
    """One peer's last months, oldest first; a month without a session is there with zeros."""

    peer: str
    months: list[Month]


@use_case("oversight")
def by_peer(node: Node, months: int = MONTHS) -> list[PeerMonths]:
    """The last ``months`` months of every peer that was charged in them, by name."""
    names = _months(node.stamp(), months)
    found: dict[str, dict[str, Month]] = {}
    for each in register.charged_by_month(node.stores.database, f"{names[0]}-01T00:00:00Z"):
        found.setdefault(each.peer, {})[each.month] = Month(
            each.month, each.sessions, each.elements
        )
    return [
        PeerMonths(peer, [held.get(name, Month(name, 0, 0)) for name in names])
        for peer, held in sorted(found.items())
    ]


def _months(now: str, count: int) -> list[str]:
    moment = parse_time(now)
    last = moment.year * 12 + moment.month - 1
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(last - count + 1, last + 1)]
