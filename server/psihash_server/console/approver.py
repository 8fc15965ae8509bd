"""The approver's inbox, the one page on a request, and the decision."""

from __future__ import annotations

from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from psihash import errors
from psihash.agreement.request import RequestKind
from psihash.node.node import Node
from psihash.node.peering import contact
from psihash.node.people import inbox as inboxes
from psihash.node.people import requests
from psihash_server.console import pages
from psihash_server.console.visit import BAD_FIELD, Visit

TERMS = RequestKind.AGREEMENT.value
KINDS = {
    RequestKind.PROPOSE: "our own terms",
    RequestKind.AGREEMENT: "a partner's terms",
    RequestKind.SESSION: "one session",
    RequestKind.OPERATOR: "a further approver",
    RequestKind.FOLLOW_UP: "a word about hits",
    RequestKind.CORRECTION: "a word about a correction",
    RequestKind.WATCH: "a standing query",
    RequestKind.CONTRIBUTION: "items for a centre",
    RequestKind.TAKE_IN: "items of a member",
}
"""What each kind of request is about, in words."""


def inbox(visit: Visit) -> Response:
    everything = visit.query("all") == "yes"
    return pages.page(
        visit,
        "inbox.html",
        "Inbox",
        found=inboxes.listing(visit.node, everything=everything),
        everything=everything,
        kinds=KINDS,
    )


def page(visit: Visit) -> Response:
    return _page(visit)


def decide(visit: Visit) -> Response:
    """The password opens the key that signs; what is wrong stands above the form again."""
    verdict, reason = visit.field("verdict", required=True), visit.field("reason", most=1_000)
    try:
        if verdict not in ("approve", "refuse"):
            raise errors.InputError(BAD_FIELD, "say approve or refuse")
        if not reason:
            raise errors.InputError(BAD_FIELD, "a decision needs a reason")
        visit.unlock()
        view = _decide(visit, verdict, reason)
    except errors.PsihashError as error:
        return _page(visit, pages.status_of(error), error, reason)
    task = BackgroundTask(tell, visit.node, view.peer) if view.peer else None
    return RedirectResponse(f"/inbox/{view.request}", 303, background=task)


def _decide(visit: Visit, verdict: str, reason: str) -> requests.RequestView:
    name = visit.path("request")
    if verdict == "refuse":
        return requests.refuse(visit.node, name, reason)
    return requests.approve(visit.node, name, reason)


def tell(node: Node, peer: str) -> None:
    """What was decided goes to the peer now where it can be reached, else at the next contact."""
    contact.try_sync(node, peer)


def _page(
    visit: Visit,
    status: int = 200,
    error: errors.PsihashError | None = None,
    reason: str = "",
) -> Response:
    view, sections = inboxes.page(visit.node, visit.path("request"))
    return pages.page(
        visit,
        "request.html",
        f"Request {view.request[:12]}",
        status,
        view=view,
        kinds=KINDS,
        sections=[(heading, text.splitlines()) for heading, text in sections],
        can_decide=view.state == "pending" and visit.may("request decide"),
        # Somebody here says first what we put in; then another person approves that.
        to_take_up=view.kind == TERMS and view.asked_by == requests.PEER,
        error=error,
        reason=reason,
    )
