"""What people of a node with years of work have open: requests, notices, a watch, a centre.

Rows as the use cases leave them, without the documents behind them; what the watch found is sealed
as a run seals it. It goes on top of
:mod:`console_history`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Final

from psihash.casework.hits import reference
from psihash.casework.words import HitVerdict
from psihash.central import canaries
from psihash.node.central import publishing, setting_up
from psihash.node.central.outcome import CentralHit, RunOutcome, RunState
from psihash.node.clock import seconds
from psihash.node.node import Actor, Node
from psihash.node.running import sessions
from psihash.node.watching import found_hits
from psihash.session.result import MatchedItem
from psihash.session.row_state import RowState
from psihash.storage.central_runs import ANSWERS, RunRow
from psihash.storage.contributions import ContributionState, TakenCollection, TakenRow
from psihash.storage.corrections import CorrectionRow
from psihash.storage.followups import FollowUpRow
from psihash.storage.hits import HitDecision
from psihash.storage.watches import RunKind, WatchRow, WatchRunState, WatchState
from psihash.storage.watches import RunRow as WatchRun
from psihash.terms import AlgorithmId, Rung

REQUESTS: Final = 200
NOTICES: Final = 60
WATCHED: Final = 1_000
OPEN: Final = 20
"""Sessions that requests and notices are about."""
RUNS: Final = 2_000
_HOUR: Final = dt.timedelta(hours=1)


def fill(node: Node, session: str) -> str:
    """All of it; the id of the watch. ``session`` has a large result."""
    admin = next(row for row in node.stores.operators.all() if "admin" in row.roles)
    setting_up.init(node.acting(Actor(admin.name, "admin", "password", admin.id)))
    rows = node.stores.sessions.all(state=RowState.COMPLETED)
    known = [session, *(row.id for row in rows if row.rung is Rung.ITEMS)][:OPEN]
    _confirm(node, session)
    _requests(node, known)
    _notices(node, known)
    _central(node, session, sorted({row.peer for row in rows}))
    return _watch(node, session)


def _confirm(node: Node, session: str) -> None:
    items = sessions.result(node, session).items
    names = [reference(bytes(32), AlgorithmId.MD5, _raw(item)) for item in items]
    with node.stores.database.transaction():
        node.stores.hits.decide(
            HitDecision(
                session, name, HitVerdict.CONFIRMED, "Bakker", "analyst", node.stamp(), "ok"
            )
            for name in names[:300]
        )


def _raw(item: MatchedItem) -> bytes:
    return bytes.fromhex(item.digests[AlgorithmId.MD5])


def _at(node: Node, hours: int) -> str:
    return seconds(node.now() + hours * _HOUR)


def _requests(node: Node, known: Sequence[str]) -> None:
    with node.stores.database.transaction():
        for number in range(REQUESTS):
            row = node.stores.sessions.get(known[number % len(known)])
            ended = number % 5 > 0
            node.stores.followups.add(
                FollowUpRow(
                    id=f"{number:08x}" * 8, peer=row.peer, session=row.id, agreement=row.agreement,
                    side="asker" if number % 2 else "answerer",
                    state="granted" if ended else "received",
                    urgency="normal", wanted="core-data", available=True, hits=3,
                    added=_at(node, -number), sent=_at(node, -number), received=_at(node, -number),
                    due=None if ended else _at(node, 48 - number),
                    closed=_at(node, -number // 2) if ended else None,
                )
            )  # fmt: skip


def _notices(node: Node, known: Sequence[str]) -> None:
    with node.stores.database.transaction():
        for number in range(NOTICES):
            row = node.stores.sessions.get(known[number % len(known)])
            done = number % 4 > 0
            notice = CorrectionRow(
                id=f"c{number:07x}" * 8, peer=row.peer, side="receiver", reason="wrong",
                state="resolved" if done else "open", added=_at(node, -number),
                received=_at(node, -number), due=_at(node, 48 - number),
                action="removed" if done else None,
                resolved=_at(node, -number // 2) if done else None,
            )  # fmt: skip
            node.stores.corrections.add(notice)
            node.stores.corrections.reach(notice.id, row.id, [f"{number:032x}"])


def _central(node: Node, session: str, peers: Sequence[str]) -> None:
    publishing.publish(node)
    for peer in peers:
        node.stores.central.place_of(peer, node.stamp(), canaries.PLACES)
    agreement = node.stores.sessions.get(session).agreement
    with node.stores.database.transaction():
        for number in range(RUNS):
            peer = peers[number % len(peers)]
            at = _at(node, -number)
            node.stores.central_runs.add(
                RunRow(f"{number:032x}", peer, agreement, ANSWERS, 1, _asked(peer), {}, at)
            )
            if number % 10 == 0:
                node.stores.contributions.add_taken(
                    TakenRow(
                        peer, _name(number), agreement, ContributionState.TAKEN, None, at,
                        number % 3, 2, 64 + number, 1, decided=at,
                    )
                )  # fmt: skip
                taken = TakenCollection(peer, _name(number), 0, f"Given {number}", "new", 64, 40)
                node.stores.contributions.put_collections([taken])


def _asked(peer: str) -> int:
    return 512 << len(peer) % 5


def _name(number: int) -> str:
    return hashlib.sha256(b"contribution %d" % number).hexdigest()


def _watch(node: Node, session: str) -> str:
    held, now = node.stores.sessions.get(session), node.stamp()
    row = WatchRow(
        id="w" + session[:23], peer=held.peer, agreement=held.agreement,
        collections=("Operation Lantern",), cron="0 2 * * *", zone="Europe/Brussels",
        until=_at(node, 24 * 60), state=WatchState.ACTIVE, request=None, added=now,
        planned_from=now,
    )  # fmt: skip
    node.stores.watches.add(row)
    item = next(iter(sessions.result(node, session).items))
    hits = tuple(
        CentralHit(f"{number:032x}", number, item, 1, is_new=True) for number in range(WATCHED)
    )
    standing = b"".join(bytes.fromhex(hit.reference) for hit in hits)
    found = RunOutcome(WATCHED, WATCHED, hits, RunState(1, 0, standing), 1_024, 1, 0)
    prepared = found_hits.prepare(node, row, found, now)
    with node.stores.database.transaction():
        found_hits.store(node, row, prepared)
        node.stores.watches.change(
            row.id, (WatchState.ACTIVE,), sealed_key=prepared.sealed_key,
            sealed_state=prepared.sealed_state, matched_items=WATCHED, new_items=WATCHED,
            last_slot=now,
        )  # fmt: skip
        node.stores.watches.open_run(
            WatchRun(
                row.id, now, now, RunKind.SLOT, WatchRunState.DONE, now, 1, finished=now,
                matched_items=WATCHED, new_items=WATCHED, gone_items=0, asked=1_024,
            )
        )  # fmt: skip
    return row.id
