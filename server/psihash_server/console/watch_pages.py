"""Standing queries against a central set: when they run, and what they found."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from psihash import errors
from psihash.node.watching import news, watches
from psihash_server.console import hit_pages, pages
from psihash_server.console.visit import Visit

RUNS = 10


def listing(visit: Visit) -> Response:
    everything = visit.query("all") == "yes"
    return pages.page(
        visit,
        "watches.html",
        "Watches",
        found=watches.listing(visit.node, everything=everything),
        undecided=news.summary(visit.node)["unconfirmed_hits"],
        everything=everything,
    )


def show(visit: Visit) -> Response:
    """The look at the hits is recorded."""
    return _page(visit)


def decide(visit: Visit) -> Response:
    """Confirm or reject hits; what is wrong stands above the form again."""
    view, _ = watches.runs(visit.node, visit.path("watch"), 1)
    try:
        hit_pages.decide(visit, view.watch)
    except errors.PsihashError as error:
        return _page(visit, pages.status_of(error), error)
    return RedirectResponse(f"/watches/{view.watch}#hits", 303)


def _page(visit: Visit, status: int = 200, error: errors.PsihashError | None = None) -> Response:
    view, runs = watches.runs(visit.node, visit.path("watch"), RUNS)
    return pages.page(
        visit,
        "watch.html",
        f"Watch {view.watch[:12]}",
        status,
        view=view,
        runs=runs,
        hits=hit_pages.shown(visit, view.watch),
        error=error,
    )
