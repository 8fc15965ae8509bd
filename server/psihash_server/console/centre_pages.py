"""What this node publishes as a centre, what members gave, and what they asked for."""

from __future__ import annotations

from starlette.responses import Response

from psihash.node.central import overview, taking_in
from psihash_server.console import charts, pages
from psihash_server.console.charts import Bar
from psihash_server.console.visit import Visit


def show(visit: Visit) -> Response:
    if not overview.is_centre(visit.node):
        return pages.page(visit, "no-centre.html", "Centre")
    found = overview.overview(visit.node)
    bars = [Bar(each.member, each.elements, f"{each.elements:,}") for each in found.members]
    return pages.page(
        visit,
        "centre.html",
        "Centre",
        found=found,
        given=taking_in.sentence(found.figures),
        chart=charts.rows("members", "Elements that each member asked for", bars),
    )
