"""One session from proposal to receipt and after: the entries of the log about it, in words.

The index says which entries; each is read from the log and re-hashed before it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from psihash.agreement.request import RequestKind
from psihash.audit.entry import Entry, open_entry
from psihash.audit.event import Event
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.node.running import sessions
from psihash.storage import register
from psihash.storage.sessions import SessionRow

_AGREEMENT_EVENTS: Final = (
    Event.AGREEMENT_PROPOSED,
    Event.AGREEMENT_RECEIVED,
    Event.AGREEMENT_APPROVED,
    Event.AGREEMENT_REFUSED,
    Event.AGREEMENT_REVOKED,
)
_ABOUT_TERMS: Final = (RequestKind.PROPOSE.value, RequestKind.AGREEMENT.value)
_MOST: Final = 1_000
"""Entries on one page; a session has a handful, and a look at its result is one more."""

_SETTING: Final = (
    ("case", "Case"),
    ("purpose", "Purpose"),
    ("legal_basis", "Legal basis"),
    ("rung", "Rung"),
    ("learn", "Who learns"),
    ("engine", "Engine"),
)
"""What every entry of a session repeats; told where it is said first, and where it changes."""

_FACTS: Final = (
    *_SETTING,
    ("own_items", "Our digests"),
    ("counts", "Matched"),
    ("quarantined", "Quarantined"),
    ("matches", "Matches"),
    ("recipient", "Recipient"),
    ("what", "What"),
    ("format", "Format"),
    ("records", "Records"),
    ("hits", "Hits"),
    ("verdict", "Verdict"),
    ("step", "Step"),
    ("urgency", "Urgency"),
    ("handling", "Handling code"),
    ("document_status", "The agreement is then"),
    ("code", "Code"),
    ("by", "By"),
    ("reason", "Reason"),
)
"""Members of an entry that are shown, with what they are called; no others are."""

WORDS: Final = {
    Event.AGREEMENT_PROPOSED: "We signed and offered the terms",
    Event.AGREEMENT_RECEIVED: "The partner's terms came in",
    Event.AGREEMENT_APPROVED: "We signed the terms",
    Event.AGREEMENT_REFUSED: "We refused the terms",
    Event.AGREEMENT_REVOKED: "We ended the agreement",
    Event.REQUEST: "A decision was asked for",
    Event.DECISION: "A person decided",
    Event.PREFLIGHT: "Our holdings were examined beforehand",
    Event.SESSION_OPEN: "The session opened",
    Event.SESSION_REFUSED: "The session was refused",
    Event.SESSION_ABORT: "The session broke off",
    Event.DISCLOSURE: "Labels or records were sent",
    Event.SESSION_RECEIPT: "The receipt was signed: who learns the result has it",
    Event.SESSION_CLOSE: "The session closed with both receipts",
    Event.CONSULTATION: "Somebody looked at the result",
    Event.EXPORT: "The result was written to a file",
    Event.HIT_DECIDED: "Hits were confirmed or rejected",
    Event.FOLLOW_UP: "A word about hits",
    Event.CORRECTION: "A correction",
    Event.ERASURE: "Erased",
    Event.INCIDENT: "An incident",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One entry."""

    seq: int
    time: str
    event: str
    words: str
    actor: str
    """Name and role of who acted here."""
    facts: list[tuple[str, str]]
    approvals: list[str]
    """Who let the session run, on both sides; of the opening alone."""
    erased: bool
    """Whether the entry's body is gone; its place in the log still verifies."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session and what the log says of it."""

    session: str
    peer: str
    agreement: str
    role: str
    state: str
    rung: str
    opened: str
    closed: str | None
    erased: str | None
    steps: list[Step]
    more: int
    """Entries beyond the most that are shown."""


@use_case("oversight")
def of_session(node: Node, session: str) -> Timeline:
    """Everything that the log has about one session. Raises NotFoundError
    ``unknown-session-id``, VerificationError ``entry-changed``."""
    with node.stores.database.reading():
        row = sessions.find(node, session)
        numbers = sorted(_numbers(node, row))
        stored = list(node.stores.log.chosen(numbers[:_MOST]))
    told: dict[str, str] = {}
    steps = [_step(open_entry(each), told) for each in stored]
    return Timeline(
        session=row.id,
        peer=row.peer,
        agreement=row.agreement,
        role=row.role.value,
        state=row.state,
        rung=row.rung.value,
        opened=row.opened,
        closed=row.closed,
        erased=row.erased,
        steps=steps,
        more=max(0, len(numbers) - _MOST),
    )


def _numbers(node: Node, row: SessionRow) -> set[int]:
    database = node.stores.database
    found = set(register.entries_of_session(database, row.id))
    found.update(
        register.entries_of_agreement(database, row.agreement, _AGREEMENT_EVENTS, _ABOUT_TERMS)
    )
    if row.own_request:
        found.update(register.entries_of_request(database, row.own_request))
    return found


def _step(entry: Entry, told: dict[str, str]) -> Step:
    """``told`` is what was said before of the session's setting, brought up to date."""
    shared, local = entry.shared_facts() or {}, entry.local_facts() or {}
    return Step(
        seq=entry.seq,
        time=entry.time,
        event=entry.event.value,
        words=_words(entry, local),
        actor=_actor(local),
        facts=_untold(list(_facts(shared, local)), told),
        approvals=list(_approvals(local)),
        erased=entry.has_local and entry.local is None,
    )


def _words(entry: Entry, local: Mapping[str, Any]) -> str:
    document = local.get("document")
    if entry.event is Event.AGREEMENT_RECEIVED and isinstance(document, str):
        name = document.removeprefix("agreement-").partition("/")[0].replace("-", " ")
        return f"The partner's {name} came in"
    return WORDS.get(entry.event, entry.event.value)


def _actor(local: Mapping[str, Any]) -> str:
    actor = local.get("actor")
    if not isinstance(actor, dict):
        return ""
    return f"{actor.get('name', '')} ({str(actor.get('role', '')).replace('+', ', ')})"


def _untold(facts: list[tuple[str, str]], told: dict[str, str]) -> list[tuple[str, str]]:
    setting = {label for _, label in _SETTING}
    found = [
        (label, value) for label, value in facts if label not in setting or told.get(label) != value
    ]
    told.update((label, value) for label, value in facts if label in setting)
    return found


def _facts(shared: Mapping[str, Any], local: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, label in _FACTS:
        value = local.get(name, shared.get(name))
        if value not in (None, "", {}, []):
            yield label, _text(value)
    if "size_classes" in shared:
        for label, side in zip(
            ("Initiator's size class", "Responder's size class"),
            shared["size_classes"],
            strict=True,
        ):
            yield label, _text(side)


def _approvals(local: Mapping[str, Any]) -> Iterator[str]:
    ours, theirs = local.get("approved_by"), local.get("approved_there_by")
    if isinstance(ours, dict):
        if ours.get("by") == "person":
            name = ours.get("name") or "a person"
            reason = f": {ours['reason']}" if ours.get("reason") else ""
            yield f"Here: {name} ({ours.get('role')}), {ours.get('decided')}{reason}"
        else:
            yield f"Here: by rule, {ours.get('rule')}"
    if isinstance(theirs, dict):
        who = f"operator {theirs['operator']}" if theirs.get("operator") else theirs.get("by")
        yield f"There: {who} ({theirs.get('rule')})"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        named = ((name, _text(each)) for name, each in value.items())
        return ", ".join(f"{name}: {text}" for name, text in named if text)
    if isinstance(value, list):
        return ", ".join(_text(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
