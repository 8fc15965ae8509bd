"""The page that an approver reads before saying yes: what follows from the terms, in sentences.

Says what is learned by whom, what a dishonest partner could learn (the design's "What rungs
promise, exactly"), for which case and under which law, until when and how often.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from psihash.agreement import cases
from psihash.agreement.approvals import Kind, RungRule
from psihash.agreement.documents import Annex
from psihash.agreement.state import Agreement
from psihash.agreement.terms import ANY_ENGINE, Party, Terms
from psihash.agreement.vocabulary import OpenedBy
from psihash.terms import Learn, Rung

Section = tuple[str, str]
"""(heading, text)"""


def approver_page(
    agreement: Agreement, own: str, *, peer_has_operators: bool = True
) -> list[Section]:
    """The page for the approver of the agency ``own``. ``peer_has_operators``: whether the other
    side has shown operators with keys of their own. Raises RefusedError for no party."""
    peer = agreement.peer_of(own)
    terms = agreement.terms
    return [
        ("Between", _between(terms, own)),
        ("What for", _purpose(terms)),
        ("What we learn", _learned(terms, own, _WE)),
        ("What they learn", _learned(terms, peer, _THEY)),
        ("What a dishonest partner could learn", _dishonest(terms, peer)),
        ("What we put in", _offered(agreement.annex(own), "We have")),
        ("What they put in", _offered(agreement.annex(peer), "They have")),
        ("For which case", _cases(agreement, own, peer)),
        ("Under which law", _laws(agreement, own, peer)),
        ("Whose data", _subjects(terms)),
        ("Who approves each session", _approvals(terms, peer_has_operators=peer_has_operators)),
        ("How often", _often(terms, own)),
        ("Until when", _until(terms)),
        ("What may be done with the result", _handling(terms)),
        ("Whom to ask", _contacts(terms, own, peer)),
    ]


def session_page(
    agreement: Agreement, own: str, rung: Rung, opener: str, learn: Learn | None = None
) -> list[Section]:
    """The page for one session at ``rung`` that the agency ``opener`` opens; ``learn``: where it
    lets fewer learn than the terms do."""
    peer = agreement.peer_of(own)
    terms = replace(
        agreement.terms,
        rung=rung,
        opened_by=OpenedBy(agreement.terms.role_of(opener).value),
        learn=learn or agreement.terms.learn,
    )
    return [
        ("What for", _purpose(terms)),
        ("What we learn", _learned(terms, own, _WE)),
        ("What they learn", _learned(terms, peer, _THEY)),
        ("What a dishonest partner could learn", _dishonest(terms, peer, lower=False)),
        ("What we put in", _offered(agreement.annex(own), "We have")),
        ("For which case", _cases(agreement, own, peer)),
        ("Under which law", _laws(agreement, own, peer)),
        ("Whose data", _subjects(terms)),
        ("What may be done with the result", _handling(terms)),
    ]


def _between(terms: Terms, own: str) -> str:
    ours, theirs = sorted(terms.parties, key=lambda party: party.agency != own)
    proposer = "us" if terms.parties[0].agency == own else "them"
    return f"Us, {_party(ours)}, and them, {_party(theirs)}. Proposed by {proposer}."


def _party(party: Party) -> str:
    return f"{party.name} ({party.agency}, {party.country}; card {party.card})"


def _purpose(terms: Terms) -> str:
    offence = f" Offence: {terms.offence_category}." if terms.offence_category else ""
    return f"{_sentence(terms.purpose)}{offence}"


@dataclass(frozen=True, slots=True)
class _Voice:
    """How the page speaks of one side and of the one across from it."""

    who: str
    its: str
    across: str
    across_its: str


_WE: Final = _Voice("We", "our", "they", "their")
_THEY: Final = _Voice("They", "their", "we", "our")


def _learned(terms: Terms, agency: str, voice: _Voice) -> str:
    """Who learns depends on who asks, so the sentence says in which sessions."""
    asks = terms.opened_by.allows(terms.role_of(agency))
    asked = terms.opened_by.allows(terms.role_of(agency).opposite)
    learns_asking = asks and terms.learn is not Learn.RESPONDER
    learns_asked = asked and terms.learn is not Learn.INITIATOR
    if not learns_asking and not learns_asked:
        return f"{voice.who} learn that a session took place and its size classes, and no result."
    when = ""
    if asks and asked and learns_asking != learns_asked:
        when = (
            f" Only in sessions that {voice.who.lower() if learns_asking else voice.across} open."
        )
    return (
        f"{voice.who} learn, at most (rung '{terms.rung.value}'), {_result(terms.rung, voice)}, "
        f"and the size class of {voice.across_its} lists.{when}"
    )


def _result(rung: Rung, voice: _Voice) -> str:
    which = f"which of {voice.its} items {voice.across} also hold"
    results = {
        Rung.COUNT: "how many of the digests that both sides put in are the same, but not which",
        Rung.SERIES: (
            f"how many digests each of {voice.its} series shares with each of "
            f"{voice.across_its} series, which stand under numbers that mean nothing outside the "
            "session (fewer than 5 are shown as 1 to 4)"
        ),
        Rung.ITEMS: which,
        Rung.RECORDS: (
            f"{which}, what {voice.across_its} match records say about those (category, victim "
            "identified or not, country, contact)"
        ),
    }
    return results[rung]


def _dishonest(terms: Terms, peer: str, *, lower: bool = True) -> str:
    if not _can_learn(terms, peer):
        return f"{_NO_RESULT} {_NO_PROOF}"
    sentences = [_PROMISE[terms.rung]]
    if lower and terms.rung.height >= Rung.ITEMS.height:
        sentences.append(_LOWER)
    sentences.append(
        "It can put digests in its own list that it does not hold, to see whether we have them: "
        f"at most {terms.max_size_class:,} for each algorithm in one session."
    )
    sentences.append(_NO_PROOF)
    return " ".join(sentences)


_NO_RESULT: Final = (
    "It receives no result, whatever it runs: it sees masked values and size classes only. It can "
    "falsify ours by putting in digests that it does not hold."
)
_NO_PROOF: Final = "It can hide its own hits, so nothing found is no proof that nothing is there."
_WEAK: Final = (
    "A partner that follows the protocol learns numbers only; one that changes its software can "
    "learn as much as at rung 'items': which of its own items we hold. Where that must not happen, "
    "name a neutral coordinator instead."
)
_STRONG: Final = (
    "A partner that changes its software learns no more than the rung says about the items that "
    "it puts in, and nothing about our other items."
)
_PROMISE: Final = {
    Rung.COUNT: _WEAK,
    Rung.SERIES: _WEAK,
    Rung.ITEMS: _STRONG,
    Rung.RECORDS: _STRONG,
}
_LOWER: Final = (
    "Sessions at the rungs 'count' and 'series' are allowed too, and there a partner that changes "
    "its software can learn as much as at 'items'."
)


def _can_learn(terms: Terms, agency: str) -> bool:
    role = terms.role_of(agency)
    asks = terms.opened_by.allows(role) and terms.learn is not Learn.RESPONDER
    asked = terms.opened_by.allows(role.opposite) and terms.learn is not Learn.INITIATOR
    return asks or asked


def _offered(annex: Annex | None, who: str) -> str:
    if annex is None:
        return f"{who} not said yet."
    lines = [
        f"{offered.id} ({offered.kind.value}): "
        + ", ".join(
            f"up to {size:,} {name.value}" for name, size in sorted(offered.classes.items())
        )
        for offered in annex.collections
    ]
    count = "one collection, under a random id"
    if len(lines) > 1:
        count = f"{len(lines)} collections, under random ids"
    return f"{who} offered {count}: {'; '.join(lines)}."


def _cases(agreement: Agreement, own: str, peer: str) -> str:
    ours = agreement.case(own) or "not stated in the agreement; each session names one"
    theirs = cases.told(agreement.case(peer), own, agreement.case(own))
    if ours == cases.answering(peer, agreement.case(peer)):
        ours = f"{cases.NONE_NAMED}; we work for theirs"
    if theirs == cases.NONE_NAMED:
        kept = not agreement.case(peer)
        theirs += "; they keep it to themselves" if kept else "; they work for ours"
    return f"Ours: {_sentence(ours)} Theirs: {_sentence(theirs)}"


def _laws(agreement: Agreement, own: str, peer: str) -> str:
    ours = agreement.legal_basis(own) or "not stated yet"
    theirs = agreement.legal_basis(peer) or "not stated yet"
    return f"Ours: {_sentence(ours)} Theirs: {_sentence(theirs)}"


_SUBJECTS: Final = {
    "suspect": "suspects",
    "convicted": "convicted persons",
    "victim": "victims",
    "missing": "missing persons",
    "remains": "unidentified human remains",
    "other": "other persons",
}


def _subjects(terms: Terms) -> str:
    who = ", ".join(_SUBJECTS[word] for word in terms.data_subjects)
    algorithms = ", ".join(word.value for word in terms.algorithms)
    engines = "any engine" if terms.engines == (ANY_ENGINE,) else ", ".join(terms.engines)
    minimum = f"Sets of fewer than {terms.minimum_items:,} digests are not offered. "
    return (
        f"Data may concern {who}. Only digests are compared ({algorithms}; {engines}). "
        + (minimum if terms.minimum_items > 1 else "")
        + "No image is handled."
    )


def _approvals(terms: Terms, *, peer_has_operators: bool) -> str:
    rules = " ".join(f"'{rung.value}': {_decides(rule)}." for rung, rule in terms.approvals.items())
    sentences = [f"On each side, by rung: {rules}"]
    asks_people = any(rule.kind is not Kind.AGREED for rule in terms.approvals.values())
    if any(rule.is_threshold for rule in terms.approvals.values()):
        sentences.append(
            "Each side counts in its own result of the session that is built on; one that did not "
            "learn it asks a person."
        )
    if asks_people and not peer_has_operators:
        sentences.append(
            "The other side has shown no operators with keys of their own: there whoever has its "
            "node decides, and nothing proves that it was a second person."
        )
    return " ".join(sentences)


def _decides(rule: RungRule) -> str:
    match rule.kind:
        case Kind.AGREED:
            return "these signatures approve every session"
        case Kind.PERSON:
            return "a person approves each session"
    of = "one collection or series of one's own" if rule.kind is Kind.SERIES else "all"
    return (
        f"allowed where the session that it builds on showed at least {rule.at_least:,} matched "
        f"digests of {of}, else a person approves it"
    )


def _often(terms: Terms, own: str) -> str:
    who = "Both sides"
    if terms.opened_by is not OpenedBy.EITHER:
        who = "Only we" if terms.opened_by.allows(terms.role_of(own)) else "Only they"
    return (
        f"{who} may open sessions: at most {terms.sessions_per_period:,} and "
        f"{terms.elements_per_period:,} elements in any {terms.period_days} days, where each run "
        f"counts both lists in full, and no list above {terms.max_size_class:,} elements."
    )


def _until(terms: Terms) -> str:
    return (
        f"From {terms.valid_from} until {terms.valid_until}. Either side can revoke it at any "
        "time; what was learned by then stays learned. Results are kept "
        f"{terms.retention_days} days."
    )


def _handling(terms: Terms) -> str:
    note = f" {_sentence(terms.handling_note)}" if terms.handling_note else ""
    code = terms.handling_code
    return (
        f"Handling code {code.value}: {code.meaning}.{note} TLP:{terms.tlp.value}. "
        "A hit is a hint for a person to confirm and never a decision by itself."
    )


def _contacts(terms: Terms, own: str, peer: str) -> str:
    ours = terms.contacts[own] or "nobody named"
    theirs = terms.contacts[peer] or "nobody named"
    return f"Ours: {_sentence(ours)} Theirs: {_sentence(theirs)}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."
