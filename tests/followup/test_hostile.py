"""A peer that writes what it should not, repeats what it wrote, or brings another's words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.agreement.vocabulary import HandlingCode, Tlp
from psihash.casework import reading, sealed, words
from psihash.casework.answers import Message
from psihash.casework.corrections import Concerned, Notice, NoticeAnswer
from psihash.casework.documents import CaseDocument
from psihash.casework.handling import Handling
from psihash.casework.hits import reference
from psihash.casework.pack import Pack
from psihash.casework.states import Step
from psihash.casework.words import Action, Reason
from psihash.identity import envelopes
from psihash.node.casework import case_documents, case_taking, hits
from psihash.node.node import Node
from psihash.node.peering import contact
from psihash.terms import AlgorithmId
from tests.acceptance.agencies import agree
from tests.followup.conftest import COMMON, PRIVATE, Matched, agreement_of

FREE = Handling(HandlingCode.H0, Tlp.CLEAR)


def seal(node: Node, peer: str, content: bytes, author: str = "") -> bytes:
    """What :func:`case_documents.post` puts into the outbox, for any content."""
    author = author or node.agency
    card = node.directory.peer(peer)
    assert card is not None
    context = sealed.context(author, peer)
    envelope = envelopes.seal_to(card.card.card.keys, content, context)
    return sealed.Sealed(author, peer, envelope).to_bytes()


def sent_bodies(node: Node) -> list[bytes]:
    return [each.body for each in node.stores.outbox.waiting()]


@pytest.fixture
def asked(pair: Matched) -> tuple[Matched, Pack]:
    """A session, confirmed hits, and a request that was taken."""
    session = pair.match()
    pair.confirmed(session)
    made = pair.request(session)
    found = case_documents.kept(pair.node(pair.nl), session, made["follow_up"])
    assert isinstance(found, Pack)
    return pair, found


def taken(pair: Matched, document: CaseDocument) -> str:
    """The code with which de-bka takes a document of nl-police; empty where it does."""
    nl, de = pair.node(pair.nl), pair.node(pair.de)
    body = seal(nl, "de-bka", document.to_bytes())
    (code,) = contact.take(de, "nl-police", [body])
    return code


def resigned(pair: Matched, pack: Pack, **changes: Any) -> Pack:
    """The request with other members, signed by its author again."""
    changed = replace(pack, nonce="ab" * 16, signature=b"", **changes)
    return reading.sign(changed, pair.node(pair.nl).keys.signing)


def test_a_repeated_request_changes_nothing(asked: tuple[Matched, Pack]) -> None:
    pair, pack = asked
    before = pair.de.json("followup", "list")
    entries = pair.de.json("status")["log"]["entries"]
    assert taken(pair, pack) == ""
    assert pair.de.json("followup", "list") == before
    assert pair.de.json("status")["log"]["entries"] == entries


def test_a_repeated_answer_changes_nothing(asked: tuple[Matched, Pack]) -> None:
    pair, pack = asked
    pair.de.json("followup", "answer", pack.id, "--more", "Which device?")
    pair.nl.json("followup", "inform", pack.id, "--text", "A phone.")
    de, nl = pair.node(pair.de), pair.node(pair.nl)
    question = next(
        each for each in de.stores.followups.messages(pack.id) if each.step == "more-information"
    )
    document = case_documents.kept(de, pack.session, question.id)
    assert document is not None
    body = seal(de, "nl-police", document.to_bytes())
    assert contact.take(nl, "de-bka", [body]) == [""]
    (ours,) = pair.nl.json("followup", "list")["follow_ups"]
    assert ours["state"] == "received"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"session": "0" * 64}, "follow-up-session"),
        ({"agreement": "0" * 64}, "follow-up-session"),
        ({"hits": (("0" * 32,),)}, "unknown-hit"),
        ({"recipient": "nl-police"}, "wrong-recipient"),
        ({"author": "fr-police"}, "wrong-author"),
        ({"issued": "2020-01-01T00:00:00Z", "expires": "2020-02-01T00:00:00Z"}, "document-expired"),
        ({"issued": "2098-01-01T00:00:00Z", "expires": "2099-02-01T00:00:00Z"}, "document-early"),
    ],
)  # fmt: skip
def test_a_request_that_may_not_be(
    asked: tuple[Matched, Pack], changes: dict[str, Any], code: str
) -> None:
    pair, pack = asked
    assert taken(pair, resigned(pair, pack, **changes)) == code
    assert len(pair.de.json("followup", "list")["follow_ups"]) == 1
    entries = pair.de.json("audit", "show")["entries"]
    assert any((each["local"] or {}).get("codes") == [code] for each in entries)


def test_a_request_that_was_altered(asked: tuple[Matched, Pack]) -> None:
    pair, pack = asked
    assert taken(pair, replace(pack, purpose="something else")) == "bad-signature"


def test_an_envelope_that_was_altered_or_is_anothers(asked: tuple[Matched, Pack]) -> None:
    pair, pack = asked
    nl, de = pair.node(pair.nl), pair.node(pair.de)
    body = seal(nl, "de-bka", pack.to_bytes())
    value = json.loads(body)
    value["envelope"] = value["envelope"][:-8] + "AAAAAAA="
    altered = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    (code,) = contact.take(de, "nl-police", [altered])
    assert code in ("sealed-broken", "bad-document")
    value["author"] = "fr-police"
    foreign = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    assert contact.take(de, "nl-police", [foreign]) == ["foreign-envelope"]
    # An envelope under our names that nobody closed.
    other = sealed.Sealed("nl-police", "de-bka", b"x" * 5_000).to_bytes()
    (code,) = contact.take(de, "nl-police", [other])
    assert code in ("bad-key-exchange", "sealed-broken")
    assert contact.take(de, "nl-police", [b'{"type":"sealed/1"}']) == ["bad-document"]
    unknown = b'{"author":"nl-police","type":"follow-up/9"}'
    assert contact.take(de, "nl-police", [seal(nl, "de-bka", unknown)]) == ["bad-document"]


def test_guesses_are_not_answered_where_we_did_not_learn(pair: Matched) -> None:
    """A peer that alone learned can make references of guesses: all are taken alike."""
    agreement = agree(pair.nl, pair.de, ["md5"], rung="items", learn="initiator")
    words_ = ("--agreement", agreement, "--rung", "items")
    session = pair.nl.json("match", "de-bka", *words_)["session"]
    pair.confirmed(session)
    made = pair.request(session)
    nl = pair.node(pair.nl)
    pack = case_documents.kept(nl, session, made["follow_up"])
    assert isinstance(pack, Pack)
    key = hits.result_key(nl, session)
    for guess in (PRIVATE["de-bka"], "c" * 32):  # held there, and not
        name = reference(key, AlgorithmId.MD5, bytes.fromhex(guess))
        forged = replace(pack, nonce=guess, hits=((name,),), signature=b"")
        assert taken(pair, reading.sign(forged, nl.keys.signing)) == ""
    shown = pair.de.json("followup", "list")["follow_ups"]
    assert {each["state"] for each in shown} == {"received"}


def test_who_did_not_learn_hears_the_same_of_every_guess(asked: tuple[Matched, Pack]) -> None:
    """Both sides hold the key, so the answer would tell the result that it was not to learn."""
    pair, pack = asked
    agreement = agree(pair.nl, pair.de, ["md5"], rung="items", learn="responder")
    words_ = ("--agreement", agreement, "--rung", "items")
    session = pair.nl.json("match", "de-bka", *words_)["session"]
    nl = pair.node(pair.nl)
    key, codes = hits.result_key(nl, session), []
    for number, guess in enumerate((COMMON[0], PRIVATE["nl-police"], "c" * 32)):
        name = reference(key, AlgorithmId.MD5, bytes.fromhex(guess))
        about = {"session": session, "agreement": agreement, "hits": ((name,),)}
        forged = replace(pack, nonce=f"{number:032x}", signature=b"", **about)
        codes.append(taken(pair, reading.sign(forged, nl.keys.signing)))
    assert codes == ["follow-up-session"] * 3


def test_too_many_open_requests(
    asked: tuple[Matched, Pack], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, pack = asked
    monkeypatch.setattr(words, "OPEN_REQUESTS", 1)
    assert taken(pair, resigned(pair, pack)) == "too-many-follow-ups"
    monkeypatch.setattr(words, "DOCUMENTS_PER_DAY", 1)
    assert taken(pair, resigned(pair, pack)) == "too-many-case-documents"


def message(pair: Matched, pack: Pack, step: Step, author: Node, **changes: Any) -> Message:
    made = Message(
        **case_documents.heading(author, "nl-police" if author.agency == "de-bka" else "de-bka"),
        request=pack.id,
        step=step,
        text=("text",),
        role="analyst",
        handling=FREE,
    )
    return reading.sign(replace(made, **changes), author.keys.signing)


def test_the_other_sides_words_are_refused(asked: tuple[Matched, Pack]) -> None:
    pair, pack = asked
    nl = pair.node(pair.nl)
    for step in (Step.GRANTED, Step.REFUSED, Step.RECEIVED, Step.MORE_INFORMATION):
        assert taken(pair, message(pair, pack, step, nl)) == "follow-up-side"
    assert taken(pair, message(pair, pack, Step.INFORMATION, nl)) == "follow-up-step"
    other = message(pair, pack, Step.WITHDRAWN, nl, request="0" * 64)
    assert taken(pair, other) == "unknown-follow-up"
    (theirs,) = pair.de.json("followup", "list")["follow_ups"]
    assert theirs["state"] == "received"


def test_a_clock_cannot_be_turned_by_the_answerer(asked: tuple[Matched, Pack]) -> None:
    pair, pack = asked
    nl, de = pair.node(pair.nl), pair.node(pair.de)
    again = resigned(pair, pack)
    row = nl.stores.followups.find(pack.id)
    assert row is not None
    nl.stores.followups.add(replace(row, id=again.id, state="requested", received=None, due=None))
    late = message(pair, again, Step.RECEIVED, de, text=(), issued="2020-01-01T00:00:00Z")
    body = seal(de, "nl-police", late.to_bytes())
    assert contact.take(nl, "de-bka", [body]) == [""]
    after = nl.stores.followups.find(again.id)
    assert after is not None
    assert (after.received or "") >= (after.sent or "?")[:19]


def notice(pair: Matched, sessions: tuple[Concerned, ...], by: Node) -> Notice:
    peer = "nl-police" if by.agency == "de-bka" else "de-bka"
    return reading.sign(
        Notice(
            **case_documents.heading(by, peer),
            reason=Reason.WRONG,
            text=("wrong",),
            sessions=sessions,
        ),
        by.keys.signing,
    )


def test_a_notice_touches_sessions_with_its_author_only(pair: Matched) -> None:
    session = pair.match()
    (reference, _) = pair.confirmed(session)
    nl = pair.node(pair.nl)
    unknown = notice(pair, (Concerned("0" * 64, (reference,)),), nl)
    assert taken(pair, unknown) == "correction-session"
    nonsense = notice(pair, (Concerned(session, ("0" * 32,)),), nl)
    assert taken(pair, nonsense) == ""
    (came,) = pair.de.json("correction", "list")["corrections"]
    assert came["hits"] == {}
    assert not any(each["corrected"] for each in pair.de.json("hit", "list")["hits"])
    de = pair.node(pair.de)
    with de.stores.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE sessions SET peer = 'fr-police'")
    assert (
        taken(pair, notice(pair, (Concerned(session, (reference,)),), nl)) == "correction-session"
    )


def test_a_repeated_notice_changes_nothing(pair: Matched) -> None:
    session = pair.match()
    (reference, _) = pair.confirmed(session)
    made = notice(pair, (Concerned(session, (reference,)),), pair.node(pair.nl))
    assert taken(pair, made) == ""
    (came,) = pair.de.json("correction", "list")["corrections"]
    words_ = ("--action", "removed", "--text", "done")
    pair.de.json("correction", "resolve", came["correction"], *words_)
    (before,) = pair.de.json("correction", "list")["corrections"]
    assert taken(pair, made) == ""
    (after,) = pair.de.json("correction", "list")["corrections"]
    assert after == before


def test_answers_to_notices(pair: Matched) -> None:
    session = pair.match()
    pair.de.json("correction", "notify", "--digest", COMMON[0], "--reason", "wrong", "--text", "x")
    nl = pair.node(pair.nl)
    (row,) = pair.node(pair.de).stores.corrections.all()

    def answer(action: Action, of: str = row.id) -> str:
        made = NoticeAnswer(
            **case_documents.heading(nl, "de-bka"), notice=of, action=action, text=(), role="node"
        )
        return taken(pair, reading.sign(made, nl.keys.signing))

    assert answer(Action.RECEIVED, "0" * 64) == "unknown-correction"
    assert answer(Action.RECEIVED) == ""
    assert answer(Action.MARKED) == answer(Action.MARKED) == ""
    assert answer(Action.REMOVED) == "correction-step"
    assert session in pair.de.json("correction", "list")["corrections"][0]["hits"]


def test_what_the_peer_would_not_take_is_said(apart: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nl, de, exchange = apart
    with exchange.serving(nl), exchange.serving(de):
        pair = Matched(nl, de, exchange, agreement_of(nl))
        session = pair.match()
        pair.confirmed(session)
        node = pair.node(de)
        node.stores.keeping.erase_session(session, node.stamp(), [])
        made = pair.request(session)
        assert (made["delivered"], made["state"]) == (False, "not-taken")
        assert "not taken" in nl.run("followup", "list").stdout


def test_no_digest_anywhere(pair: Matched, tmp_path: Path) -> None:
    """In no document, no outbox body, no entry of a log, no row and no error."""
    session = pair.match("records")
    pair.confirmed(session)
    nl, de = pair.node(pair.nl), pair.node(pair.de)
    seen: list[bytes] = []
    for node in (nl, de):
        put = node.stores.outbox.put

        def spy(peer: str, kind: str, body: bytes, *more: Any, put: Any = put) -> int:
            seen.append(body)
            return int(put(peer, kind, body, *more))

        object.__setattr__(node.stores.outbox, "put", spy)
    made = pair.request(session)
    pair.de.json("followup", "answer", made["follow_up"], "--granted", "--attach-note", "known")
    pair.de.json("correction", "notify", "--digest", COMMON[0], "--reason", "wrong", "--text", "x")
    documents = [
        case_documents.kept(node, session, each.removeprefix("case:"))
        for node in (nl, de)
        for each in node.stores.sessions.blob_names(session)
        if each.startswith("case:")
    ]
    assert len(documents) >= 7
    texts = [each.to_bytes() for each in documents if each is not None] + seen
    for home in (pair.nl, pair.de):
        texts.append(json.dumps(home.json("audit", "show")).encode())
        for table in ("hit_decisions", "follow_ups", "follow_up_messages", "corrections",
                      "correction_hits", "outbox"):  # fmt: skip
            with pair.node(home).stores.database.reading() as connection:
                rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            texts.append(repr(rows).encode())
    for digest in (*COMMON, *PRIVATE.values()):
        needles = (digest.encode(), digest.upper().encode(), bytes.fromhex(digest))
        assert not any(needle in text for needle in needles for text in texts)


def test_a_refused_document_leaves_nothing(asked: tuple[Matched, Pack]) -> None:
    pair, pack = asked
    de = pair.node(pair.de)
    before = de.stores.sessions.blob_names(pack.session)
    bad = resigned(pair, pack, hits=(("0" * 32,),))
    body = seal(pair.node(pair.nl), "de-bka", bad.to_bytes())
    with pytest.raises(errors.RefusedError):
        case_taking.take(de, "nl-police", body)
    assert de.stores.sessions.blob_names(pack.session) == before
