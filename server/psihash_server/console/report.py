"""One page with everything, to print or to keep as PDF."""

from __future__ import annotations

from starlette.responses import Response

from psihash.node.oversight import (
    charges_over_time,
    correction_times,
    disclosures,
    log_state,
    session_list,
)
from psihash.node.oversight.session_list import Filter, Flag
from psihash_server.console import oversight, pages, session_pages
from psihash_server.console.visit import Visit

ROWS = 40
"""Sessions of each kind on paper; the file for spreadsheets has all of them."""


def page(visit: Visit) -> Response:
    node, chosen = visit.node, session_pages.wanted(visit)
    filters = [chosen, *(_with(chosen, flag) for flag in Flag)]
    every, *marked = session_list.beginnings(node, filters, ROWS)
    disclosed = disclosures.summed(node, chosen)
    corrections = correction_times.of(node, chosen.peer)
    return pages.page(
        visit,
        "report.html",
        "Report",
        chosen=chosen,
        state=log_state.state(node),
        verified=visit.services.verifier.last,
        sessions=every,
        marked=list(zip(Flag, marked, strict=True)),
        disclosed=disclosed,
        disclosed_chart=oversight.handling_chart(disclosed),
        ledger=[
            (each, oversight.month_chart(number, each))
            for number, each in enumerate(charges_over_time.by_peer(node))
            if chosen.peer in ("", each.peer)
        ],
        corrections=corrections,
        corrections_chart=oversight.correction_chart(corrections),
        settings=node.settings,
        peers=pages.peers(visit),
    )


def _with(chosen: Filter, flag: Flag) -> Filter:
    return Filter(
        chosen.peer,
        chosen.purpose,
        chosen.operator,
        chosen.since,
        chosen.until,
        frozenset({flag}),
    )
