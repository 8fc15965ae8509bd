"""Real sessions of two nodes: their bundles hold, tell the same, and every edit of one is found."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.audit.trust import Cosigned, Trust, joined
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.oversight import verifying
from tests.acceptance import agencies, wire
from tests.audit import forging
from tests.cli import homes
from tests.cli.homes import Home, digests, write_list


@dataclass
class Pair:
    nl: Home
    be: Home
    session: str
    cards: list[str]

    def out(self, name: str) -> Path:
        return self.nl.path.parent / name


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two agencies after some sessions."""
    root = tmp_path_factory.mktemp("pair")
    with pytest.MonkeyPatch.context() as patch:
        homes.quick_keys(patch)
        nl = homes.make(root / "nl", "nl-police", "NL")
        be = homes.make(root / "be", "de-bka", "DE")
        nl.meet(be)
        be.meet(nl)
        for home, start in ((nl, 0), (be, 60)):
            agencies.import_list(home, write_list(root / f"{start}.txt", digests(120, start)))
        exchange = wire.connect(patch)
        with exchange.serving(nl), exchange.serving(be):
            agreement = agencies.agree(nl, be, ["md5"])
            first = nl.json("match", "de-bka", "--agreement", agreement[:12], "--rung", "items")
            nl.json("match", "de-bka", "--agreement", agreement[:12], "--rung", "records")
        yield Pair(nl, be, first["session"], [str(nl.card), str(be.card)])


@pytest.fixture
def pair(prepared: Pair, tmp_path: Path) -> Pair:
    """Copies, to spoil."""
    nl = prepared.nl.copied(tmp_path / "nl")
    be = prepared.be.copied(tmp_path / "be")
    return Pair(nl, be, prepared.session, [str(nl.card), str(be.card)])


def export(home: Home, out: Path, *words: str) -> Path:
    home.json("audit", "export", "--out", str(out), *words)
    return out


def trusting(pair: Pair) -> list[str]:
    return [word for card in pair.cards for word in ("--trust", card)]


def anywhere(pair: Pair, *words: str, exit_code: int = 0) -> Any:
    """A command on a machine without a home."""
    nowhere = Home(pair.nl.path.parent / "nowhere", "")
    found = nowhere.json(*words, exit_code=exit_code)
    assert not nowhere.path.exists()
    return found


def test_the_sessions_heads_were_cosigned_on_both_sides(pair: Pair) -> None:
    for home, other in ((pair.nl, "de-bka"), (pair.be, "nl-police")):
        verdict = home.json("audit", "verify")
        assert verdict["ok"]
        assert [each["by"] for each in verdict["cosigned"]] == [f"psihash/cosigner/{other}"]


def test_a_bundle_of_the_whole_log_holds_anywhere(pair: Pair) -> None:
    bundle = export(pair.nl, pair.out("nl.bundle"))
    found = anywhere(pair, "audit", "verify", str(bundle), *trusting(pair))
    assert (found["ok"], found["unsigned"], found["origin"]) == (True, 0, "psihash/log/nl-police")
    assert found["cosigned"][0]["by"] == "psihash/cosigner/de-bka"
    assert found["entries"] == found["size"]
    key_only = anywhere(pair, "audit", "verify", str(bundle), "--trust", pair.cards[0])
    assert (key_only["cosigned"], len(key_only["unknown_cosigners"])) == ([], 1)
    refused = anywhere(pair, "audit", "verify", str(bundle), exit_code=7)
    assert refused["error"]["code"] == "bundle-not-trusted"


def test_in_the_partners_home_the_trust_is_there(pair: Pair) -> None:
    bundle = export(pair.nl, pair.out("nl.bundle"))
    found = pair.be.json("audit", "verify", str(bundle))
    assert found["held_by_others"] >= 1
    text = pair.be.run("audit", "verify", str(bundle)).stdout
    assert "The bundle holds." in text
    assert "Cosigned by psihash/cosigner/de-bka" in text


def test_since_a_time(pair: Pair) -> None:
    shown = pair.nl.json("audit", "show")["entries"]
    time = shown[5]["time"]
    bundle = export(pair.nl, pair.out("nl.bundle"), "--since", time)
    found = anywhere(pair, "audit", "verify", str(bundle), *trusting(pair))
    assert found["entries"] < found["size"] == len(shown)
    assert found["first_time"] == time


