"""The analyst's pages of results: the list, and one with its links and hits."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from psihash import errors
from psihash.agreement import cases
from psihash.export.report import has_items
from psihash.node.casework import followup_rows
from psihash.node.running import link_graph, result_list, sessions
from psihash_server.console import graph, hit_pages, pages
from psihash_server.console.visit import Visit

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
    return _result(visit)


def decide(visit: Visit) -> Response:
    """Confirm or reject hits; what is wrong stands above the form again."""
    name = visit.path("session")
    try:
        hit_pages.decide(visit, name)
    except errors.PsihashError as error:
        return _result(visit, pages.status_of(error), error)
    row = sessions.find(visit.node, name)
    return RedirectResponse(f"/results/{row.id}#hits", 303)


def _result(visit: Visit, status: int = 200, error: errors.PsihashError | None = None) -> Response:
    view, found = sessions.show(visit.node, visit.path("session"))
    if found is None:
        return pages.page(visit, "no-result.html", f"Session {view.session[:12]}", view=view)
    links = link_graph.of_result(found)
    return pages.page(
        visit,
        "result.html",
        f"Result with {found.peer}",
        status,
        error=error,
        found=found,
        peer_case=cases.told(found.peer_case, visit.node.agency, found.case),
        handling=followup_rows.session_handling(visit.node, found.session),
        edges=links.edges[:EDGES_IN_TABLE],
        more_edges=max(0, len(links.edges) - EDGES_IN_TABLE),
        series=links.peer,
        drawing=graph.draw(links),
        urgent=result_list.urgent(found),
        has_items=has_items(found),
        learns=any(part.matched is not None for part in found.algorithms.values()),
        hits=hit_pages.shown(visit, found.session) if has_items(found) else None,
    )
