"""Operators who join by a code at a keyboard of their own, and who forgot their password."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.agreement.decision import parse_decision, verify_decision
from psihash.agreement.roster import OperatorRole, OperatorStatus
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.people import invitations, login, operators, requests, rosters
from psihash.node.people.operators import OperatorView
from psihash.storage.requests import RequestState
from psihash.terms import AlgorithmId
from tests.node.crew import act, employ, id_of, password, quick
from tests.node.test_requests import submitted
from tests.session.nodes import Homes, carry, hold, row

APPROVERS = (("ada", "admin"), ("ann", "analyst"), ("apo", "approver"))


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Homes:
    return Homes.make(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def nodes(homes: Homes, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """The first has an admin, who is logged in, an analyst and an approver."""
    one, other = homes.open(tmp_path)
    hold(one, "cases", [row(number, [AlgorithmId.MD5]) for number in range(20)])
    employ(one, APPROVERS)
    act(one, "ada")
    yield one, other
    for node in (one, other):
        assert auditing.verify(node)["ok"]
        node.close()


@pytest.fixture
def node(nodes: tuple[Node, Node]) -> Node:
    return nodes[0]


@dataclass
class Later:
    """A clock that is ahead of the machine's."""

    ahead: dt.timedelta = field(default_factory=dt.timedelta)

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self.ahead


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        call()
    return caught.value.code


def told(node: Node, event: str) -> list[dict[str, Any]]:
    return [entry["local"] for entry in auditing.show(node) if entry["event"] == event]


def status(node: Node, name: str) -> str:
    (found,) = [each.status for each in operators.listing(node) if each.name == name]
    return found


def test_a_person_joins_by_a_code(nodes: tuple[Node, Node]) -> None:
    node, peer = nodes
    made = invitations.invite(node, "eve", [OperatorRole.ANALYST])
    assert status(node, "eve") == "invited"
    login.logout(node)
    node.actor = login.current(node)
    joined = invitations.join(node, "eve", made.code.lower().replace("-", " "), password("eve"))
    assert (joined.operator, joined.status) == (made.operator, "joined")
    assert code_of(lambda: login.login(node, "eve", password("eve"))) == "operator-pending"
    assert code_of(lambda: invitations.confirm(node, "eve")) == "login-required"
    act(node, "ada")
    confirmed = invitations.confirm(node, "eve")
    assert (confirmed.status, confirmed.key) == ("active", joined.key)
    assert code_of(lambda: invitations.confirm(node, "eve")) == "not-joined"
    act(node, "eve")
    assert node.actor.role == "analyst"
    assert carry(node, peer) == []
    known = rosters.of_peer(peer, node.agency)
    assert known is not None
    assert known.members[made.operator].status is OperatorStatus.ACTIVE
    steps = [each["what"] for each in told(node, "operator-changed") if "what" in each]
    assert steps == ["invited", "joined"]


def test_a_code_is_good_once(node: Node) -> None:
    made = invitations.invite(node, "eve", [OperatorRole.ANALYST])
    invitations.join(node, "eve", made.code, password("eve"))
    again = lambda: invitations.join(node, "eve", made.code, password("mal"))  # noqa: E731
    assert code_of(again) == "wrong-invitation"


def test_a_newer_code_ends_the_older_one(node: Node) -> None:
    first = invitations.invite(node, "eve", [OperatorRole.ANALYST])
    second = invitations.invite(node, "eve", [OperatorRole.AUDITOR])
    attempt = lambda: invitations.join(node, "eve", first.code, password("eve"))  # noqa: E731
    assert code_of(attempt) == "wrong-invitation"
    assert invitations.join(node, "eve", second.code, password("eve")).roles == ["auditor"]