def test_the_two_tell_the_same_story(pair: Pair) -> None:
    ours = export(pair.nl, pair.out("ours"), "--peer", "de-bka")
    theirs = export(pair.be, pair.out("theirs"), "--peer", "nl-police")
    found = anywhere(pair, "audit", "compare", str(ours), str(theirs), *trusting(pair))
    assert (found["ok"], found["sessions"]) == (True, 2)
    assert found["entries"] >= 4
    whole = export(pair.be, pair.out("whole"))
    again = pair.nl.json("audit", "compare", str(ours), str(whole))
    assert again["sessions"] == 2
    assert "identical" in pair.nl.run("audit", "compare", str(ours), str(theirs)).stdout


def test_a_bundle_for_the_peer_tells_it_nothing_else(pair: Pair) -> None:
    bundle = export(pair.nl, pair.out("peer"), "--peer", "de-bka")
    found = pair.be.json("audit", "verify", str(bundle))
    assert found["withheld_local"] == found["entries"] > 0
    import base64

    text = bundle.read_text()
    decoded = b"".join(
        base64.b64decode(word)
        for line in text.splitlines()
        if line.startswith("entry ")
        for word in line.split(" ")[1:]
        if word not in ("-", "=")
    )
    for secret in (b"actor", b"own_items", b"legal_basis", b"Operation Lantern"):
        assert secret not in decoded


def edited(pair: Pair, home: Home, change: Any) -> Path:
    """A peer bundle of an agency that edits its own shared entries and seals them again: here by
    changing what the log records as it happens."""
    node = opening.open_node(home.path)
    try:
        change(node)
    finally:
        node.close()
    other = "de-bka" if home is pair.nl else "nl-police"
    return export(home, pair.out("edited"), "--peer", other)


def differs(pair: Pair, ours: Path, theirs: Path) -> str:
    answer = anywhere(
        pair, "audit", "compare", str(ours), str(theirs), *trusting(pair), exit_code=7
    )
    assert answer["error"]["code"] == "logs-differ"
    return str(answer["error"]["message"])


def test_a_session_that_one_log_does_not_have_is_named(pair: Pair) -> None:
    from psihash.audit.event import Event

    ours = export(pair.nl, pair.out("ours"), "--peer", "de-bka")

    def invent(node: Node) -> None:
        shared = {"session": "77" * 32, "initiator": "nl-police", "responder": "de-bka"}
        node.record(Event.SESSION_OPEN, {"peer": "nl-police"}, shared)

    theirs = edited(pair, pair.be, invent)
    assert "777777777777 is missing in ours" in differs(pair, ours, theirs)
    assert "777777777777 is missing in theirs" in differs(pair, theirs, ours)


def test_another_word_or_event_about_a_session_is_named(pair: Pair) -> None:
    from psihash.audit.event import Event

    ours = export(pair.nl, pair.out("ours"), "--peer", "de-bka")

    def again(node: Node) -> None:
        shared = {"session": pair.session, "outcome": "aborted"}
        node.record(Event.SESSION_ABORT, {"peer": "nl-police"}, shared)

    theirs = edited(pair, pair.be, again)
    said = differs(pair, ours, theirs)
    assert f"{pair.session[:12]}: its session-abort is missing in ours" in said


def test_another_number_of_disclosed_matches_is_named(pair: Pair) -> None:
    from psihash.audit.event import Event

    ours = export(pair.nl, pair.out("ours"), "--peer", "de-bka")

    def more(node: Node) -> None:
        shared = {"session": pair.session, "what": "labels", "matches": 9, "by": "de-bka"}
        node.record(Event.DISCLOSURE, {"peer": "nl-police"}, shared)

    said = differs(pair, ours, edited(pair, pair.be, more))
    assert "its disclosure says different things" in said
    assert "matches" in said


def test_the_evidence_of_a_session(pair: Pair) -> None:
    bundle = pair.out("session")
    words = ["audit", "session", pair.session[:10], "--recompute", "--out", str(bundle)]
    found = pair.nl.json(*words)
    assert found["evidence"]["receipts"] == 2
    assert found["evidence"]["agreement_documents"] >= 4
    assert found["recomputed"] == {"roots": 1, "digests": 120, "erased": 0}
    again = anywhere(pair, "audit", "verify", str(bundle), *trusting(pair))
    assert again["evidence"] == found["evidence"]
    assert again["session"] == pair.session
    text = pair.nl.run("audit", "session", pair.session, "--recompute").stdout
    assert "commitments were hashed again" in text


