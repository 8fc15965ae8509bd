"""Operators at a node: adding, logging in, roles, and what the log and peers get to know."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import psihash.node
from psihash import errors
from psihash.agreement.roster import OperatorRole
from psihash.identity import passwords
from psihash.identity.trust import PeerStatus
from psihash.node.home import opening
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.peering import contact, peers
from psihash.node.people import login, operators, requests, roles, rosters
from tests.node import crew
from tests.node.crew import act, employ, id_of, password
from tests.session.nodes import Homes, carry


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    crew.quick(monkeypatch)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def nodes(homes: Homes, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    one, other = homes.open(tmp_path)
    yield one, other
    for node in (one, other):
        assert auditing.verify(node)["ok"]
        node.close()


@pytest.fixture
def node(nodes: tuple[Node, Node]) -> Node:
    return nodes[0]


class Later:
    """A clock that is ahead of the machine's."""

    def __init__(self) -> None:
        self.ahead = dt.timedelta()

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self.ahead


def code(caught: pytest.ExceptionInfo[errors.PsihashError]) -> str:
    return caught.value.code


def events(node: Node, event: str) -> list[dict[str, object]]:
    return [entry["local"] for entry in auditing.show(node) if entry["event"] == event]


def test_without_operators_everything_is_as_before(node: Node) -> None:
    assert node.actor.role == "single-operator"
    peers.set_status(node, "be-police", PeerStatus.SUSPENDED)
    assert operators.listing(node) == []
    with pytest.raises(errors.StateError) as caught:
        login.login(node, "ada", password("ada"))
    assert code(caught) == "no-operators"


def test_the_first_operator_is_an_admin(node: Node) -> None:
    with pytest.raises(errors.InputError) as caught:
        operators.add(node, "ann", [OperatorRole.ANALYST], password("ann"))
    assert code(caught) == "first-is-admin"
    assert not node.stores.operators.any()


def test_from_the_first_operator_on_somebody_must_be_logged_in(node: Node) -> None:
    employ(node)
    assert node.actor.role == "nobody"
    with pytest.raises(errors.StateError) as caught:
        peers.set_status(node, "be-police", PeerStatus.SUSPENDED)
    assert code(caught) == "login-required"
    assert "psihash login" in caught.value.hint
    act(node, "ada")
    peers.set_status(node, "be-police", PeerStatus.SUSPENDED)
    assert events(node, "peer-changed")[-1]["actor"] == {
        "name": "ada",
        "role": "admin",
        "authentication": "password",
    }


def test_everybody_keeps_to_the_role(node: Node) -> None:
    employ(node)
    act(node, "ann")
    with pytest.raises(errors.RefusedError) as caught:
        peers.set_status(node, "be-police", PeerStatus.SUSPENDED)
    assert code(caught) == "role-required"
    holdings.lookup(node, "0" * 32)
    act(node, "ada")
    with pytest.raises(errors.RefusedError):
        holdings.lookup(node, "0" * 32)
    with pytest.raises(errors.RefusedError):
        requests.approve(node, "000000", "fits")


def test_nobody_is_admin_and_approver(node: Node) -> None:
    with pytest.raises(errors.InputError) as caught:
        operators.add(node, "ada", [OperatorRole.ADMIN, OperatorRole.APPROVER], password("ada"))
    assert code(caught) == "bad-operator"


@pytest.mark.parametrize("name", ["", " ada", "a\nb", "a" * 101, "../x"])
def test_names_are_plain(node: Node, name: str) -> None:
    with pytest.raises(errors.InputError):
        operators.add(node, name, [OperatorRole.ADMIN], password("ada"))


def test_names_are_unique(node: Node) -> None:
    employ(node)
    act(node, "ada")
    with pytest.raises(errors.StateError) as caught:
        operators.add(node, "ann", [OperatorRole.ANALYST], password("ann"))
    assert code(caught) == "operator-exists"


@pytest.mark.parametrize("text", ["short", "eleven char", "x" * 201, "\ud800" * 12])
def test_passwords_have_a_length(text: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        passwords.parse_password(text)
    assert code(caught) == "bad-password"


def test_one_password_typed_on_two_keyboards_is_one() -> None:
    assert passwords.parse_password("pa\u0301ssword long") == passwords.parse_password(
        "p\u00e1ssword long"
    )


def test_a_login_is_a_token_that_opens_nothing(node: Node) -> None:
    employ(node)
    act(node, "ann")
    path = node.home / login.LOGIN_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    token = json.loads(path.read_text())["token"]
    assert bytes.fromhex(token) not in node.stores.database.path.read_bytes()  # type: ignore[union-attr]
    again = opening.open_node(node.home)
    assert (again.actor.name, again.actor.role) == ("ann", "analyst")
    assert again.unlocked == {}
    with pytest.raises(errors.InputError) as caught:
        login.own_key(again)
    assert code(caught) == "no-password"
    again.close()
    login.logout(node)
    assert not path.exists()
    assert login.status(node) is None


def test_a_login_ends_after_a_working_day(node: Node) -> None:
    employ(node)
    clock = Later()
    node.clock = clock
    act(node, "ann")
    clock.ahead = dt.timedelta(hours=7, minutes=59)
    assert login.current(node).name == "ann"
    clock.ahead = dt.timedelta(hours=8, seconds=1)
    assert login.current(node).role == "nobody"


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"token": 1}', b'{"token": "zz"}', b"\xff"]
)
def test_a_broken_login_file_is_no_login(node: Node, content: bytes) -> None:
    employ(node)
    (node.home / login.LOGIN_FILE).write_bytes(content)
    assert login.current(node).role == "nobody"


