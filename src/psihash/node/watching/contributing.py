"""``psihash contribute``: what the last run of a watch, or a session, says a centre does not have,
given to it.

What goes is written down when it is asked for, and leaves as it was when an approver agreed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from psihash import errors
from psihash.agreement.page import Section
from psihash.agreement.request import RequestKind, document_subject
from psihash.audit.event import Event
from psihash.casework import contribution as documents
from psihash.casework import contribution_page
from psihash.casework.contribution import (
    Contribution,
    ContributionPart,
    GivenAs,
    GivenCollection,
    PartContent,
)
from psihash.casework.contribution_review import review
from psihash.casework.handling import Handling
from psihash.casework.reading import parse
from psihash.casework.words import NOTICE_LIFE_DAYS
from psihash.hashset.model import Verdict
from psihash.identity import sealing
from psihash.node.agreeing import documents as agreement_documents
from psihash.node.casework import case_documents
from psihash.node.node import Node
from psihash.node.people import login, requests
from psihash.node.people.request_kinds import Granted, Handler
from psihash.node.people.roles import use_case
from psihash.node.watching import marks
from psihash.node.watching.contribution_answers import facts
from psihash.node.watching.planning import Plan, Planned, plan
from psihash.storage.contributions import ContributionRow, ContributionState
from psihash.storage.requests import RequestRow
from psihash.terms import AlgorithmId

NOTHING_TO_GIVE = errors.define("nothing-to-give", "the centre has everything that would be given")
TOO_MUCH_TO_GIVE = errors.define("too-much-to-give", "one contribution holds fewer items than that")
CONTRIBUTION_GONE = errors.define(
    "contribution-gone", "the contribution does not wait for a decision any more"
)

ALREADY_GIVEN = errors.define(
    "already-given", "the same items wait to be given to this centre, or were given to it"
)

_PURPOSE: Final = "contribution-keys"
_GIVEN: Final = (ContributionState.WAITING, ContributionState.SENT, ContributionState.TAKEN)


@use_case("contribute")
def give(
    node: Node, prefix: str, collections: Sequence[str] = (), *, pseudonyms: bool = False
) -> ContributionRow:
    """Write a contribution, and let it go, or file it for an approver where there are operators.

    With ``pseudonyms`` our names of collections and series stay here. Raises StateError
    ``nothing-to-give`` or ``already-given``, InputError ``too-much-to-give``."""
    planned = plan(node, prefix, collections)
    if not planned.giving:
        raise errors.StateError(NOTHING_TO_GIVE, "the centre has all of it")
    if sum(len(each.items) for each in planned.giving) > documents.MAX_ITEMS:
        raise _too_much()
    _prepare(node)
    written, parts = _write(node, planned, pseudonyms=pseudonyms)
    _require_new(node, written, parts)
    fresh = sealing.new_key()
    body = json.dumps([written.to_bytes().decode(), *(part.to_bytes().decode() for part in parts)])
    row = ContributionRow(
        id=written.id,
        watch=planned.source.id,
        peer=written.recipient,
        agreement=written.agreement,
        state=ContributionState.WAITING,
        request=None,
        added=node.stamp(),
        new_collections=written.count(GivenAs.NEW),
        additions=written.count(GivenAs.ADDITION),
        items=written.items,
        parts=len(parts),
        sealed_key=sealing.seal(node.storage_key(_PURPOSE), fresh, _context(written.id, "key")),
        sealed_plan=sealing.seal(fresh, body.encode(), _context(written.id, "plan")),
    )
    with node.stores.database.transaction():
        if node.stores.operators.any():
            subject = document_subject(written.id, written.TYPE, row.peer, row.agreement)
            asked = requests.file(
                node, RequestKind.CONTRIBUTION, subject, peer=row.peer, agreement=row.agreement
            )
            row = replace(row, request=asked.id)
            node.stores.contributions.add(row)
        else:
            node.stores.contributions.add(row)
            _send(node, row, written, parts)
    return node.stores.contributions.find(row.id) or row


@use_case("contribute")
def listing(node: Node) -> list[ContributionRow]:
    """Contributions of ours, oldest first."""
    return node.stores.contributions.all()


def _write(
    node: Node, planned: Planned, *, pseudonyms: bool
) -> tuple[Contribution, list[ContributionPart]]:
    """The documents, signed."""
    row, giving = planned.source, planned.giving
    agreement = agreement_documents.load(node, row.agreement)
    offered = node.stores.agreements.offered(agreement.id)
    aliases = {each.collection: each.opaque_id for each in offered}
    contents: list[PartContent] = []
    collections = []
    for place, each in enumerate(giving):
        label = aliases[each.collection][:16] if pseudonyms else each.collection
        label = documents.told(Verdict(series=(label,))).series[0]
        collections.append(
            GivenCollection(label, each.kind, each.given_as, each.to, len(each.items))
        )
        # So that no digest comes with more labels than a centre takes of one.
        most = 0 if pseudonyms else max(1, documents.MAX_LABELS // len(giving))
        contents += _contents(place, each, agreement.terms.algorithms, series=most)
    if len(contents) > documents.MAX_PARTS:
        raise _too_much()
    terms = agreement.terms
    written = Contribution(
        **case_documents.heading(node, row.peer, NOTICE_LIFE_DAYS),
        agreement=agreement.id,
        case=agreement.case(node.agency),
        collections=tuple(collections),
        parts=tuple(content.digest for content in contents),
        handling=Handling(terms.handling_code, terms.tlp, terms.handling_note),
    )
    written = case_documents.sign(node, written)
    parts = [
        case_documents.sign(
            node,
            ContributionPart(
                **case_documents.heading(node, row.peer, NOTICE_LIFE_DAYS),
                contribution=written.id,
                number=number,
                content=content,
            ),
        )
        for number, content in enumerate(contents)
    ]
    return written, parts


def _contents(
    place: int, given: Plan, algorithms: tuple[AlgorithmId, ...], *, series: int
) -> Iterator[PartContent]:
    """A collection's items in parts that fit into documents, with at most ``series`` series of
    each."""
    verdicts: dict[Verdict, int] = {}
    rows: list[tuple[tuple[str, ...], int]] = []
    size = 0
    for item in given.items:
        said = replace(item.said, series=item.said.series[:series])
        digests = tuple(item.digests.get(name, "") for name in algorithms)
        new = 0 if said in verdicts else documents.size_of(said)
        cost = documents.row_size(digests) + new
        full = size + cost > documents.MAX_PART_BYTES or len(rows) == documents.MAX_ROWS
        if full or (new and len(verdicts) == documents.MAX_VERDICTS):
            yield PartContent(place, algorithms, tuple(verdicts), tuple(rows))
            verdicts, rows, size = {}, [], 0
            cost = documents.row_size(digests) + documents.size_of(said)
        rows.append((digests, verdicts.setdefault(said, len(verdicts))))
        size += cost
    yield PartContent(place, algorithms, tuple(verdicts), tuple(rows))


def _require_new(node: Node, written: Contribution, parts: Sequence[ContributionPart]) -> None:
    """Nothing leaves twice because somebody typed the command twice."""
    new = marks.of(node, written.recipient, parts)
    for row in node.stores.contributions.all():
        if row.peer != written.recipient or row.state not in _GIVEN or row.sealed_plan is None:
            continue
        if row.state is ContributionState.WAITING:
            before = marks.of(node, row.peer, _open(node, row)[1])
        else:
            before = marks.kept(node, row.id, row.sealed_plan)
        if new & before:
            raise errors.StateError(
                ALREADY_GIVEN,
                f"the same items are in contribution {row.id[:12]}, which is {row.state.value}",
                hint="other collections go alone: --collection NAME; a run after the centre's next "
                "publication says what it still lacks",
            )


def _send(
    node: Node, row: ContributionRow, written: Contribution, parts: Sequence[ContributionPart]
) -> None:
    """Inside a transaction: it goes with the next contact, the contribution before its parts."""
    node.stores.contributions.change(
        row,
        state=ContributionState.SENT,
        sent=node.stamp(),
        sealed_key=None,
        sealed_plan=marks.seal(node, row.id, marks.of(node, row.peer, parts)),
    )
    node.record(
        Event.CONTRIBUTION,
        facts(row)
        | {
            "step": "sent",
            "recipient": row.peer,
            "case": written.case,
            "handling": written.handling.code.value,
            "tlp": written.handling.tlp.value,
        },
    )
    for document in (written, *parts):
        case_documents.post(node, document, None)


def _open(node: Node, row: ContributionRow) -> tuple[Contribution, list[ContributionPart]]:
    """What waits. Raises StateError ``contribution-gone``."""
    if row.sealed_key is None or row.sealed_plan is None:
        raise errors.StateError(CONTRIBUTION_GONE, "the contribution is not here any more")
    outer = node.storage_key(_PURPOSE)
    key = sealing.open_sealed(outer, row.sealed_key, _context(row.id, "key"))
    first, *rest = map(
        _parsed, json.loads(sealing.open_sealed(key, row.sealed_plan, _context(row.id, "plan")))
    )
    parts = [each for each in rest if isinstance(each, ContributionPart)]
    if not isinstance(first, Contribution) or first.id != row.id or len(parts) != row.parts:
        raise errors.StateError(CONTRIBUTION_GONE, "the contribution is not here as it was")
    return first, parts


def _parsed(text: str) -> Any:
    return parse(text.encode())


def _waiting(node: Node, asked: RequestRow) -> ContributionRow:
    row = node.stores.contributions.find(str(requests.body(asked).subject["document"]))
    if row is None or row.state is not ContributionState.WAITING:
        raise errors.StateError(CONTRIBUTION_GONE, "the contribution waits for no decision")
    return row


def _page(node: Node, asked: RequestRow) -> list[Section]:
    written, parts = _open(node, _waiting(node, asked))
    lines = [
        f"{each.label}: "
        + (f"an addition to {each.to}. " if each.to else "a new collection. ")
        + contribution_page.described(counted)
        for each, counted in zip(
            written.collections, review(written, [part.content for part in parts]), strict=True
        )
    ]
    goes = (
        f"{written.items:,} items leave for {written.recipient}, with their digests, what our "
        "lists say of them, and these labels. Unlike in a session, the other side then holds them."
    )
    code, tlp = written.handling.code, written.handling.tlp
    return [
        ("What leaves", goes),
        ("In which collections", "\n".join(lines)),
        ("For which case", written.case or "none is stated"),
        ("What they may do with it", f"Handling code {code}: {code.meaning}. TLP:{tlp}."),
    ]


def _check(node: Node, asked: RequestRow) -> None:
    _waiting(node, asked)


def _let_go(node: Node, granted: Granted) -> None:
    row = _waiting(node, granted.row)
    written, parts = _open(node, row)
    if granted.approval is not None:
        written = case_documents.approved(node, written, granted.approval)
    _send(node, row, written, parts)


def _hold_back(node: Node, asked: RequestRow, _reason: str) -> None:
    row = _waiting(node, asked)
    node.stores.contributions.change(
        row, state=ContributionState.HELD_BACK, sealed_key=None, sealed_plan=None
    )
    node.record(Event.CONTRIBUTION, facts(row) | {"step": "held-back"})


CONTRIBUTION: Final = Handler(page=_page, check=_check, on_approved=_let_go, on_refused=_hold_back)
"""Whether a contribution leaves."""


def _too_much() -> errors.InputError:
    return errors.InputError(
        TOO_MUCH_TO_GIVE,
        f"a contribution has at most {documents.MAX_ITEMS:,} items",
        hint="give some collections at a time: --collection NAME",
    )


def _prepare(node: Node) -> None:
    """Ask for passwords before a transaction begins."""
    _ = node.keys
    if node.stores.operators.any():
        login.own_key(node)


def _context(contribution: str, name: str) -> bytes:
    return f"psihash/contribution/1 {contribution} {name}".encode()
