"""Correction notices for those who act on them: the list, and one with what it reaches."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from psihash import errors
from psihash.casework.words import MAX_LINES_TEXT, Action, NoticeSide
from psihash.node.casework import corrections, releasing
from psihash_server.console import pages
from psihash_server.console.visit import BAD_FIELD, Visit

DONE = {
    Action.REMOVED: "Removed from our work",
    Action.MARKED: "Marked in our work as doubtful",
    Action.KEPT: "Kept, for reasons of our own",
}
"""What can be done about one, in words."""


def listing(visit: Visit) -> Response:
    return pages.page(
        visit, "notices.html", "Correction notices", found=corrections.listing(visit.node)
    )


def show(visit: Visit) -> Response:
    return _page(visit)


def resolve(visit: Visit) -> Response:
    """Say what was done; the partner hears of it when an approver agrees."""
    name = visit.path("notice")
    try:
        action = visit.choice("action", Action)
        if action not in DONE:
            raise errors.InputError(BAD_FIELD, "choose what was done")
        text = visit.field("text", required=True, most=MAX_LINES_TEXT)
        visit.unlock()
        view = corrections.resolve(visit.node, name, action, text)
    except errors.PsihashError as error:
        return _page(visit, pages.status_of(error), error)
    return RedirectResponse(f"/notices/{view.correction}", 303)


def _page(visit: Visit, status: int = 200, error: errors.PsihashError | None = None) -> Response:
    view, text, done = corrections.show(visit.node, visit.path("notice"))
    waits = view.side == NoticeSide.RECEIVER and view.state == releasing.OPEN
    return pages.page(
        visit,
        "notice.html",
        f"Notice {view.correction[:12]}",
        status,
        view=view,
        text=text,
        done=done,
        waits=waits,
        answered=view.state == releasing.WAITING,
        can_resolve=waits and visit.may("correction write"),
        actions=DONE,
        words=DONE | {Action.RECEIVED: "taken by their node"},
        error=error,
        given={name: visit.written(name) for name in ("action", "text")},
        most=MAX_LINES_TEXT,
    )
