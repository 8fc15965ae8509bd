"""Two agencies in temporary homes, and one measured session between their two processes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from psihash import errors
from psihash.identity.cards import card_json
from psihash.identity.fingerprints import format_fingerprint
from psihash.node.agreeing import agreements
from psihash.node.home import opening
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.node.peering import peers
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung
from psihash_client.bench.child import Child
from psihash_client.bench.lists import write_lists
from psihash_client.bench.model import BENCH_FAILED, Row, Task, overlap
from psihash_client.demo_agency import free_ports

RUNG: Final = Rung.ITEMS
"""The items in common, with proofs where the engine has them: what people match at."""

_INITIATOR, _RESPONDER = "bench-initiator", "bench-responder"
_ELEMENTS: Final = 10**12
"""No budget stands in the way."""

_SETTLE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.02


@dataclass(slots=True)
class Agencies:
    """Both nodes, open here for what is not measured: lists and agreements."""

    folder: Path
    initiator: Node
    responder: Node
    _sizes: set[int]

    @classmethod
    @contextmanager
    def made(cls, folder: Path) -> Iterator[Agencies]:
        """Make both homes, with keys as good as any; takes some seconds."""
        (port,) = free_ports(1)
        with ExitStack() as stack:
            nodes = []
            for agency, endpoint in ((_INITIATOR, None), (_RESPONDER, f"127.0.0.1:{port}")):
                new = opening.NewHome(agency, agency, "NL", endpoint)
                opening.create(folder / agency, new)
                nodes.append(opening.open_node(folder / agency))
                stack.callback(nodes[-1].close)
            _introduce(nodes[0], nodes[1])
            _introduce(nodes[1], nodes[0])
            yield cls(folder, nodes[0], nodes[1], set())

    def hold(self, items: int) -> str:
        """Import lists of this length on both sides, once; the collection's name."""
        name = f"{items} items"
        if items not in self._sizes:
            paths = write_lists(self.folder, items)
            for node, path in zip((self.initiator, self.responder), paths, strict=True):
                holdings.import_files(node, [path], name, CollectionKind.CASE)
                path.unlink()
            self._sizes.add(items)
        return name

    def agree(self, collection: str, learn: Learn) -> str:
        """A new agreement, its documents carried as files: so every session commits to its lists
        anew, as the first one of two agencies does."""
        draft = agreements.Draft(
            peer=_RESPONDER,
            purpose="benchmark",
            case="benchmark",
            legal_basis="benchmark",
            rung=RUNG,
            learn=learn,
            collections=[collection],
            algorithms=[AlgorithmId.MD5],
            elements_per_period=_ELEMENTS,
        )
        agreement = agreements.propose(self.initiator, draft).id
        agreements.import_file(self.responder, agreements.export_file(self.initiator, agreement))
        words = {"case": "benchmark", "legal_basis": "benchmark"}
        agreements.approve(self.responder, agreement, [collection], **words)
        agreements.import_file(self.initiator, agreements.export_file(self.responder, agreement))
        return agreement


def measure(agencies: Agencies, task: Task) -> Row:
    """One session in two fresh processes, over TLS on loopback. Raises PsihashError
    ``bench-failed`` where it fails or finds anything but what both lists have in common."""
    agreement = agencies.agree(agencies.hold(task.items), Learn(task.learn))
    with ExitStack() as stack:
        answering = stack.enter_context(_party(agencies, "serve", _RESPONDER))
        asking = stack.enter_context(_party(agencies, "match", _INITIATOR))
        answering.answer()
        idle = [asking.answer(), answering.ask()]
        began = time.perf_counter()
        done = asking.ask(peer=_RESPONDER, agreement=agreement, rung=RUNG.value, engine=task.engine)
        _await_completed(agencies.responder, done["session"])
        seconds = time.perf_counter() - began
        used = [done, answering.ask()]
    if done["matched"] != overlap(task.items):
        raise errors.PsihashError(BENCH_FAILED, f"{task.engine} did not find what is in common")
    return make_row(task, seconds, idle, used, done["bytes"])


def make_row(
    task: Task,
    seconds: float,
    idle: list[dict[str, Any]],
    used: list[dict[str, Any]],
    count: int | None,
) -> Row:
    """A row from what both processes had used before and after, and the bytes between them."""
    cores = sum(each["core_seconds"] for each in used)
    cores -= sum(each["core_seconds"] for each in idle)
    return Row(
        engine=task.engine,
        items=task.items,
        learn=task.learn,
        seconds=round(seconds, 3),
        core_seconds=round(cores, 3),
        bytes_per_item=None if count is None else round(count / (2 * task.items), 1),
        peak_mib=round(max(each["peak_mib"] for each in used), 1),
        idle_mib=round(max(each["peak_mib"] for each in idle), 1),
    )


def _introduce(node: Node, other: Node) -> None:
    card = json.dumps(card_json(other.card)).encode()
    peers.add(node, card, format_fingerprint(other.card.fingerprint))


def _party(agencies: Agencies, kind: str, agency: str) -> Child:
    home = str(agencies.folder / agency)
    command = [sys.executable, "-m", "psihash_client.bench.party", kind, home]
    return Child(agency, command, agencies.folder)


def _await_completed(node: Node, session: str) -> None:
    """The responder stores its result a moment after the initiator has the receipts."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while node.stores.sessions.get(session).state != "completed":
        if time.monotonic() > deadline:
            raise errors.PsihashError(BENCH_FAILED, "the responder did not complete its session")
        time.sleep(_LOOK_SECONDS)
