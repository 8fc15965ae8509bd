"""Every clause of an agreement, violated: by whoever opens a session, by whoever answers, and by a
peer whose own checks are off. ``docs/clauses.md`` has the table; it and this file are compared.

A clause that the other side can see is refused there, by its name, and both logs say so. What the
other side cannot see is in ``test_clause_bounds``: there the attacker gains what the table says.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from psihash import errors
from psihash.agreement.approvals import rule_from_words
from psihash.agreement.document_model import Annex, Offered
from psihash.agreement.documents import new_collection_id, sign_document
from psihash.agreement.proposal import build_terms, party_of
from psihash.agreement.terms import Terms, parse_terms, terms_dict
from psihash.agreement.times import add_days
from psihash.agreement.vocabulary import DataSubject, HandlingCode, OpenedBy, Tlp
from psihash.node.agreeing import documents
from psihash.node.oversight import auditing
from psihash.node.peering import contact
from psihash.session import messages as m
from psihash.session.deal import Deal, signed_transcript
from psihash.session.initiator import Initiator
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung, SessionRole
from tests.architecture.repository import ROOT
from tests.attacks.believers import (
    Change,
    Nodes,
    attack,
    charged,
    incident_codes,
    last_code,
    made,
)
from tests.node.keeping import SetClock
from tests.session.nodes import Homes, hold, meet, refused_codes, row

MD5, SHA1 = AlgorithmId.MD5, AlgorithmId.SHA1
BOTH = (MD5, SHA1)
COUNT, SERIES, ITEMS, RECORDS = Rung
ECDH = "ecdh-ristretto255/1"
INITIATOR, RESPONDER = SessionRole
PERSON, AGREED = rule_from_words("person"), rule_from_words("agreed")


@pytest.fixture
def two(homes: Homes, tmp_path: Path) -> Iterator[Nodes]:
    """Nodes of its own for each test: a modified peer leaves documents behind that are refused."""
    nodes = homes.open(tmp_path)
    stock(nodes)
    yield nodes
    for node in nodes:
        node.close()


def stock(nodes: Nodes) -> None:
    for node, numbers in zip(nodes, (range(30), range(20, 50)), strict=True):
        hold(node, "lists", [row(number, BOTH) for number in numbers])


# -- clauses that the other side sees, in a session ----------------------------------------------


def offering(**changes: Any) -> Callable[[Any], Any]:
    """The same in an offer and in an acceptance."""

    def change(body: Any) -> Any:
        return replace(body, **changes) if isinstance(body, m.Offer | m.Accept) else body

    return change


@dataclass(frozen=True)
class Violation:
    """A session against one clause."""

    code: str
    terms: Change = field(default_factory=dict)
    """What was agreed."""
    beliefs: Change = field(default_factory=dict)
    """What the modified peer takes it for."""
    message: Callable[[Any], Any] | None = None
    """Or what it sends in place of the true message."""
    asks: Change = field(default_factory=dict)
    """What the session is to be."""
    before: int = 0
    """Sessions that were run, as agreed, before."""
    turned: bool = False
    """The side that did not write the terms opens."""


TOO_LONG = offering(classes=(m.SetClass(MD5, 128),))
CASES = {"nl-police": "NL-7", "be-police": "BE-9"}
RISE = {"rung": RECORDS, "approvals": dict.fromkeys(Rung, AGREED)}

BY_INITIATOR: dict[str, Violation] = {
    "rung": Violation("clause-rung", {"rung": COUNT}, RISE, asks={"rung": ITEMS}),
    "rung, records": Violation("clause-rung", {"rung": ITEMS}, RISE, asks={"rung": RECORDS}),
    "learn": Violation(
        "clause-learn", {"learn": Learn.RESPONDER}, {"learn": Learn.BOTH},
        asks={"learn": Learn.BOTH},
    ),
    "learn, alone": Violation(
        "clause-learn", {"learn": Learn.BOTH}, {"learn": Learn.INITIATOR},
        asks={"learn": Learn.INITIATOR},
    ),
    "engines": Violation(
        "clause-engine", {"engines": ["openmined-p256/1"]}, {"engines": ("any",)}
    ),
    "algorithms": Violation(
        "clause-algorithm", {"algorithms": [MD5]}, {"algorithms": BOTH}, asks={"algorithms": BOTH}
    ),
    "opened_by": Violation(
        "clause-opener", {"opened_by": OpenedBy.OTHER}, {"opened_by": OpenedBy.EITHER}
    ),
    "opened_by, turned": Violation(
        "clause-opener", {"opened_by": OpenedBy.PROPOSER}, {"opened_by": OpenedBy.EITHER},
        turned=True,
    ),
    "max_size_class": Violation("clause-size", {"max_size_class": 108}, message=TOO_LONG),
    "sessions_per_period": Violation(
        "clause-sessions", {"sessions_per_period": 1}, {"sessions_per_period": 9}, before=1
    ),
    "elements_per_period": Violation(
        "clause-elements", {"elements_per_period": 100}, {"elements_per_period": 10**6}
    ),
    "case": Violation("clause-case", {"case": CASES}, message=offering(own_case="NL-8")),
    "approvals": Violation(
        "clause-approval", {"approvals": {ITEMS: PERSON}}, {"approvals": {ITEMS: AGREED}}
    ),
    "classes": Violation("annex-mismatch", message=TOO_LONG),
}  # fmt: skip
BY_RESPONDER: dict[str, Violation] = {
    "max_size_class": Violation("clause-size", {"max_size_class": 108}, message=TOO_LONG),
    "sessions_per_period": BY_INITIATOR["sessions_per_period"],
    "elements_per_period": BY_INITIATOR["elements_per_period"],
    "case": Violation("clause-case", {"case": CASES}, message=offering(own_case="BE-8")),
    "approvals": BY_INITIATOR["approvals"],
    "classes": BY_INITIATOR["classes"],
}


def terms_of(violation: Violation) -> Change:
    return {"algorithms": [MD5]} | violation.terms


def play(two: Nodes, role: SessionRole, violation: Violation) -> None:
    """The session is refused by the other side, both logs name the clause, nothing is charged."""
    agreement = made(two, **terms_of(violation))
    sides = two[::-1] if violation.turned else two
    asks: Change = {"engine": ECDH} | violation.asks
    for _ in range(violation.before):
        meet(*sides, agreement, **asks).results()
    before = [charged(node) for node in sides]
    victim = 1 if role is INITIATOR else 0
    meeting = attack(sides, agreement, role, violation.beliefs, violation.message, **asks)
    codes = refused_codes(meeting)
    assert codes[victim] == violation.code
    assert codes[1 - victim] in (violation.code, "peer-aborted")
    assert [last_code(node) for node in sides] == [violation.code] * 2
    assert charged(sides[victim]) == before[victim]


@pytest.mark.parametrize("name", BY_INITIATOR)
def test_an_initiator_without_checks_is_refused_by_the_responder(two: Nodes, name: str) -> None:
    play(two, INITIATOR, BY_INITIATOR[name])


@pytest.mark.parametrize("name", BY_RESPONDER)
def test_a_responder_without_checks_is_refused_by_the_initiator(two: Nodes, name: str) -> None:
    play(two, RESPONDER, BY_RESPONDER[name])


BY_OPERATOR = [name for name, each in BY_INITIATOR.items() if each.beliefs and name != "approvals"]
"""Where a person is due, the one at the keyboard may say yes: test_climbs, test_one_operator."""


@pytest.mark.parametrize("name", BY_OPERATOR)
def test_an_honest_node_that_is_told_to_refuses_by_itself(two: Nodes, name: str) -> None:
    """The same with the checks on: its own node says no, by the same name, before or after it has
    talked to the other side."""
    violation = BY_INITIATOR[name]
    agreement = made(two, **terms_of(violation))
    sides = two[::-1] if violation.turned else two
    asks: Change = {"engine": ECDH} | violation.asks
    for _ in range(violation.before):
        meet(*sides, agreement, **asks).results()
    if violation.code in ("clause-sessions", "clause-elements"):
        # Held against the ledger in the step that charges, when the sizes of both are known.
        assert refused_codes(meet(*sides, agreement, **asks)) == (violation.code,) * 2
        return
    with pytest.raises(errors.RefusedError) as caught:
        meet(*sides, agreement, **asks)
    assert caught.value.code == violation.code


PLAYED_OTHERWISE: dict[str, Change] = {
    "rung": {"rung": RECORDS},
    "learn": {"learn": Learn.RESPONDER},
    "engines": {"engine": "openmined-p256/1"},
    "algorithms": {"algorithms": (SHA1,)},
}
"""An acceptance has no room for these: a responder that goes by others signs another transcript."""


@pytest.mark.parametrize("name", PLAYED_OTHERWISE)
def test_a_responder_that_goes_by_other_terms_signs_another_transcript(
    two: Nodes, name: str
) -> None:
    agreement = made(two, algorithms=[MD5])
    meeting = meet(*two, agreement, engine=ECDH)
    asked = meeting.parties[1]
    real = asked._confirm

    def confirm(roots_nonce: bytes) -> bytes:
        true = asked.deal
        assert true is not None
        lie = replace(true, **PLAYED_OTHERWISE[name])

        def signed(role: SessionRole, _: bytes) -> bytes:
            return signed_transcript(role, lie.transcript())

        with mock.patch("psihash.session.party.signed_transcript", signed):
            return real(roots_nonce)

    asked._confirm = confirm  # type: ignore[method-assign]
    assert refused_codes(meeting)[0] == "bad-signature"
    assert [last_code(node) for node in two] == ["bad-signature"] * 2


# -- times ---------------------------------------------------------------------------------------


@pytest.fixture
def timed(homes: Homes, tmp_path: Path) -> Iterator[tuple[Nodes, tuple[SetClock, SetClock]]]:
    """Two nodes, each with a clock that is set."""
    nodes = homes.open(tmp_path)
    clocks = (SetClock(), SetClock())
    clocks[1].moment = clocks[0].moment
    for node, clock in zip(nodes, clocks, strict=True):
        node.clock = clock
    stock(nodes)
    yield nodes, clocks
    for node in nodes:
        node.close()


Timed = tuple[Nodes, tuple[SetClock, SetClock]]


def forward(timed: Timed, **more: float) -> None:
    for clock in timed[1]:
        clock.forward(**more)


def test_before_the_first_second_nothing_opens(timed: Timed) -> None:
    two = timed[0]
    start = add_days(two[0].stamp(), 2)
    agreement = made(two, valid_from=start, valid_until=add_days(start, 10))
    with pytest.raises(errors.RefusedError) as caught:
        meet(*two, agreement, engine=ECDH)
    assert caught.value.code == "agreement-not-yet-valid"
    meeting = attack(two, agreement, INITIATOR, {"valid_from": two[0].stamp()}, engine=ECDH)
    assert refused_codes(meeting) == ("agreement-not-yet-valid",) * 2
    assert [last_code(node) for node in two] == ["agreement-not-yet-valid"] * 2


def test_after_the_last_second_nothing_opens(timed: Timed) -> None:
    two = timed[0]
    agreement = made(two, valid_until=add_days(two[0].stamp(), 1))
    forward(timed, days=1)
    with pytest.raises(errors.RefusedError) as caught:
        meet(*two, agreement, engine=ECDH)
    assert caught.value.code == "agreement-expired"
    later = {"valid_until": add_days(two[0].stamp(), 9)}
    assert (
        refused_codes(attack(two, agreement, INITIATOR, later, engine=ECDH))
        == ("agreement-expired",) * 2
    )
    assert [last_code(node) for node in two] == ["agreement-expired"] * 2


@pytest.mark.parametrize("role", SessionRole)
@pytest.mark.parametrize("valid_until", [True, False])
def test_a_peer_that_draws_a_session_out_gets_nothing_after_the_end(
    timed: Timed, role: SessionRole, valid_until: bool
) -> None:
    """It keeps its clock and its checks back; the victim's clock passes the last second while the
    session runs: of the agreement, or of the session."""
    two, clocks = timed
    agreement = made(two, rung=RECORDS, valid_until=add_days(two[0].stamp(), 1))
    if valid_until:
        forward(timed, hours=23, minutes=30)
    beliefs = {"valid_until": add_days(two[0].stamp(), 9)}
    meeting = attack(two, agreement, role, beliefs, engine=ECDH)
    victim = 1 if role is INITIATOR else 0
    journal = meeting.parties[victim]._setting.journal
    real = journal.disclosing

    def late(deal: Deal, what: str, count: int) -> None:
        clocks[victim].forward(minutes=45 if valid_until else 120)
        real(deal, what, count)

    journal.disclosing = late  # type: ignore[method-assign]
    code = "agreement-expired" if valid_until else "session-timeout"
    assert refused_codes(meeting)[victim] == code
    assert not [each for each in auditing.show(two[victim]) if each["event"] == "disclosure"]
    assert [last_code(node) for node in two] == [code] * 2


@pytest.mark.parametrize("role", SessionRole)
def test_a_shorter_period_is_not_believed(timed: Timed, role: SessionRole) -> None:
    """``period_days``: what was used a day ago still counts on the other side."""
    two = timed[0]
    agreement = made(two, sessions_per_period=1, period_days=30)
    meet(*two, agreement, engine=ECDH).results()
    forward(timed, days=2)
    meeting = attack(two, agreement, role, {"period_days": 1}, engine=ECDH)
    assert refused_codes(meeting)[1 if role is INITIATOR else 0] == "clause-sessions"
    assert [last_code(node) for node in two] == ["clause-sessions"] * 2


# -- every word of the terms ---------------------------------------------------------------------

CHANGED: dict[str, Any] = {
    "nonce": bytes(16),
    "parties": None,
    "legal_basis": {"nl-police": "Art. 2", "be-police": ""},
    "purpose": "another purpose",
    "case": {"nl-police": "NL-8", "be-police": ""},
    "offence_category": "another offence",
    "data_subjects": (DataSubject.OTHER,),
    "algorithms": BOTH,
    "engines": (ECDH,),
    "rung": RECORDS,
    "learn": Learn.INITIATOR,
    "opened_by": OpenedBy.OTHER,
    "max_size_class": 64,
    "sessions_per_period": 10**6,
    "elements_per_period": 10**15,
    "period_days": 1,
    "valid_from": "2020-01-01T00:00:00Z",
    "valid_until": "2027-12-31T00:00:00Z",
    "handling_code": HandlingCode.H0,
    "handling_note": "none",
    "tlp": Tlp.CLEAR,
    "retention_days": 1_000,
    "contacts": {"nl-police": "elsewhere", "be-police": ""},
    "minimum_items": 9,
    "approvals": dict.fromkeys((COUNT, SERIES, ITEMS), PERSON),
}


def test_every_member_of_the_terms_is_changed_below() -> None:
    assert set(CHANGED) == {each.name for each in fields(Terms)}


def rewritten(terms: Terms, name: str) -> Terms:
    value = CHANGED[name]
    more: Change = {}
    if name == "parties":
        value = (replace(terms.parties[0], name="ANOTHER NAME"), terms.parties[1])
    if name == "rung":
        more["approvals"] = dict.fromkeys(Rung, AGREED)
    if name == "valid_from":
        more["valid_until"] = "2024-01-01T00:00:00Z"
    changed = replace(terms, **{name: value}, **more)
    return parse_terms(changed.to_bytes())


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", CHANGED)
def test_terms_with_one_word_changed_after_both_signed_are_another_agreement(
    two: Nodes, name: str, which: int
) -> None:
    """Either side rewrites a clause and shows it with the signatures that stood under the other
    words. They are of no use there, and no session runs under what one side alone has."""
    agreement = made(two)
    attacker, victim = two[which], two[1 - which]
    terms = rewritten(agreement.terms, name)
    assert terms.id != agreement.id
    assert terms_dict(terms) != terms_dict(agreement.terms)
    own = agreement.signature(attacker.agency)
    assert own is not None
    forged = sign_document(replace(own, agreement=terms.id, signature=b""), attacker.keys.signing)
    old = [each for each in agreement.documents if each.author == victim.agency]
    moved = [replace(each, agreement=terms.id) for each in old]
    bodies = [terms.to_bytes(), forged.to_bytes(), *(each.to_bytes() for each in moved)]
    codes = contact.take(victim, attacker.agency, bodies)
    assert "" not in codes[2:]
    if codes[0] == "":
        state = documents.load(victim, terms.id).state(victim.stamp())
        assert state.status.value in ("unsigned", "proposed", "expired")
    assert documents.load(victim, agreement.id).terms == agreement.terms

    asking = naming(bytes.fromhex(terms.id))
    meeting = meet(attacker, victim, agreement, engine=ECDH, initiator=asking)
    codes_ = refused_codes(meeting)
    assert codes_[0] == codes_[1]
    assert codes_[1] in ("no-such-agreement", "agreement-unsigned", "agreement-expired")
    assert [last_code(node) for node in two] == [codes_[1]] * 2


def naming(agreement: bytes) -> type[Initiator]:
    """An initiator that names another agreement than the one that its desk has prepared."""

    class Naming(Initiator):
        def _make_hello(self) -> m.Hello:
            proposal = replace(self._wish.proposal, agreement=agreement)
            self._wish = replace(self._wish, proposal=proposal)
            return super()._make_hello()

    return Naming


PARTIES: dict[str, Any] = {"card": "AAAA-" * 9 + "AAAA", "signing_key": bytes(32), "country": "ZZ"}


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", PARTIES)
def test_terms_that_describe_a_party_otherwise_than_its_card_are_not_taken(
    two: Nodes, name: str, place: int
) -> None:
    one, other = two
    terms = build_terms(
        party_of(one.card), party_of(other.card), purpose="a test", case={}, rung=ITEMS,
        legal_basis={one.agency: "Art. 1"}, now=one.stamp(), rng=one.rng,
    )  # fmt: skip
    parties = list(terms.parties)
    parties[place] = replace(parties[place], **{name: PARTIES[name]})
    forged = replace(terms, parties=(parties[0], parties[1]))
    assert contact.take(other, one.agency, [forged.to_bytes()]) == ["agreement-party-differs"]
    assert incident_codes(other) == ["agreement-party-differs"]


# -- annexes -------------------------------------------------------------------------------------


def other_ids(annex: Annex, rng: Callable[[int], bytes]) -> tuple[Offered, ...]:
    return tuple(replace(each, id=new_collection_id(rng)) for each in annex.collections)


ANNEXES: dict[str, Callable[[Annex, Callable[[int], bytes]], Change]] = {
    "id": lambda annex, rng: {"collections": other_ids(annex, rng)},
    "kind": lambda annex, rng: {
        "collections": tuple(replace(e, kind=CollectionKind.SERIES) for e in annex.collections)
    },
    "collections": lambda annex, rng: {"collections": (*annex.collections, *other_ids(annex, rng))},
    "classes, smaller": lambda annex, rng: {
        "collections": tuple(replace(each, classes={MD5: 64}) for each in annex.collections)
    },
}


def later(annex: Annex, node: Any, **changes: Any) -> Annex:
    changes = {"revision": annex.revision + 1} | changes
    return sign_document(replace(annex, signature=b"", **changes), node.keys.signing)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", ANNEXES)
def test_an_annex_that_offers_something_else_ends_the_agreement(
    two: Nodes, name: str, which: int
) -> None:
    """The attacker acts as if nothing were: its own store does not have what it sent."""
    agreement = made(two)
    attacker, victim = two[which], two[1 - which]
    held = agreement.annex(attacker.agency)
    assert held is not None
    annex = later(held, attacker, **ANNEXES[name](held, attacker.rng))
    assert contact.take(victim, attacker.agency, [annex.to_bytes()]) == [""], "kept as evidence"
    assert last_code(victim) == "annex-swapped"
    meeting = meet(attacker, victim, agreement, engine=ECDH)
    assert refused_codes(meeting) == ("annex-conflict",) * 2
    assert [last_code(node) for node in two] == ["annex-conflict"] * 2
    with pytest.raises(errors.RefusedError) as caught:
        meet(victim, attacker, agreement, engine=ECDH)
    assert caught.value.code == "annex-conflict"


LAWS = {"nl-police": "Art. 1", "be-police": "Art. 2"}
OUTSIDE: dict[str, tuple[Change, Change, str]] = {
    "case": ({"case": CASES}, {"case": "NL-8"}, "annex-outside-terms"),
    "legal_basis": ({"legal_basis": LAWS}, {"legal_basis": "Art. 99"}, "annex-outside-terms"),
    "classes, above": ({"max_size_class": 108}, {"classes": {MD5: 128}}, "annex-outside-terms"),
    "classes, not agreed": ({}, {"classes": {MD5: 108, SHA1: 108}}, "annex-outside-terms"),
    "author": ({}, {"author": "turned"}, "bad-signature"),
    "agreement": ({}, {"agreement": "00" * 32}, "orphan-document"),
    "signature": ({}, {"signature": "turned"}, "bad-signature"),
}


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", OUTSIDE)
def test_an_annex_outside_the_terms_is_not_taken(two: Nodes, name: str, which: int) -> None:
    terms, changes, code = OUTSIDE[name]
    one, other = two[which], two[1 - which]
    drafted: Change = {"algorithms": [MD5]} | terms
    agreement = made(two, **drafted)
    held = agreement.annex(one.agency)
    assert held is not None
    changes = dict(changes)
    if "classes" in changes:
        classes = changes.pop("classes")
        changes["collections"] = tuple(replace(e, classes=classes) for e in held.collections)
    if changes.get("author") == "turned":
        changes["author"] = other.agency
    if changes.get("signature") == "turned":
        annex = replace(later(held, one), signature=held.signature)
    else:
        annex = later(held, one, **changes)
    taken = contact.take(other, one.agency, [annex.to_bytes()])
    assert taken == [code]
    assert documents.load(other, agreement.id).annex(one.agency) == held
    if terms == {}:
        meet(*two, agreement, engine=ECDH).results()


@pytest.mark.parametrize("which", [0, 1])
def test_two_annexes_with_one_revision_end_the_agreement(two: Nodes, which: int) -> None:
    """``revision`` and ``issued``: two contents under one number are an incident."""
    agreement = made(two)
    attacker, victim = two[which], two[1 - which]
    held = agreement.annex(attacker.agency)
    assert held is not None
    annex = later(held, attacker, revision=held.revision, issued="2026-01-01T00:00:00Z")
    assert contact.take(victim, attacker.agency, [annex.to_bytes()]) == [""]
    assert last_code(victim) == "annex-conflict"
    assert refused_codes(meet(attacker, victim, agreement, engine=ECDH)) == ("annex-conflict",) * 2


# -- the table -----------------------------------------------------------------------------------


def table() -> dict[str, tuple[str, str, str, str]]:
    """Clause -> (initiator, responder, bound, tests) of docs/clauses.md."""
    text = (ROOT / "docs" / "clauses.md").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if len(cells) == 5 and cells[0].startswith("`"):
            found[cells[0].strip("`")] = (cells[1], cells[2], cells[3], cells[4])
    return found


def test_every_clause_has_its_row() -> None:
    """A new member of terms, annexes or offered collections cannot be forgotten."""
    clauses = {each.name for each in fields(Terms)}
    clauses |= {f"annex: {each.name}" for each in fields(Annex)}
    clauses |= {f"annex: collections: {each.name}" for each in fields(Offered)}
    assert set(table()) == clauses


def test_every_row_has_a_code_or_a_bound_and_its_tests_exist() -> None:
    for clause, (initiator, responder, bound, tests) in table().items():
        for cell in (initiator, responder):
            assert cell == "-" or cell.strip("`") in errors.CODES, f"{clause}: {cell}"
        assert "-" not in (initiator, responder) or bound != "-", f"{clause}: neither nor"
        names = re.findall(r"`([a-z_0-9]+)::(test_[a-z_0-9]+)`", tests)
        assert names, f"{clause}: no test"
        for module, name in names:
            assert is_a_test(module, name), f"{clause}: {module}::{name}"


def is_a_test(module: str, name: str) -> bool:
    """Whether just one of the files of that name has that test."""
    paths = (each.relative_to(ROOT) for each in (ROOT / "tests").rglob(f"{module}.py"))
    found = [importlib.import_module(".".join(each.with_suffix("").parts)) for each in paths]
    return sum(hasattr(each, name) for each in found) == 1


def test_the_codes_of_the_table_are_those_of_the_violations() -> None:
    rows = table()
    for place, played in ((0, BY_INITIATOR), (1, BY_RESPONDER)):
        for name, violation in played.items():
            clause = name.partition(",")[0]
            cells = rows["annex: collections: classes" if clause == "classes" else clause]
            assert cells[place] == f"`{violation.code}`", name
