"""Every page of the console, and the use case whose roles may see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from psihash_server.console import (
    account,
    analyst,
    approver,
    asking,
    centre_pages,
    comparing,
    exports,
    follow_up_pages,
    home,
    notices,
    oversight,
    own_account,
    report,
    session_pages,
    watch_pages,
)
from psihash_server.console.visit import Visit


@dataclass(frozen=True, slots=True)
class Route:
    """``use_case`` is a row of :data:`psihash.node.people.roles.USE_CASES`; empty for pages that
    everybody who is logged in has."""

    method: str
    path: str
    handler: Callable[[Visit], Response]
    use_case: str = ""


ROUTES: Final = (
    Route("GET", "/", home.overview),
    Route("POST", "/logout", account.logout),
    Route("GET", "/log", oversight.log, "oversight"),
    Route("POST", "/log/verify", oversight.verify, "oversight"),
    Route("GET", "/sessions", session_pages.listing, "oversight"),
    Route("GET", "/sessions/{session}", session_pages.timeline, "oversight"),
    Route("GET", "/ledger", oversight.ledger, "oversight"),
    Route("GET", "/disclosures", oversight.disclosures, "oversight"),
    Route("GET", "/corrections", oversight.corrections, "oversight"),
    Route("GET", "/report", report.page, "oversight"),
    Route("POST", "/export/{table}", exports.write, "oversight"),
    Route("GET", "/compare", comparing.form, "audit export"),
    Route("POST", "/compare", comparing.compare, "audit export"),
    Route("GET", "/inbox", approver.inbox, "inbox show"),
    Route("GET", "/inbox/{request}", approver.page, "inbox show"),
    Route("POST", "/inbox/{request}", approver.decide, "request decide"),
    Route("GET", "/results", analyst.results, "session show"),
    Route("GET", "/results/{session}", analyst.result, "session show"),
    Route("POST", "/results/{session}", analyst.decide, "hit decide"),
    Route("GET", "/results/{session}/ask", asking.form, "follow-up write"),
    Route("POST", "/results/{session}/ask", asking.ask, "follow-up write"),
    Route("GET", "/follow-ups", follow_up_pages.listing, "follow-up show"),
    Route("GET", "/follow-ups/{follow_up}", follow_up_pages.show, "follow-up show"),
    Route("POST", "/follow-ups/{follow_up}", follow_up_pages.say, "follow-up write"),
    Route("POST", "/follow-ups/{follow_up}/outcome", follow_up_pages.outcome, "follow-up write"),
    Route("GET", "/notices", notices.listing, "correction show"),
    Route("GET", "/notices/{notice}", notices.show, "correction show"),
    Route("POST", "/notices/{notice}", notices.resolve, "correction write"),
    Route("GET", "/watches", watch_pages.listing, "watch list"),
    Route("GET", "/watches/{watch}", watch_pages.show, "watch list"),
    Route("POST", "/watches/{watch}", watch_pages.decide, "hit decide"),
    Route("GET", "/centre", centre_pages.show, "central show"),
    Route("GET", "/account", own_account.show, "operator password"),
    Route("POST", "/account/password", own_account.change_password, "operator password"),
    Route("POST", "/account/log-out", own_account.log_out_everywhere, "operator password"),
)
