"""Three agencies that are ready to match, made once and copied for each test.

``nl-police`` and ``be-police`` hold 120 digests each, 40 of them in common, under an active
agreement at rung ``records``; ``de-police`` knows ``be-police`` and has no agreement.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from psihash.identity import keys
from psihash.identity.cards import card_json
from psihash.identity.fingerprints import format_fingerprint
from psihash.identity.keys import KeyRing
from psihash.node.agreeing import agreements
from psihash.node.home import opening
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.peering import peers
from psihash.node.records import sealed
from psihash.node.running import sessions
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung

NL, BE, DE = "nl-police", "be-police", "de-police"
IDLE_SECONDS = 4
"""The answering side ends a session that is silent for so long; the asking side waits longer."""
SETTINGS = {
    NL: {"session_idle_seconds": 60, "reconnect_seconds": 30},
    BE: {"session_idle_seconds": IDLE_SECONDS},
    DE: {},
}
OWN = {NL: range(120), BE: range(80, 200)}
COMMON = {hashlib.md5(str(n).encode()).hexdigest() for n in range(80, 120)}
EVERY = {hashlib.md5(str(n).encode()).hexdigest() for n in range(200)}
ENDINGS = ("session-close", "session-abort", "session-refused")
NAMES = {NL: "Operation Tulip", BE: "Series Ardennes"}


def digest(number: int) -> str:
    return hashlib.md5(str(number).encode()).hexdigest()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Agencies:
    """Copies of the prepared homes, for one test."""

    root: Path
    port: int
    """Where the card of be-police says that it answers."""
    agreement: str
    rings: dict[str, KeyRing] = field(repr=False)

    def home(self, agency: str) -> Path:
        return self.root / agency

    @contextmanager
    def node(self, agency: str) -> Iterator[Node]:
        """The node of a home, opened in this process, without paying for its passphrase again."""
        node = opening.open_node(self.home(agency))
        node.__dict__["keys"] = self.rings[agency]
        try:
            yield node
        finally:
            node.close()

    def copy(self, to: Path) -> Agencies:
        shutil.copytree(self.root, to)
        return Agencies(to, self.port, self.agreement, self.rings)

    # -- what must hold whatever happened --------------------------------------------------------

    def check_logs(self) -> None:
        """Both logs are whole, and tell the same of every session that both know."""
        for agency in (NL, BE):
            with self.node(agency) as node:
                assert auditing.verify(node)["ok"]
        shared = {agency: self.endings(agency) for agency in (NL, BE)}
        for session in shared[NL].keys() & shared[BE].keys():
            assert shared[NL][session] == shared[BE][session]

    def endings(self, agency: str) -> dict[str, object]:
        """The shared part of the entry that ended each session; each ends exactly once."""
        ended: dict[str, object] = {}
        with self.node(agency) as node:
            for entry in auditing.show(node):
                if entry["event"] in ENDINGS and entry["shared"]:
                    session = entry["shared"]["session"]
                    assert session not in ended
                    ended[session] = entry["shared"]
        return ended

    def codes(self, agency: str) -> list[str]:
        """Every code in a log, in its order."""
        found = []
        with self.node(agency) as node:
            for entry in auditing.show(node):
                local = entry["local"] or {}
                found += [local["code"]] if "code" in local else []
                found += local.get("codes", [])
        return found

    def states(self, agency: str) -> dict[str, str]:
        with self.node(agency) as node:
            return {row.id: row.state for row in node.stores.sessions.all()}

    def outcomes(self, agency: str) -> list[str]:
        """How the sessions of an agency ended, in the order of their beginning."""
        with self.node(agency) as node:
            return [row.outcome or row.state for row in reversed(node.stores.sessions.all())]

    def check_results(self) -> None:
        """No half-results: completed sessions agree and hold the truth, others hold nothing."""
        states = {agency: self.states(agency) for agency in (NL, BE)}
        for session in states[NL].keys() | states[BE].keys():
            both = [states[agency].get(session, "absent") for agency in (NL, BE)]
            if "completed" in both:
                assert both == ["completed", "completed"]
                for agency in (NL, BE):
                    assert self.matched(agency, session) == COMMON
                continue
            for agency in (NL, BE):
                with self.node(agency) as node:
                    assert sealed.RESULT not in node.stores.sessions.blob_names(session)

    def matched(self, agency: str, session: str) -> set[str]:
        with self.node(agency) as node:
            result = sessions.result(node, session)
        return {item.digests[AlgorithmId.MD5] for item in result.items}


def make(root: Path, stores: Mapping[str, str] | None = None) -> Agencies:
    """The prepared homes. Their passphrases are quick to check, here and in the launcher.

    ``stores``: URLs of empty stores, for agencies that have none in their home."""
    with quick_keys():
        return _make(root, stores or {})


def quick_keys() -> AbstractContextManager[object]:
    """One round of bcrypt in place of 128, which would take a second in every program."""
    return mock.patch.object(keys, "KDF_ROUNDS", 1)


def _make(root: Path, stores: Mapping[str, str]) -> Agencies:
    port, rings = free_port(), {}
    endpoints = {BE: f"127.0.0.1:{port}"}
    for agency in (NL, BE, DE):
        new = opening.NewHome(agency, agency.upper(), agency[:2].upper(), endpoints.get(agency))
        own = {"PSIHASH_STORE": stores[agency]} if agency in stores else {}
        with mock.patch.dict(os.environ, own):
            opening.create(root / agency, new)
        store = {"store": stores[agency]} if agency in stores else {}
        set_up(root / agency, **SETTINGS[agency], **store)
    nodes = {agency: opening.open_node(root / agency) for agency in (NL, BE, DE)}
    try:
        rings = {agency: node.keys for agency, node in nodes.items()}
        introduce(nodes[NL], nodes[BE])
        introduce(nodes[DE], nodes[BE])
        for agency, numbers in OWN.items():
            hold(nodes[agency], root / f"{agency}.txt", NAMES[agency], numbers)
        agreement = agree(nodes[NL], nodes[BE])
        for node in nodes.values():
            node.log.checkpoint()  # else there is nothing to verify a log against
    finally:
        for node in nodes.values():
            node.close()
    return Agencies(root, port, agreement, rings)


def set_up(home: Path, **settings: object) -> None:
    """Add settings to a home's psihash.toml; a later one replaces an earlier one."""
    path = home / "psihash.toml"
    lines = path.read_text().splitlines()
    for name, value in settings.items():
        lines = [line for line in lines if not line.startswith(f"{name} =")]
        lines.append(f"{name} = {json.dumps(value)}")
    path.write_text("\n".join(lines) + "\n")


