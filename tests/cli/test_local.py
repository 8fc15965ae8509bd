"""Everything that one agency does by itself."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.cli import homes
from tests.cli.homes import Home, digests, write_list


def test_init_makes_a_home_that_works(tmp_path: Path) -> None:
    path = tmp_path / "home"
    secret = tmp_path / "secret"
    secret.write_text("correct horse battery\n")
    home = Home(path, "se-polisen")
    words = ["--agency", "se-polisen", "--name", "Polisen", "--country", "SE"]
    made = home.json("init", *words, "--passphrase-file", str(secret))
    assert made == {
        "agency": "se-polisen",
        "home": str(path),
        "fingerprint": home.fingerprint,
        "card": str(path / "card.json"),
        "passphrase_file": str(secret),
    }
    assert home.json("status")["agency"] == "se-polisen"
    assert home.error("init", *words)[:2] == ("home-exists", 4)


def test_init_without_a_terminal_writes_a_passphrase_and_says_so(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", "no-kripos")
    words = ["--agency", "no-kripos", "--name", "Kripos", "--country", "NO"]
    result = home.run("init", *words)
    assert result.exit_code == 0
    written = home.path / "passphrase"
    assert str(written) in result.stdout
    assert "random passphrase" in result.stdout
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert written.read_text().strip() not in result.output
    assert home.json("doctor")["ok"] is True


@pytest.mark.parametrize(
    "words",
    [
        ["--agency", "nl police", "--name", "x", "--country", "NL"],
        ["--agency", "nl", "--name", "x", "--country", "Netherlands"],
        ["--agency", "nl", "--name", "", "--country", "NL"],
        ["--agency", "nl", "--name", "x", "--country", "NL", "--endpoint", "nowhere"],
        ["--agency", "nl", "--name", "x", "--country", "NL", "--passphrase-file", "/no/such"],
    ],
)
def test_init_refuses_what_no_card_may_hold_and_leaves_no_home(
    words: list[str], tmp_path: Path
) -> None:
    home = Home(tmp_path / "home", "x")
    result = home.run("init", *words)
    assert result.exit_code == 2, result.output
    assert home.error("status")[:2] == ("no-home", 3)


@pytest.mark.parametrize(
    "command", [["status"], ["peer", "list"], ["match", "a", "--agreement", "b"]]
)
def test_without_a_home_every_command_says_so(command: list[str], tmp_path: Path) -> None:
    code, exit_code, hint = Home(tmp_path / "none", "x").error(*command)
    assert (code, exit_code) == ("no-home", 3)
    assert "init" in hint


def test_the_card_is_json_in_both_forms(nl: Home, tmp_path: Path) -> None:
    plain = nl.run("peer", "card")
    assert json.loads(plain.stdout) == nl.json("peer", "card")
    card = nl.json("peer", "card")
    assert card["agency"] == "nl-police"
    assert card["fingerprint"] == nl.fingerprint
    assert card["endpoint"].startswith("127.0.0.1:")


def test_a_card_is_accepted_from_a_file_and_from_standard_input(
    prepared: tuple[Home, Home], tmp_path: Path
) -> None:
    third = homes.make(tmp_path / "third", "be-police", "BE")
    nl = prepared[0].copied(tmp_path / "nl")
    saved = tmp_path / "card.json"
    saved.write_text(third.run("peer", "card").stdout)
    fingerprint = third.fingerprint.lower().replace("-", " ")
    view = nl.json("peer", "add", str(saved), "--fingerprint", fingerprint)
    assert (view["agency"], view["status"]) == ("be-police", "active")
    again = nl.json("peer", "add", "-", "--fingerprint", fingerprint, stdin=saved.read_text())
    assert again["agency"] == "be-police"
    assert [each["agency"] for each in nl.json("peer", "list")["peers"]] == ["be-police", "de-bka"]


def test_a_wrong_card_or_fingerprint_is_refused(nl: Home, de: Home, tmp_path: Path) -> None:
    wrong = nl.fingerprint
    assert nl.error("peer", "add", str(de.card), "--fingerprint", wrong)[:2] == (
        "fingerprint-mismatch",
        7,
    )
    assert nl.error("peer", "add", str(de.card), "--fingerprint", "ABCD")[0] == "bad-fingerprint"
    assert nl.error("peer", "add", str(nl.card), "--fingerprint", wrong)[0] == "own-card"
    for name, content in {"empty": b"", "pdf": b"%PDF-1.7", "list": b"[]"}.items():
        (tmp_path / name).write_bytes(content)
        assert nl.error("peer", "add", str(tmp_path / name), "--fingerprint", wrong)[1] in (2, 7)
    assert nl.error("peer", "add", "/no/such", "--fingerprint", wrong)[:2] == ("cannot-read", 2)
    assert nl.error("peer", "add", str(tmp_path), "--fingerprint", wrong)[:2] == ("cannot-read", 2)
    (tmp_path / "big").write_bytes(b" " * 2_000_000)
    assert nl.error("peer", "add", str(tmp_path / "big"), "--fingerprint", wrong)[:2] == (
        "file-too-large",
        2,
    )


def test_a_peer_is_suspended_resumed_and_revoked_for_good(nl: Home) -> None:
    assert nl.json("peer", "suspend", "de-bka")["status"] == "suspended"
    assert nl.error("peer", "suspend", "de-bka")[:2] == ("peer-status", 4)
    assert nl.json("peer", "resume", "de-bka")["status"] == "active"
    assert nl.json("peer", "revoke", "de-bka")["status"] == "revoked"
    assert nl.error("peer", "resume", "de-bka")[:2] == ("peer-status", 4)
    assert nl.error("peer", "suspend", "de-bkaa")[:2] == ("unknown-peer", 3)
    assert "revoked" in nl.run("peer", "list").stdout


def test_an_import_tells_what_it_took(nl: Home, plain_list: Path) -> None:
    document = nl.json("import", str(plain_list), "--collection", "A", "--kind", "series")
    assert (document["rows"], document["items"], document["items_new"]) == (11, 10, 10)
    (report,) = document["imports"]
    assert report["format"] == "plain"
    assert report["coverage"] == {"md5": 10}
    assert sum(report["refusals"].values()) == 1
    assert list(report["refusal_examples"].values()) == [[11]]
    assert len(report["source_sha256"]) == 64
    (held,) = nl.json("collection", "list")["collections"]
    assert (held["name"], held["kind"], held["items"]) == ("A", "series", 10)
    assert held["coverage"] == {"md5": 10}
    again = nl.json("import", str(plain_list), "--collection", "A")
    assert again["imports"][0]["unchanged"] is True
    text = nl.run("import", str(plain_list), "--collection", "A").stdout
    assert "unchanged" in text
    assert "line 11" in text


def test_a_dry_run_changes_nothing(nl: Home, plain_list: Path) -> None:
    document = nl.json("import", str(plain_list), "--collection", "A", "--dry-run")
    assert document["dry_run"] is True
    assert document["items_new"] == 10
    assert nl.json("collection", "list")["collections"] == []
    assert (
        "Nothing was changed"
        in nl.run("import", str(plain_list), "--collection", "A", "--dry-run").stdout
    )


def test_several_files_go_into_one_collection(nl: Home, tmp_path: Path) -> None:
    one = write_list(tmp_path / "one.txt", digests(5))
    two = write_list(tmp_path / "two.txt", digests(5, 3))
    document = nl.json("import", str(one), str(two), "--collection", "A")
    assert [report["items_new"] for report in document["imports"]] == [5, 3]
    assert document["items_new"] == 8
    three = write_list(tmp_path / "three.txt", digests(2, 100))
    document = nl.json("import", str(two), str(three), "--collection", "A", "--replace")
    (report,) = document["imports"]
    assert (report["items"], report["items_new"], report["items_removed"]) == (7, 2, 3)


def test_exclusions_leave_every_collection(nl: Home, tmp_path: Path, plain_list: Path) -> None:
    nl.json("import", str(plain_list), "--collection", "A")
    known = write_list(tmp_path / "known.txt", digests(4))
    document = nl.json("import", str(known), "--exclusions", "NSRL")
    assert document["items_removed"] == 4
    assert nl.json("status")["exclusions"] == {"NSRL": 4}
    assert nl.json("collection", "show", "A")["items"] == 6


def test_what_is_no_list_is_named_and_nothing_is_imported(
    nl: Home, tmp_path: Path, plain_list: Path
) -> None:
    contents = {
        "report.pdf": b"%PDF-1.7\n%\xe2\xe3",
        "photo.jpg": b"\xff\xd8\xff\xe0" + bytes(100),
        "notes.txt": b"call the prosecutor\nbuy milk\n",
        "sheet.xlsx": b"PK\x03\x04" + bytes(100),
        "empty.csv": b"",
        "page.html": b"<!DOCTYPE html><html></html>",
        "cut.json": b'{"@odata.context":"http://x/$metadata#Media","value":[{"MediaID":1,"MD5":"',
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        words = ["import", str(plain_list), str(path), "--collection", "A"]
        result = nl.run(*words)
        assert result.exit_code == 2, (name, result.output)
        assert name in result.stderr
        if name != "cut.json":  # recognised as a list, and found out only when it is read
            assert nl.json("collection", "list")["collections"] == []
    bad = [str(tmp_path / name) for name in ("notes.txt", "sheet.xlsx")]
    told = nl.run("import", *bad, str(plain_list), "--collection", "A", "--dry-run").stderr
    assert "2 of 3 files cannot be used" in told
    assert all(name in told for name in ("notes.txt", "sheet.xlsx"))
    assert nl.error("import", str(tmp_path), "--collection", "A")[0] == "cannot-read-list"
    assert nl.error("import", str(tmp_path / "none"), "--collection", "A")[0] == "cannot-read-list"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "no-target"),
        (["--collection", "A", "--exclusions", "B"], "no-target"),
        (["--exclusions", "B", "--replace"], "no-target"),
        (["--exclusions", "B", "--kind", "case"], "no-target"),
        (["--collection", ""], "bad-collection-name"),
        (["--collection", "a\nb"], "bad-collection-name"),
        (["--collection", "d41d8cd98f00b204e9800998ecf8427e"], "name-like-digest"),
        (["--collection", "A", "--format", "vicz"], "unknown-format"),
        (["--collection", "A", "--kind", "cases"], "usage"),
    ],
)
def test_mistakes_of_an_import(nl: Home, plain_list: Path, words: list[str], code: str) -> None:
    assert nl.error("import", str(plain_list), *words)[:2] == (code, 2)


def test_a_format_that_was_stated_and_is_another_is_refused(nl: Home, plain_list: Path) -> None:
    words = ["import", str(plain_list), "--collection", "A", "--format", "vics"]
    code, exit_code, _ = nl.error(*words)
    assert code in ("not-a-list", "truncated-list")
    assert exit_code == 2
    assert nl.json("collection", "list")["collections"] == []


def test_a_typo_in_a_collection_gets_the_right_name(nl: Home, plain_list: Path) -> None:
    nl.json("import", str(plain_list), "--collection", "Vlinder 2024")
    for wrong in ("vlinder 2024", "Vlinder 2O24", "Vlindr 2024"):
        for words in (["show", wrong], ["remove", wrong]):
            code, exit_code, hint = nl.error("collection", *words)
            assert (code, exit_code) == ("unknown-collection", 3)
            assert hint == "did you mean 'Vlinder 2024'?"
    assert nl.error("collection", "show", "something else")[2] == "run `psihash collection list`"


def test_lookup_takes_any_spelling_and_logs_no_digest(nl: Home, plain_list: Path) -> None:
    nl.json("import", str(plain_list), "--collection", "A")
    found = nl.json("lookup", f"{10:032X}")
    assert found["held"] is True
    assert found["item"]["collections"] == ["A"]
    assert found["digest"] == f"{10:032x}"
    assert nl.json("lookup", f"{11:032x}")["held"] is False
    assert "Held in A." in nl.run("lookup", "0x" + f"{10:032x}").stdout
    assert nl.error("lookup", "abc")[:2] == ("bad-digest", 2)
    entries = nl.json("audit", "show")["entries"]
    looked = [each for each in entries if each["event"] == "consultation"]
    assert [each["local"]["held"] for each in looked] == [True, False, True]
    assert f"{10:032x}" not in json.dumps(entries)


def test_a_removed_collection_is_gone(nl: Home, plain_list: Path) -> None:
    nl.json("import", str(plain_list), "--collection", "A")
    nl.json("import", str(plain_list), "--collection", "B")
    removed = nl.json("collection", "remove", "A")
    assert (removed["items"], removed["items_erased"], removed["revoked"]) == (10, 0, [])
    assert nl.json("collection", "remove", "B")["items_erased"] == 10
    assert nl.json("lookup", f"{1:032x}")["held"] is False
    events = [each["event"] for each in nl.json("audit", "show")["entries"]]
    assert events.count("erasure") == 2


def test_formats_lists_what_import_takes(nl: Home) -> None:
    names = [each["name"] for each in nl.json("formats")["formats"]]
    assert {"vics", "icse", "griffeye", "nsrl-rdsv3", "plain"} <= set(names)
    assert all(name in homes.run("formats").stdout for name in names)


def test_status_counts(nl: Home, plain_list: Path) -> None:
    nl.json("import", str(plain_list), "--collection", "A")
    status = nl.json("status")
    assert (status["items"], status["collections"]) == (10, 1)
    assert status["peers"] == {"active": 1}
    assert status["log"]["entries"] == 3
    assert status["certificate_days_left"] > 80
    assert status["sessions_in_doubt"] == 0
    assert "nl-police" in nl.run("status").stdout


def test_names_that_act_on_a_terminal_are_shown_harmless(nl: Home, tmp_path: Path) -> None:
    vics = {
        "odata.context": "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/1.3.xml/US/$metadata#Cases",
        "value": [
            {
                "CaseID": "1",
                "Media": [
                    {
                        "MediaID": 1,
                        "MD5": f"{1:032x}",
                        "Category": 1,
                        "Series": "evil\x1b]0;x\x07\u202e",
                    }
                ],
            }
        ],
    }
    path = tmp_path / "evil\x1b[31m.json"
    path.write_text(json.dumps(vics))
    result = nl.run("import", str(path), "--collection", "A")
    assert result.exit_code == 0, result.output
    shown = result.output + nl.run("lookup", f"{1:032x}").output + nl.run("audit", "show").output
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "evil" in shown


def test_the_doctor_finds_nothing_wrong_but_an_unreachable_peer(nl: Home) -> None:
    report = nl.json("doctor")
    assert report["ok"] is True
    levels = {each["subject"]: each["level"] for each in report["findings"]}
    native = "by native" in nl.json("status")["group_backend"]
    assert levels.pop("group") == ("ok" if native else "warning")
    assert levels.pop("peer de-bka") == "warning"
    assert set(levels.values()) == {"ok"}


def test_the_doctor_ends_with_4_where_something_must_be_repaired(nl: Home) -> None:
    (nl.path / "keys/signing.key").chmod(0o644)
    report = nl.json("doctor", exit_code=4)
    assert report["ok"] is False
    (found,) = [each for each in report["findings"] if each["level"] == "error"]
    assert found["subject"] == "files"
    assert "chmod 600" in found["hint"]
    result = nl.run("doctor")
    assert result.exit_code == 4
    assert "must be repaired" in result.stdout
    assert result.stderr == ""


def test_the_doctor_has_a_home_to_look_at_even_where_there_is_none(tmp_path: Path) -> None:
    report = Home(tmp_path / "none", "x").json("doctor", exit_code=4)
    assert "no-home" in report["findings"][0]["message"]


def test_renew_makes_a_new_certificate_and_card(nl: Home, de: Home) -> None:
    before = (nl.path / "certificates/tls.pem").read_bytes()
    plain = nl.json("renew")
    assert plain["card_changed"] is False
    assert (nl.path / "certificates/tls.pem").read_bytes() != before
    changed = nl.json("renew", "--contact", "desk@nl.example")
    assert (changed["card_version"], changed["peers_to_tell"]) == (2, ["de-bka"])
    assert changed["fingerprint"] == nl.fingerprint
    assert nl.json("peer", "card")["contact"] == "desk@nl.example"
    assert nl.json("doctor")["ok"] is True
    # The newer card is also accepted by hand, with its own fingerprint.
    de.meet(nl)
    nl.json("renew", "--endpoint", "nowhere", exit_code=2)
    assert nl.json("peer", "card")["version"] == 2


def test_the_log_of_a_node_can_be_read_and_filtered(nl: Home) -> None:
    entries = nl.json("audit", "show")["entries"]
    assert [each["event"] for each in entries] == ["node-created", "peer-added"]
    assert "node-created" in nl.run("audit", "show").stdout
    assert nl.error("audit", "show", "--session", "abcdef")[1] == 3


def test_sessions_that_do_not_exist(nl: Home) -> None:
    assert nl.json("session", "list") == {"sessions": []}
    for words in (["show", "abcdef12"], ["cancel", "abcdef12"]):
        assert nl.error("session", *words)[1] == 3
    assert nl.error("export", "abcdef12", "--format", "csv", "--out", "x")[1] == 3
