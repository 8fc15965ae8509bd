"""The fields that scripts rely on: what ``--json`` prints, command by command.

Fields may be added; none may go, or change its type, without a word in the CHANGELOG. A shape is
written as the document itself with types for values; ``...`` leaves a value open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.agencies import agree, import_list, match
from tests.cli.homes import Home

Pair = tuple[Home, Home]

VIEW: dict[str, Any] = {
    "agreement": str, "peer": str, "status": str, "proposed_by": str, "rung": str, "learn": str,
    "algorithms": [str], "purpose": str, "valid_from": str, "valid_until": str,
    "missing": [{"agency": str, "what": str}],
    "own_collections": [{"id": str, "name": str, "kind": str}],
    "peer_collections": [{"id": str, "kind": str}],
    "incidents": [{"code": str, "agency": str}], "created": str,
}  # fmt: skip
DECIDED = VIEW | {"delivered": bool}
PEER = {
    "agency": str, "name": str, "country": str, "endpoint": str, "status": str,
    "fingerprint": str, "card_version": int, "added": str, "changed": str,
}  # fmt: skip
COLLECTION = {
    "name": str, "kind": str, "items": int, "coverage": {"md5": int, "sha1": int},
    "created": str, "updated": str,
}  # fmt: skip
REPORT = {
    "source_name": str, "source_sha256": str, "source_bytes": int, "format": str, "rows": int,
    "items": int, "items_new": int, "items_removed": int, "coverage": {"md5": int, "sha1": int},
    "other_coverage": {}, "refusals": {}, "refusal_examples": {}, "exclusions": int,
    "conflicts_sha1": int, "conflicts_category": int, "dry_run": bool, "unchanged": bool,
}  # fmt: skip
VERDICT = {
    "category": {"dialect": str, "code": str, "label": str}, "victim_identified": ...,
    "offender_identified": ..., "distributed": ..., "series": [str], "dated": ...,
    "submissions": ..., "country": ..., "source": ...,
}  # fmt: skip
RESULT: dict[str, Any] = {
    "schema": "psihash-result/1", "session": str, "peer": str, "agreement": str, "role": str,
    "rung": str, "learn": str, "engine": str, "case": str, "peer_case": str, "opened": str,
    "closed": str, "receipt": str, "algorithms": {"md5": {"own": int, "matched": int}},
    "matched_items": int, "matched_items_min": int, "matched_items_max": int,
    "links": [
        {"own": str, "peer": str, "matched": int, "matched_min": int, "matched_max": int}
    ],
    "items": [
        {
            "identified_there_open_here": bool, "digests": {"md5": str, "sha1": str},
            "matched_by": [str], "media_type": ..., "size": int, "collections": [str],
            "verdicts": [VERDICT | {"collection": str}], "peer_collections": [str],
            "records": [
                {"collection": str, "kind": str, "votes": int, "verdicts": [VERDICT],
                 "contact": ...}
            ],
        }
    ],
}  # fmt: skip
SESSION = {
    "session": str, "peer": str, "agreement": str, "role": str, "state": str, "rung": str,
    "engine": str, "opened": str, "closed": str, "outcome": str, "counts": ...,
}  # fmt: skip
ENTRY = {"seq": int, "time": str, "event": str, "operation": str, "shared": ..., "local": {}}


def fits(value: Any, shape: Any, place: str = "$") -> None:
    """Fail, naming the place, unless the value has the shape. It may have more fields."""
    match shape:
        case type():
            assert type(value) is shape, place
        case Mapping():
            assert isinstance(value, dict), place
            assert shape.keys() <= value.keys(), (place, shape.keys() - value.keys())
            for name, inner in shape.items():
                fits(value[name], inner, f"{place}.{name}")
        case [inner]:
            assert isinstance(value, list), place
            for number, each in enumerate(value):
                fits(each, inner, f"{place}[{number}]")
        case _:
            assert shape is ... or value == shape, place


@pytest.fixture
def holding(pair: Pair, shared_data: Path) -> Pair:
    for home, name in zip(pair, ("AVI", "AVI"), strict=True):
        import_list(home, shared_data / f"vics/NSRL-CAID-{name}.json")
    return pair


def test_identity(pair: Pair, tmp_path: Path) -> None:
    nl, de = pair
    fresh = Home(tmp_path / "fresh", "fr-ofmin")
    made = fresh.json("init", "--agency", "fr-ofmin", "--name", "OFMIN", "--country", "FR")
    fits(
        made,
        {
            "agency": "fr-ofmin",
            "home": str,
            "fingerprint": str,
            "card": str,
            "passphrase_file": str,
        },
    )
    assert [len(part) for part in made["fingerprint"].split("-")] == [4] * 10
    card = fresh.json("peer", "card")
    assert card == json.loads(Path(made["card"]).read_text())
    assert card == json.loads(fresh.run("peer", "card").stdout)
    fits(card, {"agency": "fr-ofmin", "fingerprint": made["fingerprint"], "endpoint": ...})
    added = nl.json("peer", "add", made["card"], "--fingerprint", made["fingerprint"])
    fits(added, PEER | {"endpoint": ..., "status": "active"})
    assert nl.json("peer", "suspend", "fr-ofmin")["status"] == "suspended"
    assert nl.json("peer", "resume", "fr-ofmin")["status"] == "active"
    assert nl.json("peer", "revoke", "fr-ofmin")["status"] == "revoked"
    fits(de.json("peer", "list"), {"peers": [PEER]})
    renewed = nl.json("renew", "--contact", "desk@example.org")
    fits(
        renewed,
        {"certificate_until": str, "card_changed": True, "card_version": 2, "fingerprint": str,
         "peers_to_tell": ["de-bka"]},
    )  # fmt: skip


def test_holdings(pair: Pair, shared_data: Path) -> None:
    nl, _ = pair
    source = shared_data / "vics/NSRL-CAID-AVI.json"
    totals = {"rows": 30, "items": 30, "items_new": 30, "items_removed": 0, "exclusions": 0}
    shape = totals | {"collection": str, "dry_run": True, "imports": [REPORT]}
    fits(nl.json("import", str(source), "--collection", "Operation Lantern", "--dry-run"), shape)
    assert nl.json("collection", "list") == {"collections": []}
    fits(import_list(nl, source), shape | {"dry_run": False})
    fits(nl.json("collection", "list"), {"collections": [COLLECTION]})
    shown = nl.json("collection", "show", "Operation Lantern")
    fits(shown, COLLECTION | {"offered": [], "items": 30, "coverage": {"md5": 30, "sha1": 30}})
    held = nl.json("lookup", "C0BED93B35A501849EFB0F3A7E47D9F5")
    digest = {"algorithm": str, "digest": str}
    item = {
        "digests": [digest], "other": [], "media_type": ..., "size": 8180626,
        "collections": ["Operation Lantern"], "verdicts": [VERDICT | {"collection": str}],
    }  # fmt: skip
    fits(held, {"algorithm": "md5", "digest": str, "held": True, "item": item})
    assert nl.json("lookup", "0" * 31 + "1") == {
        "algorithm": "md5", "digest": "0" * 31 + "1", "held": False, "item": None,
    }  # fmt: skip
    fits(nl.json("formats"), {"formats": [{"name": str, "title": str, "suffixes": [str]}]})
    removed = nl.json("collection", "remove", "Operation Lantern")
    fits(removed, {"name": str, "items": 30, "items_erased": 30, "revoked": [], "delivered": {}})


def test_agreements(holding: Pair, tmp_path: Path) -> None:
    nl, de = holding
    words = ["--purpose", "p", "--case", "c", "--legal-basis", "l", "--rung", "items"]
    words += ["--learn", "both", "--algorithm", "SHA-1,md5", "--collection", "Operation Lantern"]
    ids = []
    for _ in range(3):
        proposed = nl.json("agreement", "propose", de.agency, *words)
        fits(proposed, DECIDED | {"status": "proposed", "delivered": True, "rung": "items"})
        ids.append(proposed["agreement"])
    own = ["--collection", "Nordwind", "--case", "DE-1", "--same-law"]
    approved = de.json("agreement", "approve", ids[0][:8], *own)
    fits(approved, DECIDED | {"status": "active", "delivered": True, "agreement": ids[0]})
    refused = de.json("agreement", "refuse", ids[1], "--reason", "not ours")
    fits(refused, DECIDED | {"status": "refused", "delivered": True})
    revoked = nl.json("agreement", "revoke", ids[0])
    fits(revoked, DECIDED | {"status": "revoked", "delivered": True})
    listed = nl.json("agreement", "list")
    fits(listed, {"agreements": [VIEW]})
    status = {each["agreement"]: each["status"] for each in listed["agreements"]}
    assert status == dict(zip(ids, ["revoked", "refused", "proposed"], strict=True))
    page = {"What we learn": str, "What they learn": str, "For which case": str,
            "Under which law": str}  # fmt: skip
    fits(de.json("agreement", "show", ids[2]), VIEW | {"page": page})
    out = tmp_path / "agreement.json"
    carried = nl.json("agreement", "export", ids[2], "--out", str(out))
    fits(carried, {"agreement": ids[2], "out": str(out), "bytes": out.stat().st_size})
    fits(de.json("agreement", "import", str(out)), VIEW | {"agreement": ids[2]})


def test_a_match_and_what_follows(holding: Pair, tmp_path: Path) -> None:
    nl, de = holding
    agreement = agree(nl, de, ["md5", "sha1"])
    classes = {"own_percent": int, "peer_percent": int, "own_size_class": int,
               "peer_size_class": int}  # fmt: skip
    view = {
        "agreement": agreement, "peer": "de-bka", "rung": "records", "learn": "both",
        "engine": str, "algorithms": {"md5": classes, "sha1": classes}, "elements_charged": int,
        "seconds": int, "bytes": int, "sessions_left": 100, "elements_left": int,
        "warnings": [str],
    }  # fmt: skip
    fits(nl.json("preflight", "de-bka", "--agreement", agreement), view)
    seen = match(nl, de, agreement, "records")
    fits(seen.initiator, RESULT | {"role": "initiator", "peer": "de-bka"})
    fits(seen.responder, RESULT | SESSION | {"role": "responder", "state": "completed"})
    assert seen.responder["counts"] == {"md5": 30, "sha1": 30}
    count = match(nl, de, agreement, "count").initiator
    fits(count, RESULT | {"matched_items": None, "items": [], "links": []})
    session = seen.initiator["session"]
    fits(nl.json("session", "list"), {"sessions": [SESSION]})
    for form in ("csv", "json", "vics"):
        out = tmp_path / f"result.{form}"
        report = nl.json("export", session[:12], "--format", form, "--out", str(out))
        fits(report, {"path": str(out), "format": form, "records": 30, "left_out": {}})
        assert out.stat().st_size
    exported = json.loads((tmp_path / "result.json").read_text())
    assert exported == seen.initiator
    check_log(nl, session)


def check_log(home: Home, session: str) -> None:
    entries = home.json("audit", "show", "--session", session)
    fits(entries, {"entries": [ENTRY]})
    events = [entry["event"] for entry in entries["entries"]]
    assert events[0] == "session-open"
    assert "session-close" in events
    everything = home.json("audit", "show")["entries"]
    assert [entry["seq"] for entry in everything] == list(range(len(everything)))
    verdict = home.json("audit", "verify")
    fits(verdict, {"ok": True, "size": len(everything), "origin": str, "root": str})


def test_the_node(holding: Pair) -> None:
    nl, _ = holding
    shape = {
        "agency": "nl-police", "fingerprint": str, "store": "sqlite", "items": 30,
        "collections": 1, "peers": {"active": 1}, "agreements": {}, "sessions": 0,
        "sessions_in_doubt": 0, "log": {"entries": int}, "certificate_days_left": int,
        "engines": [str], "engines_missing": {}, "group_backend": str,
    }  # fmt: skip
    fits(nl.json("status"), shape)
    finding = {"level": str, "subject": str, "message": str, "hint": str}
    doctor = nl.json("doctor")
    fits(doctor, {"findings": [finding], "ok": True})
    assert {each["level"] for each in doctor["findings"]} <= {"ok", "warning"}


def test_an_error(pair: Pair) -> None:
    nl, _ = pair
    document = nl.json("collection", "show", "nothing", exit_code=3)
    fits(document, {"error": {"code": "unknown-collection", "message": str, "hint": str}})
    assert set(document) == {"error"}
    (nl.path / "passphrase").chmod(0o644)
    doctor = nl.json("doctor", exit_code=4)
    assert doctor["ok"] is False
    assert "error" in {each["level"] for each in doctor["findings"]}
