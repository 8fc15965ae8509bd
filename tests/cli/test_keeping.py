"""``ledger``, ``statistics``, ``retention`` and ``export --list`` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from psihash.node.home import opening
from psihash.storage.exports import ExportRow
from psihash.storage.sessions import SessionRow
from psihash.terms import Rung, SessionRole
from tests.cli.homes import Home

AGREEMENT = ["--purpose", "p", "--case", "C", "--legal-basis", "l", "--rung", "items"]


@pytest.fixture
def proposed(nl: Home, plain_list: Path) -> str:
    """An agreement that waits for the other side; its id."""
    nl.json("import", str(plain_list), "--collection", "Tulip")
    words = ["--learn", "both", "--collection", "Tulip", "--algorithm", "md5"]
    document = nl.json("agreement", "propose", "de-bka", *AGREEMENT, *words)
    return str(document["agreement"])


def add_session(home: Home, agreement: str) -> str:
    """A session of long ago that broke off, and an export of it."""
    node, session = opening.open_node(home.path), "ab" * 32
    with node.stores.database.transaction():
        node.stores.sessions.add(
            SessionRow(
                id=session,
                peer="de-bka",
                agreement=agreement,
                role=SessionRole.INITIATOR,
                state="completed",
                rung=Rung.COUNT,
                engine="any",
                opened="2020-01-01T00:00:00Z",
            )
        )
        node.stores.sessions.close(session, "completed", "completed", "2020-01-01T00:00:01Z")
        node.stores.exports.add(
            ExportRow(session, "de-bka", "2020-01-02T00:00:00Z", "csv", "a\tb.csv", 5, "ann")
        )
    node.close()
    return session


def test_an_empty_ledger(nl: Home) -> None:
    assert nl.json("ledger") == {"agreements": []}
    assert "no agreement yet" in nl.run("ledger").stdout
    assert nl.error("ledger", "fr-police")[0] == "unknown-peer"


def test_the_ledger_of_an_agreement(nl: Home, proposed: str) -> None:
    (use,) = nl.json("ledger", "de-bka")["agreements"]
    assert use["agreement"] == proposed
    assert use["sessions"] == {"allowed": 100, "used": 0, "left": 100}
    assert use["elements"]["left"] == use["elements"]["allowed"] == 200_000_000
    (collection,) = use["collections"]
    assert (collection["name"], collection["owner"]) == ("Tulip", "nl-police")
    assert collection["period"] == {"sessions": 0, "runs": 0, "elements": 0}
    text = nl.run("ledger", "--agreement", proposed[:8]).stdout
    assert "0 of 100 used, 100 left" in text
    assert "Tulip" in text
    assert nl.error("ledger", "--since", "today")[0] == "bad-time"


def test_exports_are_listed(nl: Home, proposed: str) -> None:
    assert "Nothing was exported yet" in nl.run("export", "--list").stdout
    session = add_session(nl, proposed)
    for words in (["export", "--list"], ["export", session[:12], "--list"]):
        (row,) = nl.json(*words)["exports"]
        assert (row["path"], row["records"], row["actor"]) == ("a\tb.csv", 5, "ann")
    text = nl.run("export", "--list").stdout
    assert "a\tb.csv" not in text  # a name that acts on a terminal is shown harmless
    assert "2020-01-02 00:00" in text


@pytest.mark.parametrize(
    "words",
    [[], ["abcdef"], ["abcdef", "--format", "csv"], ["--format", "csv", "--out", "x"]],
)
def test_an_export_needs_all_its_words(nl: Home, words: list[str]) -> None:
    assert nl.error("export", *words)[:2] == ("usage", 2)


def test_statistics(nl: Home, tmp_path: Path) -> None:
    assert "Nothing was matched" in nl.run("statistics").stdout
    page, table = tmp_path / "s.html", tmp_path / "s.csv"
    document = nl.json("statistics", "--html", str(page), "--csv", str(table), "--internal")
    assert (document["internal"], document["rows"]) == (True, [])
    assert document["written"] == {"csv": str(table), "html": str(page)}
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "median_hours" in table.read_text("utf-8-sig")
    assert nl.error("statistics", "--peer", "fr-police")[0] == "unknown-peer"
    assert nl.error("statistics", "--csv", str(tmp_path))[0] == "export-not-a-file"


def test_retention_shows_and_erases(nl: Home, proposed: str) -> None:
    assert "Nothing is due" in nl.run("retention").stdout
    session = add_session(nl, proposed)
    for _ in range(2):
        document = nl.json("retention", "--dry-run")
        assert [due["session"] for due in document["sessions"]] == [session]
        assert document["dry_run"] is True
    assert "Results due: 1." in nl.run("retention", "--dry-run").stdout
    assert "Results erased: 1." in nl.run("retention").stdout
    after = nl.json("retention")
    assert (after["sessions"], after["log"]["entries"]) == ([], 0)
    assert nl.json("audit", "verify")["erased_bodies"] == 0
    (entry,) = [e for e in nl.json("audit", "show")["entries"] if e["event"] == "erasure"]
    assert entry["local"]["session"] == session
