"""One list in two formats, matched by two real processes over TLS, as two agencies would."""

from __future__ import annotations

from pathlib import Path

import pytest
from psihash_client.demo_agency import DemoAgency, free_ports

from tests.acceptance import cleartext
from tests.acceptance.agencies import import_list, match
from tests.cli.homes import Home

pytestmark = pytest.mark.two_process


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Home, Home]:
    """With keys as they are in service, since the server's process opens them too."""
    made = []
    for agency, port in zip(("nl-police", "de-bka"), free_ports(2), strict=True):
        home = Home(tmp_path / agency, agency)
        words = ["--agency", agency, "--name", agency, "--country", agency[:2].upper()]
        home.json("init", *words, "--endpoint", f"127.0.0.1:{port}")
        made.append(home)
    nl, de = made
    nl.meet(de)
    de.meet(nl)
    return nl, de


def test_one_list_in_two_formats(
    homes: tuple[Home, Home], shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, de = homes
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # agencies reach each other without it
    path = shared_data / "vics/NSRL-CAID-WMV.json"
    entries = cleartext.read_vics(path)
    import_list(nl, path)
    import_list(de, cleartext.write_hashdeep(de.path.parent / "deep.txt", entries[::-1]))
    with DemoAgency(de.agency, de.path, 0).serving():
        words = ["--rung", "records", "--learn", "both", "--algorithm", "md5,sha1"]
        words += ["--purpose", "p", "--case", "c", "--legal-basis", "l"]
        words += ["--collection", "Operation Lantern"]
        agreement = nl.json("agreement", "propose", "de-bka", *words)["agreement"]
        own = ["--collection", "Nordwind", "--case", "d", "--legal-basis", "m"]
        decided = de.json("agreement", "approve", agreement, *own)
        # Only one side can be reached: the approval travels with the next contact.
        assert (decided["status"], decided["delivered"]) == ("active", False)
        for rung in ("count", "items", "records"):
            seen = match(nl, de, agreement, rung)
            for side in (seen.initiator, seen.responder):
                assert side["algorithms"] == {
                    name: {"own": 95, "matched": len(cleartext.digests(entries, name))}
                    for name in ("md5", "sha1")
                }
    assert seen.initiator["matched_items"] == seen.responder["matched_items"] == 95
    assert seen.initiator["receipt"] == seen.responder["receipt"]
    for home in homes:
        assert home.json("audit", "verify")["ok"] is True
    said = (de.path.parent / "de-bka-serve.log").read_text()
    assert not any(entry["md5"] in said or entry["sha1"] in said for entry in entries)