@pytest.mark.parametrize("known", [True, False])
def test_evidence_signed_by_a_key_that_only_its_maker_names(pair: Pair, known: bool) -> None:
    """The forger makes up a session with its partner, receipt of the partner's included."""
    node = opening.open_node(pair.nl.path)
    try:
        bundle = forging.evidence_of_nothing(node, pair.session, pair.out("forged"))
    finally:
        node.close()
    if known:
        words = ["audit", "verify", str(bundle)]
        refused = anywhere(pair, *words, *trusting(pair), exit_code=7)
        assert refused["error"]["code"] == "evidence-contradicts"
        assert pair.be.error(*words)[:2] == ("evidence-contradicts", 7)
        return
    # Without the partner's card nothing of its is proven, and that is said.
    found = anywhere(pair, "audit", "verify", str(bundle), "--trust", pair.cards[0])["evidence"]
    assert (found["receipts"], found["receipts_unchecked"]) == (1, 1)
    assert found["unknown_agencies"] == ["de-bka"]
    assert found["terms_signed_by"] == ["nl-police"]
    nowhere = Home(pair.nl.path.parent / "nowhere", "")
    text = nowhere.run("audit", "verify", str(bundle), "--trust", pair.cards[0]).stdout
    assert "NOT CHECKED: 1 receipts" in " ".join(text.split())


def test_the_evidence_brings_the_partners_cards(pair: Pair) -> None:
    bundle = export(pair.nl, pair.out("session"), "--session", pair.session)
    assert "document card/0 " in bundle.read_text()
    assert "document card/1 " not in bundle.read_text()


@pytest.mark.parametrize("made", ["2000-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"])
def test_a_log_written_anew_is_found_in_the_home_that_cosigned_another(
    pair: Pair, made: str
) -> None:
    node = opening.open_node(pair.nl.path)
    try:
        bundle = forging.log_written_anew(node, made, pair.out("anew"))
    finally:
        node.close()
    assert pair.be.error("audit", "verify", str(bundle))[:2] == ("log-forked", 7)
    ours = export(pair.be, pair.out("ours"), "--peer", "nl-police")
    assert pair.be.error("audit", "compare", str(ours), str(bundle))[0] == "log-forked"
    assert pair.be.run("audit", "compare", str(ours), str(bundle)).exit_code == 7


def test_every_bundle_holds_in_the_partners_home_right_after_a_session(pair: Pair) -> None:
    """What the partner cosigned last it may not have handed over yet."""
    time = pair.nl.json("audit", "show")["entries"][-2]["time"]
    for name, *words in (
        ("all",),
        ("late", "--since", time),
        ("peer", "--peer", "de-bka"),
        ("late-peer", "--peer", "de-bka", "--since", "2020-01-01"),
        ("session", "--session", pair.session),
    ):
        bundle = export(pair.nl, pair.out(name), *words)
        found = pair.be.json("audit", "verify", str(bundle))
        assert found["held_by_others"] >= 1, name
        assert (found["held_newer"], found["held_unproven"]) == (0, 0), name
        offline = anywhere(pair, "audit", "verify", str(bundle), *trusting(pair))
        assert offline["held_by_others"] == 0
    nowhere = Home(pair.nl.path.parent / "nowhere", "")
    said = nowhere.run("audit", "verify", str(bundle), *trusting(pair)).stdout
    assert "NO HEAD THAT OTHERS HOLD WAS COMPARED" in said


def test_an_older_bundle_holds_and_says_that_heads_are_newer(pair: Pair) -> None:
    bundle = export(pair.nl, pair.out("old"))
    node = opening.open_node(pair.be.path)
    try:
        trust, later = verifying.home_trust(node), int(node.now().timestamp()) + 7200
    finally:
        node.close()
    newer = Cosigned("psihash/log/nl-police", 10_000, bytes(32), later)
    found = verifying.verify_file(bundle, joined([trust, Trust(cosigned=(newer,))]))
    assert (found["held_newer"], found["held_newest"]) == (1, 10_000)
    assert found["held_by_others"] >= 1