def test_a_code_ends_by_itself_and_by_the_admin(node: Node) -> None:
    made = invitations.invite(node, "eve", [OperatorRole.ANALYST])
    other = invitations.invite(node, "eva", [OperatorRole.ANALYST])
    operators.disable(node, "eva")
    attempt = lambda: invitations.join(node, "eva", other.code, password("eva"))  # noqa: E731
    assert code_of(attempt) == "wrong-invitation"
    clock = Later(dt.timedelta(hours=invitations.VALID_HOURS, minutes=1))
    node.clock = clock
    attempt = lambda: invitations.join(node, "eve", made.code, password("eve"))  # noqa: E731
    assert code_of(attempt) == "wrong-invitation"


def test_guesses_are_counted_logged_and_locked_out(node: Node) -> None:
    made = invitations.invite(node, "eve", [OperatorRole.ANALYST])
    for _ in range(login.FREE_FAILURES):
        guess = lambda: invitations.join(node, "eve", "AAAA-BBBB", password("mal"))  # noqa: E731
        assert code_of(guess) == "wrong-invitation"

    def right() -> OperatorView:
        return invitations.join(node, "eve", made.code, password("eve"))

    assert code_of(right) == "account-locked"
    failed = [each for each in told(node, "auth-failure") if each["what"] == "join"]
    assert [each["operator"] for each in failed] == [made.operator] * login.FREE_FAILURES
    assert made.code not in str(auditing.show(node))
    node.clock = Later(dt.timedelta(seconds=login.FIRST_LOCK_SECONDS + 1))
    assert right().status == "joined"


def test_a_name_that_nobody_has_is_refused_alike_and_not_logged(node: Node) -> None:
    attempt = lambda: invitations.join(node, "my secret", "AAAA", password("mal"))  # noqa: E731
    assert code_of(attempt) == "wrong-invitation"
    assert "my secret" not in str(auditing.show(node))


def test_the_code_stands_nowhere(node: Node) -> None:
    made = invitations.invite(node, "eve", [OperatorRole.ANALYST])
    held = node.stores.operators.invitation("eve")
    assert held is not None
    assert made.code.replace("-", "") not in str(held)
    assert held.code_hash.startswith("$2b$")


def test_only_an_admin_invites_resets_and_confirms(node: Node) -> None:
    act(node, "ann")
    for attempt in (
        lambda: invitations.invite(node, "eve", [OperatorRole.ANALYST]),
        lambda: invitations.reset(node, "apo"),
        lambda: invitations.confirm(node, "apo"),
    ):
        assert code_of(attempt) == "role-required"


def test_an_invited_approver_needs_an_approver_too(node: Node) -> None:
    made = invitations.invite(node, "amy", [OperatorRole.APPROVER])
    invitations.join(node, "amy", made.code, password("amy"))
    asked = invitations.confirm(node, "amy")
    assert (asked.status, bool(asked.request)) == ("pending", True)
    act(node, "apo")
    _, page = requests.page(node, asked.request)
    assert dict(page)["The person's key"] == asked.key
    requests.approve(node, asked.request, "fits")
    act(node, "amy")