def introduce(one: Node, other: Node) -> None:
    for here, there in ((one, other), (other, one)):
        card = json.dumps(card_json(there.card)).encode()
        peers.add(here, card, format_fingerprint(there.card.fingerprint))


def hold(node: Node, path: Path, name: str, numbers: Sequence[int]) -> None:
    path.write_text("".join(f"{digest(number)}\n" for number in numbers))
    holdings.import_files(node, [path], name, CollectionKind.CASE)


def agree(
    proposer: Node,
    other: Node,
    *,
    rung: Rung = Rung.RECORDS,
    learn: Learn = Learn.BOTH,
    sessions: int | None = None,
    elements: int | None = None,
    days: int | None = None,
) -> str:
    """An active agreement, its documents carried as files."""
    draft = agreements.Draft(
        peer=other.agency,
        purpose="to find common series",
        case="case 17",
        legal_basis="Art. 1",
        rung=rung,
        learn=learn,
        collections=[NAMES[proposer.agency]],
        algorithms=[AlgorithmId.MD5],
        sessions_per_period=sessions,
        elements_per_period=elements,
        valid_days=days,
    )
    agreement = agreements.propose(proposer, draft).id
    agreements.import_file(other, agreements.export_file(proposer, agreement))
    agreements.approve(other, agreement, [NAMES[other.agency]], case=None, legal_basis=None)
    agreements.import_file(proposer, agreements.export_file(other, agreement))
    return agreement
