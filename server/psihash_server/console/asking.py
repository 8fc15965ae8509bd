"""Writing a request to a partner about confirmed hits of a result."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from starlette.responses import RedirectResponse, Response

from psihash import errors
from psihash.agreement.vocabulary import DataSubject, HandlingCode, Tlp
from psihash.casework.words import MAX_HITS, MAX_LINES_TEXT, Urgency, Wanted
from psihash.node.casework import followup_rows, followups
from psihash.node.casework.followups import Draft
from psihash.node.running import sessions
from psihash_server.console import pages
from psihash_server.console.visit import BAD_FIELD, Visit

SHOWN: Final = 200
"""Hits that the form names; a request about all of them needs no ticks."""

_TEXTS: Final = (
    "facts", "reasons", "purpose", "offence", "legal_basis", "information", "connection",
    "urgency_reason", "contact", "deadline", "note", "wanted", "urgency", "handling", "tlp",
)  # fmt: skip


def form(visit: Visit) -> Response:
    return _page(visit)


def ask(visit: Visit) -> Response:
    """The password opens the key that signs the request; then it waits for an approver."""
    try:
        draft = _draft(visit)
        visit.unlock()
        row = followups.request(visit.node, draft)
    except errors.PsihashError as error:
        return _page(visit, pages.status_of(error), error)
    return RedirectResponse(f"/follow-ups/{row.id}", 303)


def _draft(visit: Visit) -> Draft:
    wanted, everything = visit.fields("hit"), visit.field("everything") == "yes"
    if everything is bool(wanted):
        said = "tick hits, or all of them, not both" if wanted else "tick the hits that it is about"
        raise errors.InputError(BAD_FIELD, said)
    return Draft(
        session=visit.path("session"),
        hits=wanted,
        everything=everything,
        facts=visit.field("facts", required=True, most=MAX_LINES_TEXT),
        reasons=visit.field("reasons", required=True, most=MAX_LINES_TEXT),
        purpose=visit.field("purpose"),
        offence=visit.field("offence"),
        legal_basis=visit.field("legal_basis"),
        information=visit.field("information"),
        connection=visit.field("connection"),
        wanted=visit.choice("wanted", Wanted) or Wanted.CORE_DATA,
        urgency=visit.choice("urgency", Urgency) or Urgency.NORMAL,
        urgency_reason=visit.field("urgency_reason"),
        data_subjects=_subjects(visit),
        contact=visit.field("contact"),
        deadline=_time(visit.field("deadline")),
        handling=visit.choice("handling", HandlingCode),
        tlp=visit.choice("tlp", Tlp),
        note=visit.field("note"),
    )


def _subjects(visit: Visit) -> list[DataSubject]:
    try:
        return [DataSubject(each) for each in visit.fields("subject")]
    except ValueError:
        raise errors.InputError(BAD_FIELD, "choose whom it concerns from the list") from None


def _time(text: str) -> str:
    """What a browser's field for a time has (``2026-01-31T12:00``), in the form of documents."""
    return f"{text}:00Z" if len(text) == len("2026-01-31T12:00") else text


def _page(visit: Visit, status: int = 200, error: errors.PsihashError | None = None) -> Response:
    row = sessions.find(visit.node, visit.path("session"))
    askable = followups.askable(visit.node, row.id)
    usual = followups.prefilled(visit.node, row.id)
    sent = bool(visit.form)
    return pages.page(
        visit,
        "ask.html",
        f"Ask {row.peer} about hits",
        status,
        error=error,
        row=row,
        hits=askable[:SHOWN],
        total=len(askable),
        too_many=len(askable) > MAX_HITS,
        most_hits=MAX_HITS,
        ticked=visit.fields("hit") if sent else visit.queries("hit"),
        everything=visit.written("everything") == "yes",
        given=_given(visit, usual, sent=sent),
        subjects=[(each, each.value in _chosen(visit, usual, sent=sent)) for each in DataSubject],
        handling=followup_rows.session_handling(visit.node, row.id),
        codes=list(HandlingCode),
        tlps=list(Tlp),
        urgencies=list(Urgency),
        kinds=list(Wanted),
        most=MAX_LINES_TEXT,
    )


def _given(visit: Visit, usual: Draft, *, sent: bool) -> dict[str, str]:
    """What the fields begin with: what was sent, else what the agreement says."""
    if sent:
        return {name: visit.written(name) for name in _TEXTS}
    named = {each.name for each in fields(Draft)}
    held = {name: getattr(usual, name) for name in _TEXTS if name in named}
    return {name: str(value) if value is not None else "" for name, value in held.items()}


def _chosen(visit: Visit, usual: Draft, *, sent: bool) -> set[str]:
    return set(visit.fields("subject")) if sent else {each.value for each in usual.data_subjects}
