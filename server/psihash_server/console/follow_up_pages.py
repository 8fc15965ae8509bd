"""Requests about hits, ours and theirs: the list with its clocks, one with all that was said, and
what is said next."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from psihash import errors
from psihash.agreement import cases
from psihash.agreement.vocabulary import HandlingCode, Tlp
from psihash.casework.answers import NEEDS_TEXT
from psihash.casework.states import State, Step
from psihash.casework.words import MAX_LINES_TEXT, Outcome, Side
from psihash.node.casework import followup_rows, followup_views, followups
from psihash.node.casework.followup_views import FollowUpView
from psihash_server.console import pages
from psihash_server.console.visit import BAD_FIELD, Visit

WORDS = {
    Step.GRANTED: "Granted: here is what was asked for",
    Step.REFUSED: "Refused, for this reason",
    Step.MORE_INFORMATION: "More has to be known first",
    Step.NOT_AVAILABLE: "Not directly available: three days then, for this reason",
    Step.INFORMATION: "The information that they asked for",
    Step.WITHDRAWN: "We withdraw the request, for this reason",
}
"""What a person can say, in words."""


def listing(visit: Visit) -> Response:
    return pages.page(
        visit,
        "follow-ups.html",
        "Follow-ups",
        found=followup_views.listing(visit.node),
        summary=followup_views.summary(visit.node),
    )


def show(visit: Visit) -> Response:
    return _page(visit)


def say(visit: Visit) -> Response:
    """Answer, inform or withdraw: the password opens the key that signs what an approver gets."""
    name = visit.path("follow_up")
    try:
        step = visit.choice("step", Step)
        if step is None:
            raise errors.InputError(BAD_FIELD, "choose what you want to say")
        text = visit.field("text", required=step in NEEDS_TEXT, most=MAX_LINES_TEXT)
        visit.unlock()
        row = followups.say(
            visit.node,
            name,
            step,
            text,
            code=visit.choice("handling", HandlingCode),
            tlp=visit.choice("tlp", Tlp),
            note=visit.field("note"),
        )
    except errors.PsihashError as error:
        return _page(visit, pages.status_of(error), error)
    return RedirectResponse(f"/follow-ups/{row.id}#said", 303)


def outcome(visit: Visit) -> Response:
    """Say what came of a request of ours. It stays here, so no key is needed."""
    name = visit.path("follow_up")
    try:
        came = visit.choice("outcome", Outcome)
        if came is None:
            raise errors.InputError(BAD_FIELD, "choose what came of it")
        row = followups.set_outcome(visit.node, name, came, visit.field("note"))
    except errors.PsihashError as error:
        return _page(visit, pages.status_of(error), error)
    return RedirectResponse(f"/follow-ups/{row.id}", 303)


def _page(visit: Visit, status: int = 200, error: errors.PsihashError | None = None) -> Response:
    row = followup_rows.find(visit.node, visit.path("follow_up"))
    said = followup_views.show(visit.node, row.id)
    view = followup_views.view(visit.node, row)
    writes = visit.may("follow-up write")
    may_say = followup_rows.open_steps(visit.node, row) if writes else []
    return pages.page(
        visit,
        "follow-up.html",
        f"Request {row.id[:12]}",
        status,
        view=view,
        said=said,
        cases=_cases(view, visit.node.agency, said),
        error=error,
        steps=[(step, words) for step, words in WORDS.items() if step in may_say],
        needs_outcome=writes and _needs_outcome(view),
        outcomes=list(Outcome),
        codes=list(HandlingCode),
        tlps=list(Tlp),
        given={name: visit.written(name) for name in ("step", "text", "note", "handling", "tlp")},
        most=MAX_LINES_TEXT,
    )


def _cases(view: FollowUpView, agency: str, said: dict[str, object]) -> list[tuple[str, str]]:
    """(whose, the case): the asker's own comes first in the document, whoever looks at it."""
    asked = said.get("request")
    if not isinstance(asked, dict):
        return []
    asks, answers = asked["case"], asked["peer_case"]
    mine, other = (asks, answers) if view.side == Side.ASKER else (answers, asks)
    return [
        ("Our case", cases.told(mine, view.peer, other)),
        ("Their case", cases.told(other, agency, mine)),
    ]


def _needs_outcome(view: FollowUpView) -> bool:
    return view.side == Side.ASKER and view.state in (State.GRANTED, State.REFUSED)
