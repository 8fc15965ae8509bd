"""The first page: what waits for whoever logged in."""

from __future__ import annotations

from starlette.responses import Response

from psihash.node.casework import followup_views
from psihash.node.oversight import log_state, session_list
from psihash.node.oversight.session_list import Filter, Flag
from psihash.node.people import inbox
from psihash.node.running import result_list
from psihash.node.watching import news
from psihash_server.console import pages
from psihash_server.console.visit import Visit

_URGENT_SHOWN = 5


def overview(visit: Visit) -> Response:
    """A card for each part of the console that the roles open."""
    node = visit.node
    waiting = inbox.listing(node) if visit.may("inbox show") else None
    found = result_list.listing(node, rows=_URGENT_SHOWN) if visit.may("session show") else None
    return pages.page(
        visit,
        "home.html",
        "Overview",
        waiting=waiting,
        results=found,
        casework=followup_views.summary(node) if visit.may("follow-up show") else None,
        watched=news.summary(node) if visit.may("watch list") else None,
        state=log_state.state(node) if visit.may("oversight") else None,
        recent=session_list.listing(node, Filter(), rows=1) if visit.may("oversight") else None,
        flags=list(Flag),
        verified=visit.services.verifier.last,
    )
