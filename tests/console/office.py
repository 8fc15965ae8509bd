"""An agency's node with all that the console shows, and browsers in which its people work.

Made once and copied: two agencies that matched at two rungs, a refused session, hits, requests
about them, a correction, a standing query with hits, a set of its own that members ask, and five
people.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2 as httpx
import pytest
from psihash_server.console import app as console
from psihash_server.console import place as places
from psihash_server.console.place import Place
from psihash_server.console.visit import Services
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from psihash.agreement.roster import OperatorRole
from psihash.audit.event import Event
from psihash.casework.words import HitVerdict, Reason, Urgency
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.identity import keys
from psihash.node.agreeing import agreements
from psihash.node.agreeing.agreements import Draft
from psihash.node.casework import corrections, followups, hits
from psihash.node.central import publishing, setting_up
from psihash.node.central.outcome import CentralHit, RunOutcome, RunState
from psihash.node.home import opening
from psihash.node.node import Actor, Node
from psihash.node.people import operators, requests
from psihash.node.people.roles import RULE_ACTOR
from psihash.node.watching import running, watches
from psihash.session.result import MatchedItem, PeerRecord
from psihash.storage.central_runs import ANSWERS, RunRow
from psihash.storage.contributions import ContributionState, TakenCollection, TakenRow
from psihash.storage.requests import RequestRow
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung
from tests.node import crew
from tests.session.lists import digest
from tests.session.nodes import NAMES, Homes, agree, carry_all, hold, meet, row

MD5 = (AlgorithmId.MD5,)
LISTEN = "127.0.0.1:8844"
BASE = f"http://{LISTEN}"
STAFF = {
    "ada": "admin",
    "ann": "analyst",
    "apo": "approver",
    "aud": "auditor",
    "amy": "analyst+approver",
}
OURS = {"Operation Lantern": range(26), "Case 2026-17": range(20, 40)}
THEIRS = {"Nordwind": range(12, 32), "Stockholm library": range(30, 60)}
COMMON = range(12, 40)
"""Items of ours that are also there."""
IDENTIFIED = range(12, 20)
WATCHED = range(6)
"""Items of ours that stand at the centre of the watch, and in no result."""


def markers() -> list[str]:
    """Digests of the material that any page could give away, in hex."""
    return [digest(AlgorithmId.MD5, number).hex() for number in range(60)]


@dataclass(frozen=True)
class Prepared:
    """The originals: copy them, never change them."""

    homes: Homes
    items: str
    """Session at rung records."""
    count: str
    watch: str


def prepare(folder: Path) -> Prepared:
    homes = Homes.make(folder / "plain")
    with pytest.MonkeyPatch.context() as patch:
        crew.quick(patch)
        one, other = homes.open(folder)
        items, count = _work(one, other)
        watch = _watch(one)
        _be_centre(one)
        crew.employ(one, [(name, STAFF[name]) for name in ("ada", "ann", "apo", "aud")])
        _add_second_approver(one)
        for node in (one, other):
            node.close()
    return Prepared(replace(homes, folder=folder), items, count, watch)


def _work(one: Node, other: Node) -> tuple[str, str]:
    one.actor, other.actor = Actor("jansen"), Actor("peeters")
    open_here = Verdict(Category(Dialect.US, "1"), victim_identified=False, series=("Tulip",))
    known = Verdict(
        Category(Dialect.UK, "B"), victim_identified=True, series=("Series 0012",), country="SE"
    )
    for name, numbers in OURS.items():
        verdict = open_here if name == "Operation Lantern" else None
        hold(one, name, [row(number, MD5, verdict) for number in numbers])
    for name, numbers in THEIRS.items():
        rows = [row(n, MD5, known if n in IDENTIFIED else None) for n in numbers]
        hold(other, name, rows, CollectionKind.LIBRARY)
    agreement = agree(one, other, list(OURS), list(THEIRS), rung=Rung.RECORDS, case="NL-2026-17")
    items = meet(one, other, agreement, Rung.RECORDS, engine="ecdh-ristretto255/1").results()[0]
    count = meet(other, one, agreement, Rung.COUNT, engine="ecdh-ristretto255/1").results()[0]
    one.record(
        Event.SESSION_REFUSED,
        {"peer": other.agency, "agreement": agreement.id, "role": "initiator", "code": "bad-offer"},
    )
    _follow_up(one, other, items.session)
    return items.session, count.session


def _follow_up(one: Node, other: Node, session: str) -> None:
    for node in (one, other):
        known = hits.of_session(node, session)
        wanted = [hit.reference for hit in known[:3]]
        hits.decide(node, session, wanted, HitVerdict.CONFIRMED, "compared side by side")
        draft = followups.Draft(
            session=session,
            hits=wanted[:2],
            facts="Images were seized in Utrecht.",
            reasons="The same two stand in your case.",
            offence="sexual abuse of children",
            urgency=Urgency.URGENT,
            urgency_reason="a child may be in danger",
        )
        followups.request(node, draft)
        carry_all(one, other)
    told = digest(AlgorithmId.MD5, 30).hex()
    corrections.notify(other, [told], "", Reason.WRONG, "It was listed by mistake.")
    carry_all(one, other)


def _watch(node: Node) -> str:
    """A standing query that ran once and found something."""
    (agreement,) = node.stores.agreements.all()
    draft = watches.Draft(
        NAMES[1], agreement.id, ["Operation Lantern"], "0 2 * * *", "Europe/Amsterdam"
    )
    row = watches.add(node, draft)
    running.run_now(node, row.id, runner=_found)
    return row.id


def _found(node: Node, *_: object, **__: object) -> RunOutcome:
    """What a centre says at once."""
    known = PeerRecord(
        "National set", CollectionKind.LIBRARY, (Verdict(victim_identified=True, country="SE"),),
        "desk@example.org",
    )  # fmt: skip
    found = tuple(
        CentralHit(
            f"{number:032x}", number + 1,
            MatchedItem(
                digests={AlgorithmId.MD5: digest(AlgorithmId.MD5, number).hex()},
                matched_by=MD5,
                collections=("Operation Lantern",),
                verdicts=(("Operation Lantern", Verdict(victim_identified=False)),),
                peer_collections=("National set",),
                records=(known,) if number < 2 else (),
            ),
            1, is_new=True,
        )
        for number in WATCHED
    )  # fmt: skip
    standing = b"".join(bytes.fromhex(hit.reference) for hit in found)
    return RunOutcome(len(found), len(found), found, RunState(1, 0, standing), 64, 1, 0)


def _be_centre(node: Node) -> None:
    """A published set, a member that asked, and what it gave."""
    setting_up.init(node, collections=["Case 2026-17"])
    publishing.publish(node)
    (agreement,) = node.stores.agreements.all()
    node.stores.central_runs.add(
        RunRow("ab" * 16, NAMES[1], agreement.id, ANSWERS, 1, 512, {}, node.stamp())
    )
    given = TakenRow(
        NAMES[1], "c0ffee" * 10 + "0000", agreement.id, ContributionState.TAKEN, None,
        node.stamp(), 1, 0, 12, 1, decided=node.stamp(),
    )  # fmt: skip
    node.stores.contributions.add_taken(given)
    taken = TakenCollection(NAMES[1], given.id, 0, "Given (be-police)", "new", 12, 9)
    node.stores.contributions.put_collections([taken])


def _add_second_approver(node: Node) -> None:
    crew.act(node, "ada")
    wanted = [OperatorRole(role) for role in STAFF["amy"].split("+")]
    added = operators.add(node, "amy", wanted, crew.password("amy"))
    crew.act(node, "apo")
    requests.approve(node, added.request, "asked her")
    (node.home / "login.json").unlink()


@dataclass
class Office:
    """A copy of the prepared node, and its console."""

    prepared: Prepared
    node: Node
    app: ASGIApp
    services: Services
    place: Place

    def stranger(self) -> Browser:
        """A browser in which nobody is logged in."""
        client = TestClient(self.app, base_url=BASE, follow_redirects=False)
        client.headers["sec-fetch-site"] = "same-origin"
        return Browser(client)

    def browser(self, name: str) -> Browser:
        """One in which somebody is."""
        browser = self.stranger()
        answer = browser.log_in(name)
        assert answer.status_code == 303, answer.text
        return browser

    def acting(self, name: str) -> Node:
        """The node with somebody at work, whose key is open."""
        row = self.node.stores.operators.named(name)
        assert row is not None
        node = self.node.acting(Actor(row.name, "+".join(row.roles), "password", row.id))
        node.unlocked[row.id] = keys.load_ed25519(row.sealed_key, crew.password(name))
        return node

    def address(self, pattern: str, instead: str = "") -> str:
        """A route's path with what there is here put in, or ``instead`` for all of it."""
        stores = self.node.stores
        named = {
            "session": self.prepared.items,
            "watch": self.prepared.watch,
            "follow_up": stores.followups.all()[0].id,
            "notice": stores.corrections.all()[0].id,
            "request": "abcdef",
            "table": "ledger",
        }
        return pattern.format(**{name: instead or value for name, value in named.items()})

    def asked(self, purpose: str = "find victims", by: str = "ann") -> RequestRow:
        """A request that an analyst files and another person may decide."""
        draft = Draft(
            NAMES[1], purpose, "NL-2026-18", "Art. 1", Rung.ITEMS, Learn.BOTH,
            ["Operation Lantern"], MD5,
        )  # fmt: skip
        asked = agreements.submit(self.acting(by), draft)
        assert isinstance(asked, RequestRow)
        return asked


