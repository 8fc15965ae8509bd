"""The whole ladder between two programs over TLS, with an approver who decides in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from psihash.agreement.approvals import rule_from_words
from psihash.node.agreeing import agreements
from psihash.node.oversight import auditing
from psihash.node.people import requests
from psihash.terms import AlgorithmId, Learn, Rung
from tests.two_process import programs
from tests.two_process.agencies import BE, COMMON, NAMES, NL, Agencies
from tests.two_process.conftest import check_outputs

pytestmark = pytest.mark.two_process
ENGINE = ("--engine", "ecdh")


@pytest.fixture(scope="module")
def shared(prepared: Agencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agencies]:
    agencies = prepared.copy(tmp_path_factory.mktemp("ladder") / "homes")
    with programs.serving(agencies):
        yield agencies
    agencies.check_logs()
    check_outputs(agencies.root)


def agree(shared: Agencies) -> str:
    draft = agreements.Draft(
        peer=BE,
        purpose="to find common series",
        case="case 19",
        legal_basis="Art. 1",
        rung=Rung.RECORDS,
        learn=Learn.BOTH,
        collections=[NAMES[NL]],
        algorithms=[AlgorithmId.MD5],
        approvals={
            Rung.ITEMS: rule_from_words("40-of-items"),
            Rung.RECORDS: rule_from_words("person"),
        },
    )
    with shared.node(NL) as nl, shared.node(BE) as be:
        agreement = agreements.propose(nl, draft).id
        agreements.import_file(be, agreements.export_file(nl, agreement))
        agreements.approve(be, agreement, [NAMES[BE]], case=None, legal_basis=None)
        agreements.import_file(nl, agreements.export_file(be, agreement))
    return agreement


def match(shared: Agencies, *words: str) -> programs.Ended:
    return programs.run(shared.home(NL), "match", BE, *words)


def test_four_rungs_and_an_approver_who_decides_in_between(shared: Agencies) -> None:
    agreement = agree(shared)
    previous: list[str] = []
    for rung in (Rung.COUNT, Rung.SERIES, Rung.ITEMS):
        words = ["--agreement", agreement, "--rung", rung.value, *ENGINE]
        ended = match(shared, *words, *(["--from", previous[-1]] if previous else []))
        assert ended.code == 0, ended
        assert ended.document["algorithms"]["md5"]["matched"] == len(COMMON)
        previous.append(ended.document["session"])
    words = ["--agreement", agreement, "--rung", "records", "--from", previous[-1], *ENGINE]
    refused = match(shared, *words)
    assert refused.error == "approval-pending"
    assert refused.code == 5
    assert "--wait" in refused.document["error"]["hint"]
    with shared.node(BE) as be:
        (waiting,) = requests.inbox(be)
        assert waiting.peer == NL
        assert waiting.subject["rung"] == "records"
    approved = programs.run(shared.home(BE), "approve", waiting.request, "--reason", "read")
    assert approved.code == 0, approved
    ended = match(shared, *words)
    assert ended.code == 0, ended
    shown = ended.document
    assert shown["matched_items"] == len(COMMON)
    assert all(item["records"] for item in shown["items"])
    with shared.node(BE) as be:
        opened = [entry for entry in auditing.show(be) if entry["event"] == "session-open"]
    person = opened[-1]["local"]["approved_by"]
    assert (person["by"], person["reason"]) == ("person", "read")
    again = match(shared, *words)
    assert again.error == "approval-pending", "one decision, one session"
