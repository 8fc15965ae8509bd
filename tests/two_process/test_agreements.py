"""An agreement that does not allow the session: refused on both sides, with the clause's code."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from psihash import errors
from psihash.node.agreeing import agreements
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.running import matching
from psihash.terms import AlgorithmId, Learn, Rung
from tests.two_process import programs
from tests.two_process.agencies import BE, NAMES, NL, Agencies, agree
from tests.two_process.calls import client_of
from tests.two_process.conftest import check_outputs
from tests.two_process.test_hostile import hello, open_with, said

pytestmark = pytest.mark.two_process


class Past:
    """A clock that is late."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) - dt.timedelta(days=10)


@pytest.fixture(scope="module")
def shared(prepared: Agencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agencies]:
    agencies = prepared.copy(tmp_path_factory.mktemp("agreements") / "homes")
    with programs.serving(agencies):
        yield agencies
    agencies.check_logs()
    check_outputs(agencies.root)


def draft(**changes: object) -> agreements.Draft:
    fields: dict[str, object] = {
        "peer": BE,
        "purpose": "to find common series",
        "case": "case 18",
        "legal_basis": "Art. 1",
        "rung": Rung.ITEMS,
        "learn": Learn.BOTH,
        "collections": [NAMES[NL]],
        "algorithms": [AlgorithmId.MD5],
    }
    return agreements.Draft(**(fields | changes))  # type: ignore[arg-type]


def code_of_match(node: Node, agreement: str) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        matching.match(node, BE, agreement)
    return caught.value.code


def code_of_hello(shared: Agencies, nl: Node, agreement: str) -> str:
    """What a peer hears that does not ask its own rules first."""
    with shared.node(BE) as be, client_of(nl, shared.port, be) as client:
        return said(open_with(client, *hello(nl, be, agreement)))


def check(shared: Agencies, agreement: str, code: str) -> None:
    with shared.node(NL) as nl:
        assert code_of_match(nl, agreement) == code
        assert shared.codes(NL)[-1] == code
        assert code_of_hello(shared, nl, agreement) == code
    assert shared.codes(BE)[-1] == code


def test_terms_that_one_side_has_not_signed(shared: Agencies) -> None:
    with shared.node(NL) as nl:
        agreement = agreements.propose(nl, draft()).id
    check(shared, agreement, "agreement-unsigned")


def test_an_agreement_that_was_revoked(shared: Agencies) -> None:
    with shared.node(NL) as nl, shared.node(BE) as be:
        agreement = agree(nl, be)
        agreements.revoke(be, agreement, "the case is closed")
    check(shared, agreement, "agreement-revoked")


def test_an_agreement_that_has_expired(shared: Agencies) -> None:
    nodes = []
    for agency in (NL, BE):
        node = opening.open_node(shared.home(agency), clock=Past())
        node.__dict__["keys"] = shared.rings[agency]
        nodes.append(node)
    try:
        agreement = agree(*nodes, days=5)
    finally:
        for node in nodes:
            node.close()
    check(shared, agreement, "agreement-expired")


def test_a_budget_of_sessions_that_is_used_up(shared: Agencies) -> None:
    with shared.node(NL) as nl, shared.node(BE) as be:
        agreement = agree(nl, be, sessions=1)
        assert matching.match(nl, BE, agreement).matched_items == 40
        assert code_of_match(nl, agreement) == "clause-sessions"
    assert shared.codes(NL)[-1] == "clause-sessions"
    assert shared.codes(BE)[-1] == "clause-sessions"


def test_a_budget_of_elements_that_does_not_suffice(shared: Agencies) -> None:
    with shared.node(NL) as nl, shared.node(BE) as be:
        agreement = agree(nl, be, elements=300)
        assert code_of_match(nl, agreement) == "clause-elements"
    assert shared.codes(NL)[-1] == "clause-elements"
    assert shared.codes(BE)[-1] == "clause-elements"
    shared.check_results()