def open_office(prepared: Prepared, folder: Path, listen: str = LISTEN, store: str = "") -> Office:
    """A copy to work with; ``store`` is the URL of one that has its rows already. The caller closes
    its node."""
    shutil.copytree(prepared.homes.folder / NAMES[0], folder / NAMES[0])
    if store:
        (folder / NAMES[0] / "psihash.db").unlink()
        with (folder / NAMES[0] / "psihash.toml").open("a") as settings:
            settings.write(f'store = "{store}"\n')
    node = opening.open_node(folder / NAMES[0])
    node.__dict__["keys"] = prepared.homes.rings[0]
    node.actor = RULE_ACTOR
    place = places.of(listen, None)
    app, services = console.build(node, place)
    return Office(prepared, node, app, services, place)


@dataclass
class Browser:
    """What a person's browser does, without one."""

    client: TestClient

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def post(self, path: str, *, page: str = "/", **fields: str | list[str]) -> httpx.Response:
        """Send a form with the token that ``page`` holds."""
        return self.client.post(path, data={"csrf": self.csrf(page), **fields})

    def csrf(self, page: str = "/") -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get(page).text)
        assert found is not None
        return found[1]

    def log_in(self, name: str, password: str | None = None) -> httpx.Response:
        secret = crew.password(name).decode() if password is None else password
        return self.client.post("/login", data={"name": name, "password": secret})