def test_a_login_of_another_home_is_none(nodes: tuple[Node, Node]) -> None:
    for node in nodes:
        employ(node)
    act(nodes[0], "ada")
    (nodes[1].home / login.LOGIN_FILE).write_bytes((nodes[0].home / login.LOGIN_FILE).read_bytes())
    assert login.current(nodes[1]).role == "nobody"


def test_wrong_names_and_passwords_are_one_error_and_logged(node: Node) -> None:
    employ(node)
    for name in ("ann", "nobody at all"):
        with pytest.raises(errors.VerificationError) as caught:
            login.login(node, name, b"not the password")
        assert code(caught) == "wrong-password"
    known, unknown = events(node, "auth-failure")
    assert known["operator"] == id_of(node, "ann")
    assert "operator" not in unknown
    assert "nobody at all" not in json.dumps(unknown)


def _locked_until(node: Node) -> str:
    """Guess until the account is locked; the time that the error names."""
    while True:
        with pytest.raises(errors.PsihashError) as caught:
            login.authenticate(node, "ann", b"not the password")
        if code(caught) != "wrong-password":
            break
    assert code(caught) == "account-locked"
    row = node.stores.operators.named("ann")
    assert row is not None
    assert row.locked_until is not None
    assert row.locked_until[:19] in caught.value.message
    return row.locked_until


def test_too_many_wrong_passwords_lock_for_longer_and_longer(node: Node) -> None:
    employ(node)
    clock = Later()
    node.clock = clock
    waits = []
    for _ in range(3):
        locked = _locked_until(node)
        waits.append(dt.datetime.fromisoformat(locked) - clock.now())
        clock.ahead += waits[-1] + dt.timedelta(seconds=1)
    assert len(waits) == 3
    assert waits[0] < waits[1] < waits[2]
    login.authenticate(node, "ann", password("ann"))
    row = node.stores.operators.named("ann")
    assert row is not None
    assert (row.failures, row.locked_until) == (0, None)


def test_the_right_password_is_no_way_around_the_lock(node: Node) -> None:
    employ(node)
    for _ in range(login.FREE_FAILURES):
        with pytest.raises(errors.VerificationError):
            login.authenticate(node, "ann", b"not the password")
    with pytest.raises(errors.StateError):
        login.authenticate(node, "ann", password("ann"))


def test_a_new_password_opens_the_same_key(node: Node) -> None:
    employ(node)
    act(node, "ann")
    before = node.stores.operators.named("ann")
    number = rosters.own(node).number  # type: ignore[union-attr]
    _, key = login.own_key(node)
    with pytest.raises(errors.VerificationError):
        operators.change_password(node, b"not the password", b"another long one")
    operators.change_password(node, password("ann"), b"another long one")
    after = node.stores.operators.named("ann")
    assert before is not None
    assert after is not None
    assert after.public_key == before.public_key
    assert rosters.own(node).number == number  # type: ignore[union-attr]
    assert login.status(node) is None
    with pytest.raises(errors.VerificationError):
        login.login(node, "ann", password("ann"))
    row = login.authenticate(node, "ann", b"another long one")
    opened = login.open_key(node, row, b"another long one")
    assert opened.private_bytes_raw() == key.private_bytes_raw()


def test_a_disabled_person_is_out_at_once(node: Node) -> None:
    employ(node)
    act(node, "ann")
    token = (node.home / login.LOGIN_FILE).read_bytes()
    act(node, "ada")
    operators.disable(node, "ann")
    (node.home / login.LOGIN_FILE).write_bytes(token)
    assert login.current(node).role == "nobody"
    with pytest.raises(errors.RefusedError) as caught:
        login.login(node, "ann", password("ann"))
    assert code(caught) == "operator-disabled"


def test_a_row_that_was_edited_gives_no_role(node: Node) -> None:
    employ(node)
    act(node, "ann")
    with node.stores.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE operators SET roles = 'admin approver'")
    assert login.current(node).role == "analyst"


def test_the_last_admin_and_the_last_approver_stay(node: Node) -> None:
    employ(node)
    act(node, "ada")
    for name in ("ada", "apo"):
        with pytest.raises(errors.StateError) as caught:
            operators.disable(node, name)
        assert code(caught) == "last-of-role"
    operators.disable(node, "apo", force=True)
    with pytest.raises(errors.StateError):
        operators.disable(node, "ada", force=True)


