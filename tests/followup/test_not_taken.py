"""What the other node does not take comes back to whoever wrote it, with what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from psihash.audit.entry import log_origin
from psihash.casework import words
from psihash.identity import keys
from psihash.identity.cards import make_card
from psihash.node.casework import untaken
from psihash.node.home import files, opening
from psihash.node.peering import contact
from psihash.storage.tables import session_blobs
from tests.acceptance import wire
from tests.cli.homes import Home
from tests.followup.conftest import COMMON, Matched, agreement_of

RESOLVE = ("--action", "removed", "--text", "Taken out of the case.")


@pytest.fixture
def asked(pair: Matched) -> tuple[Matched, str]:
    """nl-police has asked de-bka, whose node has it."""
    session = pair.match()
    pair.confirmed(session)
    return pair, str(pair.request(session)["follow_up"])


def refusing(patch: pytest.MonkeyPatch) -> None:
    """Both nodes take no more documents today."""
    patch.setattr(words, "DOCUMENTS_PER_DAY", 0)


def one(home: Home, request: str) -> dict[str, Any]:
    listed = home.json("followup", "list")["follow_ups"]
    (found,) = [each for each in listed if each["follow_up"] == request]
    return dict(found)


def answer(home: Home, request: str) -> dict[str, Any]:
    words_ = ("--granted", "--attach-note", "The victim is known.")
    return dict(home.json("followup", "answer", request, *words_))


def expect_back(home: Home, request: str) -> None:
    """The answer did not arrive, and the answerer sees it everywhere."""
    shown = one(home, request)
    assert (shown["state"], shown["waits_for"], shown["closed"]) == ("received", "us", None)
    assert shown["refused"] == "too-many-case-documents"
    assert shown["due"] is not None
    assert "NOT TAKE" in shown["standing"]
    text = home.run("followup", "list").stdout
    assert "NOT TAKEN" in text
    assert "Wait a day" in text
    assert (
        "NOT TAKEN there: too-many-case-documents" in home.run("followup", "show", request).stdout
    )
    assert "Wait a day" in home.run("followup", "show", request).stdout
    assert home.json("status")["follow_ups"]["not_taken"] == 1
    assert "NOT TAKEN" in home.run("inbox").stdout


def expect_granted(pair: Matched, request: str) -> None:
    for home in (pair.nl, pair.de):
        shown = one(home, request)
        assert (shown["state"], shown["refused"]) == ("granted", None)
        assert home.json("status")["follow_ups"]["not_taken"] == 0


def test_an_answer_that_was_brought(
    asked: tuple[Matched, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, request = asked
    due = one(pair.de, request)["due"]
    with monkeypatch.context() as patch:
        refusing(patch)
        answer(pair.de, request)
    expect_back(pair.de, request)
    assert one(pair.de, request)["due"] == due, "the clock went on as if nothing had been said"
    assert one(pair.nl, request)["state"] == "received"
    answer(pair.de, request)
    expect_granted(pair, request)


def test_an_answer_that_was_fetched(
    asked: tuple[Matched, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The asker calls, as where the other side cannot: the answerer hears of it all the same."""
    pair, request = asked
    with monkeypatch.context() as patch:
        patch.setattr(contact, "try_sync", lambda *_: False)
        answer(pair.de, request)
    with monkeypatch.context() as patch:
        refusing(patch)
        pair.nl.run("peer", "sync", "de-bka")
    expect_back(pair.de, request)
    answer(pair.de, request)
    expect_granted(pair, request)