def test_a_set_that_was_changed_does_not_give_the_logged_root(pair: Pair) -> None:
    import sqlite3

    with sqlite3.connect(pair.nl.path / "psihash.db") as store:
        (blob,) = store.execute("SELECT digests FROM commitment_chunks").fetchone()
        store.execute(
            "UPDATE commitment_chunks SET digests = ?", (bytes([blob[0] ^ 1]) + blob[1:],)
        )
    store.close()
    code, exit_code, _ = pair.nl.error("audit", "session", pair.session, "--recompute")
    assert (code, exit_code) == ("root-differs", 7)


def test_a_removed_row_is_found_in_the_bundle_of_the_log_that_lost_it(pair: Pair) -> None:
    import sqlite3

    with sqlite3.connect(pair.nl.path / "psihash.db") as store:
        store.execute("UPDATE log_entries SET local = x'7b7d' WHERE seq = 3")
    store.close()
    code, exit_code, _ = pair.nl.error("audit", "verify")
    assert (code, exit_code) == ("entry-changed", 7)


def test_a_bundle_never_replaces_a_file(pair: Pair) -> None:
    bundle = export(pair.nl, pair.out("nl.bundle"))
    before = bundle.read_bytes()
    code, _, _ = pair.nl.error("audit", "export", "--out", str(bundle))
    assert code == "bundle-unwritable"
    assert bundle.read_bytes() == before


def test_words_that_make_no_sense(pair: Pair) -> None:
    out = str(pair.out("x"))
    assert pair.nl.error("audit", "export", "--out", out, "--since", "soon")[0] == "usage"
    assert pair.nl.error("audit", "export", "--out", out, "--peer", "xx")[0] == "unknown-peer"
    both = ("--session", pair.session, "--peer", "de-bka")
    assert pair.nl.error("audit", "export", "--out", out, *both)[0] == "usage"
    assert pair.nl.error("audit", "verify", "--trust", pair.cards[0])[0] == "usage"
    assert pair.nl.error("audit", "verify", out)[0] == "bundle-unreadable"
    bundle = export(pair.nl, pair.out("nl.bundle"))
    assert (
        pair.nl.error("audit", "compare", str(bundle), str(bundle))[0] == "bundles-not-comparable"
    )


def test_incidents_on_the_command_line(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The partner restores an old backup and goes on: sessions stop until somebody decides."""
    old = pair.be.copied(pair.out("old-be"))
    exchange = wire.connect(monkeypatch)
    with exchange.serving(pair.be):
        pair.nl.json("audit", "cosign", "de-bka")
        pair.be.json(
            "import",
            str(write_list(pair.out("l.txt"), digests(3, 900))),
            "--collection",
            "N",
            "--kind",
            "case",
        )
        found = pair.nl.json("audit", "cosign", "de-bka")
        assert found["peer_size"] > 0
    with exchange.serving(old):
        code, exit_code, _ = pair.nl.error("audit", "cosign", "de-bka")
        assert (code, exit_code) == ("checkpoint-rolled-back", 7)
        (incident,) = pair.nl.json("audit", "incident", "list", "--open")["incidents"]
        assert (incident["agency"], incident["kind"]) == ("de-bka", "rolled-back")
        agreement = pair.nl.json("agreement", "list")["agreements"][0]["agreement"]
        answer = pair.nl.run("--json", "match", "de-bka", "--agreement", agreement[:12])
        assert answer.exit_code != 0
        decided = ["audit", "incident", "resolve", incident["id"][:8], "--reason", "a backup"]
        pair.nl.json(*decided, "--take-shown")
        assert pair.nl.json("audit", "incident", "list", "--open")["incidents"] == []
        pair.nl.json("audit", "cosign", "de-bka")
        assert "decided" in pair.nl.run("audit", "incident", "list").stdout
    # What was cosigned of the branch that was given up is held against nobody.
    for name, words in (("went-on", ()), ("went-on-peer", ("--peer", "nl-police"))):
        bundle = export(old, pair.out(name), *words)
        assert pair.nl.json("audit", "verify", str(bundle))["held_by_others"] >= 1
    shutil.rmtree(old.path)


def test_trust_and_a_changed_bundle_by_the_library_too(pair: Pair) -> None:
    bundle = export(pair.nl, pair.out("nl.bundle"))
    trust = verifying.anchors(pair.cards)
    assert verifying.verify_file(bundle, trust)["ok"]
    data = bundle.read_bytes()
    bundle.write_bytes(data[:-200])
    with pytest.raises(errors.VerificationError):
        verifying.verify_file(bundle, trust)