def test_a_second_approver_needs_the_first(node: Node) -> None:
    employ(node)
    act(node, "ada")
    added = operators.add(node, "abe", [OperatorRole.APPROVER], password("abe"))
    assert (added.status, bool(added.request)) == ("pending", True)
    with pytest.raises(errors.StateError) as caught:
        login.login(node, "abe", password("abe"))
    assert code(caught) == "operator-pending"
    act(node, "apo")
    requests.approve(node, added.request, "knows the rules")
    act(node, "abe")
    assert node.actor.role == "approver"
    assert [m.operator for m in rosters.own(node).active(OperatorRole.APPROVER)] == [  # type: ignore[union-attr]
        id_of(node, "apo"),
        id_of(node, "abe"),
    ]


def test_a_refused_approver_is_gone(node: Node) -> None:
    employ(node)
    act(node, "ada")
    added = operators.add(node, "abe", [OperatorRole.APPROVER], password("abe"))
    act(node, "apo")
    requests.refuse(node, added.request, "unknown here")
    assert node.stores.operators.named("abe") is None


def test_a_new_approver_is_asked_for_again_when_the_list_changed(node: Node) -> None:
    employ(node)
    act(node, "ada")
    added = operators.add(node, "abe", [OperatorRole.APPROVER], password("abe"))
    operators.add(node, "aud", [OperatorRole.AUDITOR], password("aud"))
    act(node, "apo")
    with pytest.raises(errors.StateError) as caught:
        requests.approve(node, added.request, "fits")
    assert code(caught) == "roster-moved"


def test_peers_get_the_roster_and_no_name(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    employ(one)
    for body in (body for _, body in contact.outgoing(one, other.agency)):
        for name in (b'"ada"', b'"ann"', b'"apo"'):
            assert name not in body
    assert carry(one, other) == []
    held = rosters.of_peer(other, one.agency)
    assert held is not None
    assert held.head == rosters.own(one).head  # type: ignore[union-attr]
    assert rosters.own(other) is None
    assert carry(one, other) == []


def test_a_peer_that_comes_later_gets_the_whole_roster(homes: Homes, tmp_path: Path) -> None:
    one, other = homes.open(tmp_path)
    with one.stores.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM peers")
    employ(one)
    act(one, "ada")
    card = json.dumps(peers.own_card(other)).encode()
    from psihash.identity.fingerprints import format_fingerprint

    peers.add(one, card, format_fingerprint(other.card.fingerprint))
    assert carry(one, other) == []
    assert rosters.of_peer(other, one.agency) is not None
    one.close()
    other.close()


def test_a_second_history_is_refused_and_an_incident(
    nodes: tuple[Node, Node], tmp_path: Path, homes: Homes
) -> None:
    one, other = nodes
    copy, unused = homes.open(tmp_path / "copy")
    employ(one)
    employ(copy)
    assert carry(one, other) == []
    held = rosters.of_peer(other, one.agency)
    assert held is not None
    codes = contact.take(other, one.agency, copy.stores.rosters.bodies(copy.agency))
    assert set(codes) == {"roster-forked"}
    assert rosters.of_peer(other, one.agency).head == held.head  # type: ignore[union-attr]
    assert any("roster-forked" in each.get("codes", ()) for each in events(other, "incident"))  # type: ignore[operator]
    copy.close()
    unused.close()


def test_a_roster_of_a_third_agency_is_refused(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    employ(one)
    bodies = one.stores.rosters.bodies(one.agency)
    assert set(contact.take(one, other.agency, bodies)) == {"foreign-roster"}


def test_names_stand_in_local_parts_only(nodes: tuple[Node, Node]) -> None:
    one, other = nodes
    employ(one)
    act(one, "ada")
    operators.add(one, "ames", [OperatorRole.ANALYST], password("ames"))
    assert carry(one, other) == []
    for entry in auditing.show(one):
        assert "ada" not in json.dumps(entry["shared"])
    text = json.dumps(list(auditing.show(other)))
    for name in ("ada", "ames"):
        assert f'"{name}"' not in text


def test_every_use_case_is_guarded() -> None:
    for module in pkgutil.walk_packages(psihash.node.__path__, "psihash.node."):
        importlib.import_module(module.name)
    assert set(roles.USE_CASES) == roles.GUARDED
    assert set(roles.USE_CASES) >= roles.BY_RULE


def test_an_unattended_node_does_what_rules_allow_only(node: Node) -> None:
    employ(node)
    node.actor = roles.RULE_ACTOR
    roles.require(node, "match")
    for name in set(roles.USE_CASES) - roles.BY_RULE:
        with pytest.raises(errors.RefusedError) as caught:
            roles.require(node, name)
        assert code(caught) == "person-required"
