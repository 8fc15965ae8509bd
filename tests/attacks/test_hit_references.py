"""A peer that tests guesses against references of hits.

Both sides of a session hold the key that its references are made with. So a reference of a digest
that did not match is an answer to a guess: none may leave, and none that is brought may be known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from psihash.agreement.vocabulary import DataSubject, HandlingCode, Tlp
from psihash.casework import reading
from psihash.casework.corrections import Notice
from psihash.casework.handling import Handling
from psihash.casework.hits import reference
from psihash.casework.pack import Authority, Pack
from psihash.casework.words import HitVerdict, Reason, Urgency, Wanted
from psihash.hashset.model import Digest, Row
from psihash.node.casework import case_documents, case_taking, corrections, followups, hits
from psihash.node.node import Node
from psihash.terms import AlgorithmId, Rung
from tests.followup.test_hostile import seal
from tests.session.lists import digest
from tests.session.nodes import Homes, agree, hold, meet, row

MD5, SHA1 = AlgorithmId.MD5, AlgorithmId.SHA1
MATCHED, PRIVATE = digest(SHA1, 1), digest(SHA1, 900)
"""Two SHA-1 that the victim's lists state beside one MD5; the peer has the first."""


@dataclass
class Played:
    victim: Node
    peer: Node
    session: str

    def name(self, raw: bytes) -> str:
        """A reference as the peer can make it of any guess."""
        return reference(hits.result_key(self.peer, self.session), SHA1, raw)


@pytest.fixture
def played(homes: Homes, tmp_path: Path) -> Iterator[Played]:
    victim, peer = homes.open(tmp_path)
    twice = [
        Row((Digest(MD5, digest(MD5, 1)), Digest(SHA1, raw)), None) for raw in (MATCHED, PRIVATE)
    ]
    # The one that did not match is the item's first, and the one that did is its second.
    hold(victim, "lists", [*reversed(twice), row(2, [SHA1])])
    hold(peer, "lists", [row(number, [SHA1]) for number in (1, 2, 3)])
    agreement = agree(victim, peer, ["lists"], ["lists"], rung=Rung.ITEMS, algorithms=[SHA1])
    ours, theirs = meet(victim, peer, agreement).results()
    assert ours.algorithms[SHA1].matched == theirs.algorithms[SHA1].matched == 2
    yield Played(victim, peer, ours.session)
    for node in (victim, peer):
        node.close()


def test_both_sides_name_the_same_hits(played: Played) -> None:
    expected = {played.name(MATCHED), played.name(digest(SHA1, 2))}
    for node in (played.victim, played.peer):
        known = hits.of_session(node, played.session)
        assert {each for hit in known for each in hit.references} == expected


def written(node: Node, session: str) -> list[Pack | Notice]:
    names = node.stores.sessions.blob_names(session)
    found = [case_documents.kept(node, session, each.removeprefix("case:")) for each in names]
    return [each for each in found if isinstance(each, Pack | Notice)]


def test_no_reference_of_an_unmatched_digest_leaves(played: Played) -> None:
    victim, session = played.victim, played.session
    hits.decide(victim, session, (), HitVerdict.CONFIRMED, "compared", everything=True)
    draft = followups.Draft(
        session=session, hits=(), everything=True, facts="facts", reasons="reasons", offence="abuse"
    )
    followups.request(victim, draft)
    corrections.notify(victim, [PRIVATE.hex()], "", Reason.WRONG, "by mistake")
    left = [
        each
        for document in written(victim, session)
        for each in (
            [name for hit in document.hits for name in hit]
            if isinstance(document, Pack)
            else [name for each in document.sessions for name in each.references]
        )
    ]
    assert played.name(MATCHED) in left
    assert played.name(PRIVATE) not in left


@pytest.mark.parametrize("beside", [False, True])
def test_a_guess_at_an_unmatched_digest_is_answered_like_any_other(
    played: Played, beside: bool
) -> None:
    """It brings a request about the digest that the victim holds beside the one that matched, and
    about one that the victim does not hold; alone, or beside a reference that is known."""
    codes = {}
    for guess in (PRIVATE, digest(SHA1, 901)):
        names = (played.name(MATCHED),) * beside + (played.name(guess),)
        body = seal(played.peer, played.victim.agency, request(played, names).to_bytes())
        (codes[guess],) = case_taking.take_all(played.victim, played.peer.agency, [body])
    assert set(codes.values()) == {"unknown-hit"}


def request(played: Played, names: tuple[str, ...]) -> Pack:
    peer, victim = played.peer, played.victim
    found = Pack(
        **case_documents.heading(peer, victim.agency),
        agreement=peer.stores.sessions.get(played.session).agreement,
        session=played.session,
        hits=(names,),
        wanted=Wanted.CORE_DATA,
        information="",
        purpose="a test",
        case="CASE-1",
        peer_case="",
        facts=("facts",),
        offence="abuse",
        data_subjects=(DataSubject.VICTIM,),
        reasons=("reasons",),
        connection="",
        urgency=Urgency.NORMAL,
        urgency_reason="",
        legal_basis="Art. 1",
        authority=Authority(peer.agency, "BE", ""),
        confirmed_by="analyst",
        confirmed=peer.stamp(),
        handling=Handling(HandlingCode.H2, Tlp.AMBER),
        deadline="",
    )
    return reading.sign(replace(found), peer.keys.signing)


def test_a_notice_about_an_unmatched_digest_reaches_nothing(played: Played) -> None:
    from psihash.casework.corrections import Concerned

    notice = reading.sign(
        Notice(
            **case_documents.heading(played.peer, played.victim.agency),
            reason=Reason.WRONG,
            text=("wrong",),
            sessions=(Concerned(played.session, (played.name(PRIVATE),)),),
        ),
        played.peer.keys.signing,
    )
    body = seal(played.peer, played.victim.agency, notice.to_bytes())
    assert case_taking.take_all(played.victim, played.peer.agency, [body]) == [""]
    assert corrections.marked(played.victim, played.session) == []


def test_the_request_that_is_about_what_matched_is_taken(played: Played) -> None:
    body = seal(
        played.peer, played.victim.agency, request(played, (played.name(MATCHED),)).to_bytes()
    )
    assert case_taking.take_all(played.victim, played.peer.agency, [body]) == [""]