def test_a_question_before_stays_as_it_was(
    asked: tuple[Matched, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, request = asked
    pair.de.json("followup", "answer", request, "--more", "Which device?")
    pair.nl.json("followup", "inform", request, "--text", "A phone.")
    due = one(pair.de, request)["due"]
    with monkeypatch.context() as patch:
        refusing(patch)
        pair.de.json("followup", "answer", request, "--refused", "an operation is running")
    expect_back(pair.de, request)
    assert one(pair.de, request)["due"] == due


def test_a_withdrawal(asked: tuple[Matched, str], monkeypatch: pytest.MonkeyPatch) -> None:
    pair, request = asked
    with monkeypatch.context() as patch:
        refusing(patch)
        pair.nl.json("followup", "withdraw", request, "--reason", "solved")
    shown = one(pair.nl, request)
    assert (shown["state"], shown["waits_for"]) == ("received", "us")
    assert "waits for us to say it again" in shown["standing"]
    pair.nl.json("followup", "withdraw", request, "--reason", "solved")
    assert one(pair.de, request)["state"] == "withdrawn"


def test_a_request(pair: Matched, monkeypatch: pytest.MonkeyPatch) -> None:
    session = pair.match()
    pair.confirmed(session)
    with monkeypatch.context() as patch:
        refusing(patch)
        request = pair.request(session)["follow_up"]
    shown = one(pair.nl, request)
    assert (shown["state"], shown["refused"]) == ("not-taken", "too-many-case-documents")
    assert "Wait a day" in shown["advice"]
    assert pair.nl.json("status")["follow_ups"]["not_taken"] == 1


def test_what_was_done_about_a_notice(pair: Matched, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.match()
    words_ = ("--digest", COMMON[0], "--reason", "wrong", "--text", "by mistake")
    pair.de.json("correction", "notify", *words_)
    (came,) = pair.nl.json("correction", "list")["corrections"]
    with monkeypatch.context() as patch:
        refusing(patch)
        pair.nl.json("correction", "resolve", came["correction"], *RESOLVE)
    (back,) = pair.nl.json("correction", "list")["corrections"]
    assert (back["state"], back["action"]) == ("open", None)
    assert back["refused"] == "too-many-case-documents"
    assert "NOT TAKEN" in pair.nl.run("correction", "list").stdout
    assert "Wait a day" in pair.nl.run("correction", "show", came["correction"]).stdout
    pair.nl.json("correction", "resolve", came["correction"], *RESOLVE)
    (ours,) = pair.de.json("correction", "list")["corrections"]
    assert (ours["state"], ours["action"]) == ("resolved", "removed")
    (done,) = pair.nl.json("correction", "list")["corrections"]
    assert (done["state"], done["refused"]) == ("resolved", None)


def test_a_code_is_all_that_is_kept_of_a_peers_words() -> None:
    assert contact._plain("follow-up-step") == "follow-up-step"
    for text in ("", "Call me at 555", "x" * 65, "a\nb", "<b>"):
        assert contact._plain(text) == "declined"
    assert untaken.advice("never-heard-of", "de-bka") == "Call them and name the code."
    assert untaken.advice(None, "de-bka") == ""


# -- sealing keys that change -----------------------------------------------------------------


def change_sealing_keys(home: Home, *, told: bool) -> None:
    """What an agency does whose sealing keys were lost or stolen: new ones on a newer card, signed
    by the same signing key; ``told``: the card waits for the peer."""
    node = opening.open_node(home.path)
    ring = replace(
        node.keys,
        sealing_x25519=X25519PrivateKey.generate(),
        sealing_mlkem768=MLKEM768PrivateKey.generate(),
    )
    card = make_card(
        ring.signing,
        ring.card_keys(log_origin(node.agency)),
        version=node.card.version + 1,
        agency=node.agency,
        name=node.card.name,
        country=node.card.country,
        ca_pem=node.ca_pem,
        now=node.now(),
        endpoint=node.card.endpoint,
    )
    files.write(node.home, files.KEY_BOX, keys.seal_keys(ring))
    with node.stores.database.transaction():
        node.stores.witnessing.keep_own_card(node.card.version, node.card.encoded)
        if told:
            node.stores.outbox.put("nl-police", contact.CARD_KIND, card.encoded, node.stamp())
    opening.write_card(node.home, card)
    node.close()


@pytest.mark.parametrize("first", ["nl-police", "de-bka"])
def test_what_waits_is_sealed_to_the_new_keys(
    apart: tuple[Home, Home, wire.Exchange], monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Whoever calls first: the asker, whose document is closed to the old keys, or the other."""
    nl, de, exchange = apart
    with exchange.serving(nl), exchange.serving(de):
        pair = Matched(nl, de, exchange, agreement_of(nl))
        session = pair.match()
        pair.confirmed(session)
    with monkeypatch.context() as patch:
        patch.setattr(contact, "try_sync", lambda *_: False)
        request = pair.request(session)["follow_up"]
    change_sealing_keys(de, told=True)
    with exchange.serving(nl), exchange.serving(de):
        caller, other = (nl, "de-bka") if first == "nl-police" else (de, "nl-police")
        caller.run("peer", "sync", other)
        shown = one(nl, request)
        assert (shown["state"], shown["refused"]) == ("received", None)
        said = de.json("followup", "show", request)["request"]
        assert said["facts"][0] == "Images were seized in Utrecht."


def test_what_cannot_be_sealed_anew_is_said_loudly(
    apart: tuple[Home, Home, wire.Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, de, exchange = apart
    with exchange.serving(nl), exchange.serving(de):
        pair = Matched(nl, de, exchange, agreement_of(nl))
        session = pair.match()
        pair.confirmed(session)
        request = pair.request(session)["follow_up"]
        with monkeypatch.context() as patch:
            patch.setattr(contact, "try_sync", lambda *_: False)
            pair.de.json("followup", "answer", request, "--more", "Which device?")
        pair.nl.json("peer", "sync", "de-bka")
        with monkeypatch.context() as patch:
            patch.setattr(contact, "try_sync", lambda *_: False)
            pair.nl.json("followup", "inform", request, "--text", "A phone.")
    node = opening.open_node(nl.path)
    (waiting,) = node.stores.outbox.waiting("de-bka")
    with node.stores.database.transaction() as connection:
        connection.execute(session_blobs.delete().where(session_blobs.c.name == waiting.kind))
    node.close()
    change_sealing_keys(de, told=True)
    with exchange.serving(nl), exchange.serving(de):
        de.json("peer", "sync", "nl-police")
        shown = one(nl, request)
        assert (shown["state"], shown["refused"]) == ("more-information", "peer-keys-changed")
        assert "keys have changed" in shown["advice"]
        assert nl.json("status")["follow_ups"]["not_taken"] == 1
        nl.json("followup", "inform", request, "--text", "A phone.")
        assert one(de, request)["state"] == "received"


def test_keys_that_the_card_does_not_tell_of_are_named(
    apart: tuple[Home, Home, wire.Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, de, exchange = apart
    with exchange.serving(nl), exchange.serving(de):
        pair = Matched(nl, de, exchange, agreement_of(nl))
        session = pair.match()
        pair.confirmed(session)
    change_sealing_keys(de, told=False)
    with exchange.serving(nl), exchange.serving(de):
        request = pair.request(session)["follow_up"]
        shown = one(nl, request)
        assert (shown["state"], shown["refused"]) == ("not-taken", "sealed-broken")
        assert "keys have changed" in shown["advice"]
