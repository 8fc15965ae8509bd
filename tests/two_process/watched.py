"""A centre and a member that watches it: made once, kept at each stage of a night, and copied.

``be-police`` is the centre and ``nl-police`` the member. What each holds, and so what every run
must find, stands here in clear.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from psihash.agreement.times import add_days
from psihash.central.publishing import Place
from psihash.node.agreeing import agreements
from psihash.node.casework import hits
from psihash.node.central import member, publishing, setting_up
from psihash.node.central.outcome import RunOutcome, RunState
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.node.people import requests
from psihash.node.watching import contributing, running, watches
from psihash.storage.watches import RunRow, WatchState
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung
from tests.central.wire import line
from tests.session.nodes import carry_all
from tests.two_process import agencies as prepared
from tests.two_process import programs
from tests.two_process.agencies import BE, NAMES, NL, Agencies, digest
from tests.two_process.postgres import Postgres

FRESH: Final = "Fresh seizure"
"""A collection of the member of which the centre knows nothing."""
OURS: Final = NAMES[NL]
THEIRS: Final = NAMES[BE]

CENTRE = frozenset(range(80, 200))
CENTRE_LATER = frozenset([*range(60, 110), *range(130, 200)])
MEMBER = frozenset(range(120))
MEMBER_LATER = MEMBER | frozenset([*range(190, 200), *range(300, 305)])
SEIZED = frozenset(range(400, 410))
CRON: Final = "0 2 * * *"


def digests(numbers: Iterable[int]) -> set[str]:
    return {digest(number) for number in numbers}


FIRST: Final = digests(CENTRE & MEMBER)
"""What the first run finds."""
SECOND: Final = digests(CENTRE_LATER & MEMBER_LATER)
"""What the one after the delta finds."""
EVERY: Final = digests(MEMBER_LATER | SEIZED)
"""What is found when the centre has taken in what the member gave."""
GIVEN: Final = len(MEMBER_LATER - CENTRE_LATER) + len(SEIZED)


@dataclass
class World:
    """Homes of one test."""

    agencies: Agencies
    watch: str
    postmaster: str = ""

    def start(self, agency: str, *words: str, fault: str = "") -> programs.Program:
        return programs.Program(
            self.agencies.home(agency), words, fault, PSIHASH_TEST_POSTMASTER=self.postmaster
        )

    def run(self, agency: str, *words: str, fault: str = "") -> programs.Ended:
        program = self.start(agency, *words, fault=fault)
        try:
            return program.wait(120)
        finally:
            program.stop()

    def say(self, agency: str, *words: str) -> dict[str, Any]:
        """A command that must succeed."""
        ended = self.run(agency, *words)
        assert ended.code == 0, (words, ended.out, ended.err)
        return ended.document

    def serve(self, fault: str = "") -> programs.Program:
        """The centre, answering."""
        listen = f"127.0.0.1:{self.agencies.port}"
        server = self.start(BE, "serve", "--listen", listen, fault=fault)
        programs.until(lambda: "answers on" in server.err or server.ended, 60)
        return server

    # -- what stands in the stores -----------------------------------------------------------------

    def found(self) -> set[str]:
        """The hits that stand, by MD5."""
        with self.agencies.node(NL) as node:
            return {view.digests["md5"] for view in hits.listing(node, self.watch)}

    def runs(self) -> list[RunRow]:
        with self.agencies.node(NL) as node:
            return node.stores.watches.runs(self.watch)

    def published(self) -> Place | None:
        """The newest publication. Exactly one epoch is current, once there is any."""
        with self.agencies.node(BE) as node:
            newest = node.stores.publications.latest(BE)
            current = [row for row in node.stores.central.epochs() if row.state == "current"]
            assert len(current) == (0 if newest is None else 1)
            return None if newest is None else newest.place

    def held(self) -> dict[str, set[str]]:
        """What the centre holds, by collection."""
        with self.agencies.node(BE) as node:
            return {
                info.name: {
                    row.tobytes().hex()
                    for part in node.stores.holdings.digests(AlgorithmId.MD5, [info.name])
                    for row in part
                }
                for info in node.stores.holdings.collections()
            }

    def look(self) -> set[str]:
        """One run without processes, and what stands after it."""
        with self.agencies.node(NL) as nl, self.agencies.node(BE) as be:
            running.run_now(nl, self.watch, runner=over(be))
        return self.found()


def over(centre: Node) -> running.Runner:
    """``member.run`` without a network."""

    def run(
        node: Node,
        peer: str,
        agreement: str,
        collections: Sequence[str],
        *,
        since: RunState | None,
        progress: member.Progress | None = None,
    ) -> RunOutcome:
        assert peer == centre.agency
        channel = line(node, centre)
        return member.run_over(node, channel, agreement, collections, since=since)

    return run


@dataclass
class Stages:
    """The stages of a night, each kept to be copied; stores on PostgreSQL are database templates.

    =========== =====================================================================
    ready       the centre has published nothing
    published   the first publication is there, and the watch
    watched     the watch has run; both hold other things now
    due         that is published, and the watch has missed a slot
    ran         it has run
    given       the member has written a contribution, which waits for a contact
    arrived     it is at the centre and waits for an approver
    =========== =====================================================================
    """

    root: Path
    server: Postgres | None
    on_postgres: frozenset[str]
    kept: dict[str, Agencies] = field(default_factory=dict)
    watch: str = ""
    _copies: int = 0

    @classmethod
    def make(
        cls, root: Path, server: Postgres | None = None, on_postgres: Iterable[str] = ()
    ) -> Stages:
        stages = cls(root, server, frozenset(on_postgres))
        stores = {agency: stages._database().create(_name("work", agency))
                  for agency in stages.on_postgres}  # fmt: skip
        work = prepared.make(root / "work", stores)
        with work.node(NL) as nl, work.node(BE) as be:
            agreement = _agree(nl, be, root)
        work = Agencies(work.root, work.port, agreement, work.rings)
        for name, step in _STEPS.items():
            with work.node(NL) as nl, work.node(BE) as be:
                stages.watch = step(nl, be, agreement) or stages.watch
            stages._keep(name, work)
        return stages

    def fresh(self, name: str, to: Path) -> World:
        """Copies of the homes as they were at a stage."""
        self._copies += 1
        made = self._copy(self.kept[name], to, f"copy{self._copies}", name)
        postmaster = str(self.server.pid) if self.server is not None else ""
        return World(made, self.watch, postmaster)

    def _keep(self, name: str, work: Agencies) -> None:
        self.kept[name] = self._copy(work, self.root / name, name, "work")

    def _copy(self, agencies: Agencies, to: Path, name: str, template: str) -> Agencies:
        shutil.rmtree(to, ignore_errors=True)
        copied = agencies.copy(to)
        for agency in self.on_postgres:
            url = self._database().create(_name(name, agency), _name(template, agency))
            prepared.set_up(copied.home(agency), store=url)
        return copied

    def forget(self) -> None:
        """Drop the databases of the last copy."""
        for agency in self.on_postgres:
            self._database().drop(_name(f"copy{self._copies}", agency))

    def _database(self) -> Postgres:
        assert self.server is not None
        return self.server


def _name(stage: str, agency: str) -> str:
    return f"{stage}_{agency.partition('-')[0]}"


def put(
    node: Node, folder: Path, name: str, numbers: Iterable[int], *, replace: bool = False
) -> None:
    """Import a list of digests."""
    path = folder / f"{node.agency}.txt"
    path.write_text("".join(f"{digest(number)}\n" for number in sorted(numbers)))
    holdings.import_files(node, [path], name, CollectionKind.CASE, replace=replace)


def _agree(nl: Node, be: Node, folder: Path) -> str:
    put(nl, folder, FRESH, SEIZED)
    draft = agreements.Draft(
        BE, "a watch", "case 17", "Art. 1", Rung.ITEMS, Learn.BOTH, [OURS, FRESH], [AlgorithmId.MD5]
    )
    made = agreements.propose(nl, draft)
    carry_all(nl, be)
    agreements.approve(be, made.id, [THEIRS], case=None, legal_basis=None)
    carry_all(nl, be)
    for node in (nl, be):
        node.log.checkpoint()
    return made.id


def _ready(_nl: Node, be: Node, _agreement: str) -> None:
    setting_up.init(be)


def _published(nl: Node, be: Node, agreement: str) -> str:
    publishing.publish(be)
    draft = watches.Draft(BE, agreement, [OURS, FRESH], CRON, "Europe/Brussels")
    return watches.add(nl, draft).id


def _watched(nl: Node, be: Node, _agreement: str) -> None:
    (row,) = nl.stores.watches.all()
    running.run_now(nl, row.id, runner=over(be))
    change(nl, be, nl.home.parent)


def change(nl: Node, be: Node, folder: Path) -> None:
    """What came and went at both since the first run."""
    put(be, folder, THEIRS, CENTRE_LATER, replace=True)
    put(nl, folder, OURS, MEMBER_LATER)


def _due(nl: Node, be: Node, _agreement: str) -> None:
    publishing.publish(be)
    (row,) = nl.stores.watches.all()
    miss_slots(nl, row.id)


def miss_slots(node: Node, watch: str) -> None:
    """As if nothing had looked at the schedule for two days."""
    past = add_days(node.stamp(), -2)
    node.stores.watches.change(watch, (WatchState.ACTIVE,), planned_from=past)


def _ran(nl: Node, be: Node, _agreement: str) -> None:
    (row,) = nl.stores.watches.all()
    done = running.run_due(nl, row.id, over(be))
    assert done is not None
    assert done.code == ""


def _given(nl: Node, _be: Node, _agreement: str) -> None:
    (row,) = nl.stores.watches.all()
    contributing.give(nl, row.id)


def _arrived(nl: Node, be: Node, _agreement: str) -> None:
    carry_all(nl, be)
    assert len(requests.inbox(be)) == 1


_STEPS: Final[Mapping[str, Callable[[Node, Node, str], str | None]]] = {
    "ready": _ready,
    "published": _published,
    "watched": _watched,
    "due": _due,
    "ran": _ran,
    "given": _given,
    "arrived": _arrived,
}