def test_who_forgot_the_password_gets_a_new_key_and_old_decisions_verify(
    nodes: tuple[Node, Node],
) -> None:
    node, peer = nodes
    made = invitations.invite(node, "amy", [OperatorRole.APPROVER])
    invitations.join(node, "amy", made.code, password("amy"))
    pending = invitations.confirm(node, "amy")
    act(node, "apo")
    requests.approve(node, pending.request, "fits")
    act(node, "ann")
    asked = submitted(node, peer.agency)
    act(node, "amy")
    requests.approve(node, asked.id, "fits")
    decided = node.stores.requests.find(asked.id)
    assert decided is not None
    assert decided.decision is not None
    assert carry(node, peer) == []
    act(node, "ann")
    waits = submitted(node, peer.agency)

    node.clock = Later(dt.timedelta(seconds=2))
    act(node, "ada")
    again = invitations.reset(node, "amy")
    assert (again.operator, again.roles) == (id_of(node, "amy"), ["approver"])
    assert status(node, "amy") == "invited"
    assert code_of(lambda: login.login(node, "amy", password("amy"))) == "operator-disabled"
    new = b"another password of amy's"
    invitations.join(node, "amy", again.code, new)
    node.unlocked.clear()
    act(node, "ada")
    confirmed = invitations.confirm(node, "amy")
    assert confirmed.status == "pending"
    act(node, "apo")
    requests.approve(node, confirmed.request, "fits")

    now = rosters.own(node)
    assert now is not None
    assert now.members[again.operator].status is OperatorStatus.ACTIVE
    decision, request = parse_decision(decided.decision), requests.body(decided)
    with pytest.raises(errors.VerificationError):
        verify_decision(decision, request, now, decision.decided)
    then = rosters.then(node, decision.decided)
    assert then is not None
    verify_decision(decision, request, then, decision.decided)
    _, page = requests.page(node, asked.id)
    assert "amy decided" in dict(page)["Who asks"]
    assert "holds by the keys of that time" in dict(page)["Who asks"]
    node.ask = lambda question: (new if "amy" in question else password("ann")).decode()
    login.login(node, "amy", new)
    requests.approve(node, waits.id, "fits")
    assert carry(node, peer) == []
    held = rosters.of_peer(peer, node.agency)
    assert held is not None
    assert held.head == now.head


def test_a_reset_changes_neither_who_somebody_is_nor_what_it_may_decide(node: Node) -> None:
    """With another id somebody could approve afterwards what it asked for before."""
    before = id_of(node, "ann")
    made = invitations.reset(node, "ann")
    invitations.join(node, "ann", made.code, b"a password that is new")
    invitations.confirm(node, "ann")
    assert id_of(node, "ann") == before
    assert [each.name for each in operators.listing(node)].count("ann") == 1


@pytest.mark.parametrize("name", ["ada", "apo"])
def test_the_last_of_a_role_is_not_reset(node: Node, name: str) -> None:
    assert code_of(lambda: invitations.reset(node, name)) == "last-of-role"


def test_whoever_is_disabled_comes_back_only_by_a_new_key(node: Node) -> None:
    operators.disable(node, "ann")
    assert code_of(lambda: operators.add(node, "ann", [OperatorRole.ANALYST], password("ann"))) == (
        "operator-exists"
    )
    made = invitations.reset(node, "ann")
    invitations.join(node, "ann", made.code, b"a password that is new")
    assert invitations.confirm(node, "ann").status == "active"


# -- the last approver -------------------------------------------------------------------------


def test_the_last_admin_and_the_last_approver_stay(node: Node) -> None:
    with pytest.raises(errors.StateError) as caught:
        operators.disable(node, "apo")
    assert caught.value.code == "last-of-role"
    assert "--role approver` first" in caught.value.hint
    assert code_of(lambda: operators.disable(node, "ada", force=True)) == "last-of-role"


def test_without_any_approver_it_is_said_at_once(node: Node) -> None:
    operators.disable(node, "apo", force=True)
    for attempt in (
        lambda: operators.add(node, "amy", [OperatorRole.APPROVER], password("amy")),
        lambda: invitations.invite(node, "amy", [OperatorRole.APPROVER]),
    ):
        assert code_of(attempt) == "no-approver"
    assert "amy" not in [each.name for each in operators.listing(node)]
    assert node.stores.requests.all(RequestState.PENDING) == []


def test_a_person_who_was_taken_off_before_is_approved_no_more(node: Node) -> None:
    added = operators.add(node, "amy", [OperatorRole.APPROVER], password("amy"))
    operators.disable(node, "amy")
    act(node, "apo")
    assert code_of(lambda: requests.approve(node, added.request, "fits")) == "operator-gone"
    requests.refuse(node, added.request, "gone")
    roster = rosters.own(node)
    assert roster is not None
    assert added.operator not in roster.members
