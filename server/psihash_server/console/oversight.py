"""The auditor's pages with sums: the log, the ledger, disclosures, corrections."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from psihash.node.oversight import (
    charges_over_time,
    correction_times,
    log_state,
    session_list,
)
from psihash.node.oversight import (
    disclosures as disclosed,
)
from psihash.node.oversight.charges_over_time import PeerMonths
from psihash.node.oversight.correction_times import CorrectionTimes
from psihash.node.oversight.disclosures import NO_CODE, Disclosed
from psihash_server.console import charts, pages, session_pages
from psihash_server.console.charts import Bar
from psihash_server.console.visit import Visit


def log(visit: Visit) -> Response:
    verifier = visit.services.verifier
    return pages.page(
        visit,
        "log.html",
        "State of the log",
        state=log_state.state(visit.node),
        verified=verifier.last,
        busy=verifier.busy,
    )


def verify(visit: Visit) -> Response:
    visit.services.verifier.ask()
    return RedirectResponse("/log", 303)


def ledger(visit: Visit) -> Response:
    found = charges_over_time.by_peer(visit.node)
    charted = [(peer, month_chart(number, peer)) for number, peer in enumerate(found)]
    return pages.page(visit, "ledger.html", "Ledger over time", found=charted)


def disclosures(visit: Visit) -> Response:
    chosen = session_pages.wanted(visit)
    found = disclosed.summed(visit.node, chosen)
    return pages.page(
        visit,
        "disclosures.html",
        "Disclosures by handling code",
        found=found,
        chart=handling_chart(found),
        chosen=chosen,
        fields=session_pages.pairs(chosen),
        peers=session_list.choices(visit.node).peers,
    )


def corrections(visit: Visit) -> Response:
    found = correction_times.of(visit.node, visit.query("peer"))
    return pages.page(
        visit, "corrections.html", "Corrections", found=found, chart=correction_chart(found)
    )


def month_chart(number: int, each: PeerMonths) -> charts.Chart:
    bars = [
        Bar(month.month, month.elements, f"{month.elements:,} elements in {month.sessions}")
        for month in each.months
    ]
    return charts.columns(
        f"months-{number}",
        f"Elements charged with {each.peer} by month",
        bars,
    )


def handling_chart(found: list[Disclosed]) -> charts.Chart:
    sums: dict[str, int] = {}
    for each in found:
        sums[each.handling] = sums.get(each.handling, 0) + each.times
    bars = [
        Bar("no code" if code == NO_CODE else code, count, f"{count:,}")
        for code, count in sums.items()
    ]
    return charts.rows("handling", "Disclosures by handling code", bars)


def correction_chart(found: CorrectionTimes) -> charts.Chart:
    bars = [Bar(name, count, f"{count:,}") for name, count in found.bands]
    return charts.rows("corrections", "Corrections that came in, by the time they took", bars)
