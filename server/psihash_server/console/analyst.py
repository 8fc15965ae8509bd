"""The analyst's pages: results with their links, hits, and follow-ups with their clocks."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from psihash import errors
from psihash.casework.words import HitVerdict
from psihash.export.report import has_items
from psihash.node.casework import followup_rows, followup_views, hits
from psihash.node.running import link_graph, result_list, sessions
from psihash.session.result import SessionResult
from psihash_server.console import graph, pages
from psihash_server.console.visit import BAD_FIELD, Visit

HITS_ON_PAGE = 50
EDGES_IN_TABLE = 200
"""Pairs that the table shows; an export of the result has all of them."""


def results(visit: Visit) -> Response:
    page = visit.number("page") or 0
    by_time = visit.query("order") == "time"
    peer = visit.query("peer")
    return pages.page(
        visit,
        "results.html",
        "Results",
        found=result_list.listing(visit.node, peer, page, by_time=by_time),
        page=page,
        rows=result_list.PAGE_ROWS,
        by_time=by_time,
        peer=peer,
        peers=pages.peers(visit),
    )


def result(visit: Visit) -> Response:
    """The look at the result is recorded, and the look at the hits too."""
    view, found = sessions.show(visit.node, visit.path("session"))
    if found is None:
        return pages.page(visit, "no-result.html", f"Session {view.session[:12]}", view=view)
    links = link_graph.of_result(found)
    page, listed = visit.number("page") or 0, _hits(visit, found)
    return pages.page(
        visit,
        "result.html",
        f"Result with {found.peer}",
        found=found,
        handling=followup_rows.session_handling(visit.node, found.session),
        edges=links.edges[:EDGES_IN_TABLE],
        more_edges=max(0, len(links.edges) - EDGES_IN_TABLE),
        series=links.peer,
        drawing=graph.draw(links),
        urgent=result_list.urgent(found),
        has_items=has_items(found),
        learns=any(part.matched is not None for part in found.algorithms.values()),
        hits=listed[page * HITS_ON_PAGE : (page + 1) * HITS_ON_PAGE],
        hits_total=len(listed),
        undecided=sum(each.status == hits.UNCONFIRMED for each in listed),
        page=page,
        rows=HITS_ON_PAGE,
    )


def decide(visit: Visit) -> Response:
    """Confirm or reject the hits that were ticked, or all that nobody decided."""
    session, verdict = visit.path("session"), visit.field("verdict", required=True)
    if verdict not in set(HitVerdict):
        raise errors.InputError(BAD_FIELD, "say confirmed or rejected")
    hits.decide(
        visit.node,
        session,
        visit.fields("hit"),
        HitVerdict(verdict),
        visit.field("reason", required=True, most=1_000),
        everything=visit.field("everything") == "yes",
    )
    row = sessions.find(visit.node, session)
    return RedirectResponse(f"/results/{row.id}#hits", 303)


def follow_ups(visit: Visit) -> Response:
    return pages.page(
        visit,
        "follow-ups.html",
        "Follow-ups",
        found=followup_views.listing(visit.node),
        summary=followup_views.summary(visit.node),
    )


def follow_up(visit: Visit) -> Response:
    row = followup_rows.find(visit.node, visit.path("follow_up"))
    return pages.page(
        visit,
        "follow-up.html",
        f"Request {row.id[:12]}",
        view=followup_views.view(visit.node, row),
        said=followup_views.show(visit.node, row.id),
    )


def _hits(visit: Visit, found: SessionResult) -> list[hits.HitView]:
    if not has_items(found) or not visit.may("hit list"):
        return []
    listed = hits.listing(visit.node, found.session)
    # What presses comes first: identified there and open here, and not decided yet.
    return sorted(
        listed,
        key=lambda each: (not each.identified_there_open_here, each.status != hits.UNCONFIRMED),
    )
