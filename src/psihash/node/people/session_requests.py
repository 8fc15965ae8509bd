"""Requests of kind ``session``: the page on one rung of one session, and all that it names."""

from __future__ import annotations

from typing import Final

from psihash import errors
from psihash.agreement import cases
from psihash.agreement.page import Section, session_page
from psihash.agreement.request import SessionSubject, parse_session_subject
from psihash.agreement.rules import check_active
from psihash.agreement.state import Agreement
from psihash.node.agreeing import documents
from psihash.node.node import Node
from psihash.node.people import request_page, requests
from psihash.node.people.request_kinds import Handler
from psihash.storage.requests import RequestRow
from psihash.terms import SessionRole

REQUEST_OUTDATED = errors.define(
    "request-outdated",
    "what a session was to run over has changed since it was asked for: a yes would serve for "
    "nothing",
)


def _subject(row: RequestRow) -> SessionSubject:
    return parse_session_subject(dict(requests.body(row).subject))


def _page(node: Node, row: RequestRow) -> list[Section]:
    subject = _subject(row)
    agreement = documents.load(node, subject.agreement)
    we_open = subject.role is SessionRole.INITIATOR
    opener = node.agency if we_open else row.peer
    after = ""
    if subject.previous:
        after = f" It goes on from the session with receipt {subject.previous[:12]}, same lists."
    asked = (
        f"One session at rung '{subject.rung.value}' with {row.peer}, opened by "
        f"{'us' if we_open else 'them'}, under agreement {row.agreement[:12]}.{after}"
    )
    return [
        ("What is asked", asked),
        ("What runs, and nothing else", _runs(node, agreement, subject)),
        *session_page(agreement, node.agency, subject.rung, opener),
        request_page.budget(node, agreement.id, agreement.terms),
        request_page.exposed(node, row.peer),
    ]


def _runs(node: Node, agreement: Agreement, subject: SessionSubject) -> str:
    names = {row.opaque_id: row.collection for row in node.stores.agreements.offered(agreement.id)}
    algorithms = ", ".join(name.value for name in subject.algorithms)
    own = agreement.annex(node.agency)
    theirs = cases.told(subject.peer_case, node.agency, subject.case)
    offered = [names.get(each.id, each.id) for each in (own.collections if own else ())]
    return (
        f"The engine {subject.engine} over {algorithms}. Our case: {subject.case}; theirs: "
        f"{theirs}. We put in {', '.join(offered)} "
        f"(annex {subject.annex[:12]}), they what their annex {subject.peer_annex[:12]} says. "
        "Should an annex be replaced before it runs, the question comes anew."
    )


def _check(node: Node, row: RequestRow) -> None:
    subject = _subject(row)
    agreement = documents.load(node, row.agreement)
    check_active(agreement, node.stamp())
    said = (subject.annex, subject.peer_annex)
    held = (agreement.annex(node.agency), agreement.annex(row.peer))
    if said != tuple("" if annex is None else annex.digest.hex() for annex in held):
        raise errors.StateError(
            REQUEST_OUTDATED,
            "a collection has outgrown its class since this was asked for",
            hint="refuse it; the next attempt to run the session asks anew",
        )


SESSION: Final = Handler(page=_page, check=_check)
