"""Agreements from the command line, with a peer that cannot be reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.homes import Home, digests, write_list

TERMS = ["--purpose", "Find common victims", "--case", "NL-1", "--legal-basis", "Prüm II Art. 6"]
RUNG = ["--rung", "items", "--learn", "both"]
WHAT = ["--collection", "A", "B", "--algorithm", "md5,SHA-1"]


@pytest.fixture(autouse=True)
def holdings(nl: Home, de: Home, tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.txt", digests(100))
    for home in (nl, de):
        for name in ("A", "B"):
            home.json("import", str(path), "--collection", name)


def propose(home: Home, *more: str, peer: str = "de-bka") -> Any:
    return home.json("agreement", "propose", peer, *TERMS, *RUNG, *WHAT, *more)


def carried(source: Home, target: Home, agreement: str, tmp_path: Path) -> Any:
    """Take an agreement from one home to the other on a stick."""
    path = tmp_path / f"{source.agency}.json"
    written = source.json("agreement", "export", agreement, "--out", str(path))
    assert written == {"agreement": agreement, "out": str(path), "bytes": path.stat().st_size}
    return target.json("agreement", "import", str(path))


def test_a_proposal_to_an_unreachable_peer_waits(nl: Home) -> None:
    made = propose(nl, "--valid-days", "30", "--sessions", "3", "--elements", "5000")
    assert made["delivered"] is False
    assert made["status"] == "proposed"
    assert made["algorithms"] == ["md5", "sha1"]
    assert [each["name"] for each in made["own_collections"]] in (["A", "B"], ["B", "A"])
    (listed,) = nl.json("agreement", "list")["agreements"]
    assert listed == {
        name: value for name, value in made.items() if name not in ("delivered", "notes")
    }
    assert made["notes"] == ["'A' has no sha1 digest: it cannot match by it", made["notes"][1]]

    shown = nl.json("agreement", "show", made["agreement"][:8])
    assert "Prüm II Art. 6" in shown["page"]["Under which law"]
    assert "at most 3 and 5,000 elements" in shown["page"]["How often"]
    assert nl.json("status")["waiting_for_peers"] > 0
    text = nl.run("agreement", "show", made["agreement"])
    assert "What we learn" in text.stdout
    assert "agreement approve" not in text.stdout  # it is not for us to decide
    assert made["agreement"][:12] in nl.run("agreement", "list").stdout


def test_an_agreement_travels_on_a_stick_and_becomes_active(
    nl: Home, de: Home, tmp_path: Path
) -> None:
    id_ = propose(nl)["agreement"]
    taken = carried(nl, de, id_, tmp_path)
    assert (taken["agreement"], taken["status"]) == (id_, "proposed")
    assert "agreement approve" in de.run("agreement", "show", id_).stdout
    words = ("agreement", "approve", id_[:8], "--collection", "A")
    for unsaid in ([], ["--case", "DE-9"], ["--legal-basis", "BKAG"], ["--same-law"]):
        assert de.error(*words, *unsaid)[:2] == ("own-words-missing", 2), unsaid
    both = ["--case", "DE-9", "--legal-basis", "BKAG", "--same-law"]
    assert de.error(*words, *both)[0] == "usage"
    approved = de.json(
        "agreement", "approve", id_[:8], "--collection", "A", "--case", "DE-9",
        "--legal-basis", "BKAG",
    )  # fmt: skip
    assert (approved["status"], approved["delivered"]) == ("active", False)
    assert carried(de, nl, id_, tmp_path)["status"] == "active"
    assert nl.error("agreement", "approve", id_, "--collection", "A")[:2] == (
        "not-ours-to-decide",
        4,
    )
    # Matching needs the peer itself.
    for command in ("match", "preflight"):
        assert nl.error(command, "de-bka", "--agreement", id_[:8])[:2] == ("peer-unreachable", 9)
    assert nl.json("agreement", "revoke", id_)["status"] == "revoked"
    assert nl.error("agreement", "revoke", id_)[1] == 4


def test_a_proposal_is_refused(nl: Home, de: Home, tmp_path: Path) -> None:
    id_ = propose(nl)["agreement"]
    carried(nl, de, id_, tmp_path)
    assert de.json("agreement", "refuse", id_, "--reason", "no case here")["status"] == "refused"
    assert carried(de, nl, id_, tmp_path)["status"] == "refused"


def test_an_exported_agreement_is_the_same_on_standard_output(nl: Home, tmp_path: Path) -> None:
    id_ = propose(nl)["agreement"]
    out = tmp_path / "x.json"
    nl.json("agreement", "export", id_, "--out", str(out))
    for result in (nl.run("agreement", "export", id_), nl.json("agreement", "export", id_)):
        text = result if isinstance(result, dict) else json.loads(result.stdout)
        assert text == json.loads(out.read_bytes())
    assert nl.run("agreement", "export", id_).stdout_bytes == out.read_bytes()
    assert nl.error("agreement", "export", id_, "--out", "/no/such/dir/x")[0] == "cannot-write"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([*TERMS, *RUNG, *WHAT, "--algorithm", "photodna"], "bad-term"),
        ([*TERMS, *RUNG, "--algorithm", "md5"], "usage"),
        ([*TERMS, *RUNG, "--collection", "A"], "usage"),
        ([*TERMS, *RUNG, *WHAT, "--sessions", "0"], "usage"),
        ([*TERMS, *WHAT, "--rung", "items"], "usage"),
        ([*TERMS, *RUNG, "--collection", "--algorithm", "md5"], "usage"),
        (["--purpose", "", "--case", "x", "--legal-basis", "y", *RUNG, *WHAT], "bad-document"),
    ],
)
def test_mistakes_of_a_proposal(nl: Home, words: list[str], code: str) -> None:
    assert nl.error("agreement", "propose", "de-bka", *words)[:2] == (code, 2)
    assert nl.json("agreement", "list")["agreements"] == []


def test_a_proposal_needs_a_known_peer_and_collection(nl: Home) -> None:
    words = [*TERMS, *RUNG, "--algorithm", "md5"]
    found = nl.error("agreement", "propose", "de-bk", *words, "--collection", "A")
    assert found[:2] == ("unknown-peer", 3)
    found = nl.error("agreement", "propose", "de-bka", *words, "--collection", "A", "C")
    assert found[:2] == ("unknown-collection", 3)
    assert nl.error(
        "agreement", "propose", "de-bka", *TERMS, "--rung", "records", "--learn", "initiator", *WHAT
    )[:2] == ("records-need-both", 5)


def test_wrong_ids_are_named(nl: Home) -> None:
    id_ = propose(nl)["agreement"]
    wrong = "0" * 8 if not id_.startswith("0" * 8) else "1" * 8
    for command in ("show", "refuse", "revoke", "export"):
        assert nl.error("agreement", command, wrong)[:2] == ("agreement-unknown", 3)
        assert nl.error("agreement", command, id_[:4])[1] in (2, 3)
        assert nl.error("agreement", command, "../../etc")[1] in (2, 3)
    assert nl.error("match", "de-bka", "--agreement", wrong)[:2] == ("agreement-unknown", 3)
    assert nl.error("match", "de-bk", "--agreement", id_)[:2] == ("unknown-peer", 3)


def test_a_file_that_is_no_agreement_is_refused(nl: Home, tmp_path: Path) -> None:
    for name, content in {"a": b"", "b": b"%PDF", "c": b"{}", "d": b"[" * 100_000}.items():
        (tmp_path / name).write_bytes(content)
        assert nl.error("agreement", "import", str(tmp_path / name))[1] == 2
    assert nl.error("agreement", "import", str(nl.card))[1] == 2
    assert nl.error("agreement", "import", "/no/such")[:2] == ("cannot-read", 2)


def test_a_collection_that_is_offered_is_erased_only_with_its_agreements(nl: Home) -> None:
    id_ = propose(nl)["agreement"]
    (offer,) = nl.json("collection", "show", "A")["offered"]
    assert offer == {"agreement": id_, "peer": "de-bka", "status": "proposed"}
    code, exit_code, hint = nl.error("collection", "remove", "A")
    assert (code, exit_code) == ("collection-offered", 4)
    assert "--force" in hint
    removed = nl.json("collection", "remove", "A", "--force")
    assert removed["revoked"] == [{"agreement": id_, "peer": "de-bka", "status": "revoked"}]
    assert removed["delivered"] == {"de-bka": False}
    assert nl.json("agreement", "show", id_)["status"] == "revoked"
    # B was offered in the same agreement, which is over: nothing stands in the way.
    assert nl.json("collection", "remove", "B")["revoked"] == []
