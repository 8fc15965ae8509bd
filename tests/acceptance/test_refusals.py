"""What two agencies may not match is refused by name, and nothing is left of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance import cleartext
from tests.acceptance.agencies import agree, import_list, match
from tests.cli.homes import Home

Pair = tuple[Home, Home]


@pytest.fixture
def holding(pair: Pair, shared_data: Path) -> Pair:
    """Both hold the same five files, listed by two tools."""
    for home, name in zip(pair, ("ilookv3.hsh", "ilookv4.hsh"), strict=True):
        import_list(home, shared_data / "lists" / name)
    return pair


def no_session(*homes: Home) -> None:
    """No session is left of a refused match, and both logs are whole."""
    for home in homes:
        assert home.json("session", "list")["sessions"] == []
        assert home.json("audit", "verify")["ok"] is True


def test_openmined_does_not_serve_series(holding: Pair) -> None:
    nl, de = holding
    for agreement in (agree(nl, de, ["md5"], rung="series"), agree(nl, de, ["md5"])):
        for one, other in ((nl, de), (de, nl)):
            words = ("match", other.agency, "--agreement", agreement, "--rung", "series")
            code, exit_code, _ = one.error(*words, "--engine", "openmined")
            assert (code, exit_code) == ("rung-not-served", 5)
        assert match(nl, de, agreement, "count").initiator["matched_items"] == 5
    assert nl.json("audit", "verify")["ok"] is True


def test_series_under_the_same_and_a_higher_agreement(holding: Pair) -> None:
    nl, de = holding
    for agreement in (agree(nl, de, ["md5"], rung="series"), agree(nl, de, ["md5"])):
        both = match(nl, de, agreement, "series")
        for side in (both.initiator, both.responder):
            assert side["engine"] == "ecdh-ristretto255/1"
            assert side["algorithms"]["md5"]["matched"] == 5
            assert side["items"] == []
            (link,) = side["links"]
            assert link["peer"].startswith("s-")
            assert (link["matched_min"], link["matched_max"]) == (5, 5)


def test_no_more_than_the_agreement_allows(holding: Pair) -> None:
    nl, de = holding
    agreement = agree(nl, de, ["md5"], rung="count")
    for rung in ("items", "records"):
        words = ("match", de.agency, "--agreement", agreement, "--rung", rung)
        assert nl.error(*words)[:2] == ("clause-rung", 5)
    no_session(nl, de)


def propose(nl: Home, de: Home, *terms: str) -> list[str]:
    words = ["agreement", "propose", de.agency, "--purpose", "p", "--case", "c", *terms]
    return [*words, "--legal-basis", "l", "--algorithm", "md5", "--collection", "Operation Lantern"]


def test_records_are_for_both(holding: Pair) -> None:
    nl, de = holding
    words = propose(nl, de, "--rung", "records", "--learn", "initiator")
    assert nl.error(*words)[:2] == ("records-need-both", 5)


@pytest.mark.parametrize("learn", ["initiator", "responder"])
@pytest.mark.parametrize("rung", ["count", "items"])
def test_who_does_not_learn_is_told_nothing(holding: Pair, learn: str, rung: str) -> None:
    nl, de = holding
    agreement = agree(nl, de, ["md5", "sha1"], rung=rung, learn=learn)
    seen = match(nl, de, agreement, rung)
    told, untold = seen.initiator, seen.responder
    if learn == "responder":
        told, untold = untold, told
    assert told["algorithms"] == {n: {"own": 5, "matched": 5} for n in ("md5", "sha1")}
    assert untold["algorithms"] == {n: {"own": 5, "matched": None} for n in ("md5", "sha1")}
    assert len(told["items"]) == (5 if rung == "items" else 0)
    for name in ("matched_items", "matched_items_min", "matched_items_max"):
        assert untold[name] is None
    assert untold["items"] == untold["links"] == []


def revoked(nl: Home, de: Home, agreement: str) -> None:
    de.json("agreement", "revoke", agreement, "--reason", "case closed")


def suspended(nl: Home, de: Home, agreement: str) -> None:
    nl.json("peer", "suspend", de.agency)


@pytest.mark.parametrize(
    ("spoil", "code"), [(revoked, "agreement-revoked"), (suspended, "peer-suspended")]
)
def test_an_end_counts_at_once(
    holding: Pair, spoil: Callable[[Home, Home, str], None], code: str
) -> None:
    nl, de = holding
    agreement = agree(nl, de, ["md5"])
    spoil(nl, de, agreement)
    assert nl.error("match", de.agency, "--agreement", agreement)[0] == code
    no_session(nl, de)


def test_a_proposal_is_no_agreement(holding: Pair) -> None:
    nl, de = holding
    proposed = nl.json(*propose(nl, de, "--rung", "items", "--learn", "both"))
    assert (proposed["status"], proposed["delivered"]) == ("proposed", True)
    for one, other in ((nl, de), (de, nl)):
        words = ("match", other.agency, "--agreement", proposed["agreement"])
        assert one.error(*words)[:2] == ("agreement-unsigned", 5)
    no_session(nl, de)


def test_a_list_that_grew_is_matched_whole(holding: Pair, tmp_path: Path) -> None:
    """An agreement lives on when a list grows: the next match covers the new digests too."""
    nl, de = holding
    agreement = agree(nl, de, ["md5"])
    assert match(nl, de, agreement, "items").initiator["matched_items"] == 5
    more = [{"md5": f"{number:032x}"} for number in range(1, 9)]
    import_list(nl, cleartext.write_plain_md5(tmp_path / "more.txt", more))
    import_list(de, cleartext.write_plain_md5(tmp_path / "some.txt", more[:3]))
    seen = match(nl, de, agreement, "items")
    assert seen.initiator["algorithms"]["md5"] == {"own": 13, "matched": 8}
    assert seen.responder["algorithms"]["md5"] == {"own": 8, "matched": 8}
