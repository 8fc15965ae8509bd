"""Who sees which page: the table of use cases decides, for every route and role."""

from __future__ import annotations

import pytest
from psihash_server.console.routes import ROUTES, Route

from psihash.agreement.roster import OperatorRole
from psihash.node.people.roles import USE_CASES
from tests.console.office import STAFF, Office

ENDS = ("/logout", "/account/log-out")
"""Pages after which nobody is logged in."""


def allowed(route: Route, who: str) -> bool:
    roles = {OperatorRole(word) for word in STAFF[who].split("+")}
    return not route.use_case or bool(USE_CASES[route.use_case] & roles)


@pytest.mark.parametrize("who", STAFF)
def test_every_route_and_role(office: Office, who: str) -> None:
    browser = office.browser(who)
    csrf = browser.csrf()
    for route in ROUTES:
        if route.path in ENDS:
            continue
        if route.method == "GET":
            answer = browser.get(office.address(route.path))
        else:
            answer = browser.client.post(office.address(route.path), data={"csrf": csrf})
        refused = answer.status_code == 403
        assert refused is not allowed(route, who), (route, answer.status_code)
        assert ("role-required" in answer.text) is refused, route
        assert answer.status_code < 500, route


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_stranger_sees_nothing(office: Office, route: Route) -> None:
    stranger = office.stranger()
    if route.method == "GET":
        answer = stranger.get(office.address(route.path))
        assert answer.status_code == 303
        assert answer.headers["location"].partition("?")[0] == "/login"
    else:
        answer = stranger.client.post(office.address(route.path), data={"csrf": "0" * 64})
        assert answer.status_code == 401
    for said in ("be-police", "NL-2026-17", "jansen", office.prepared.items):
        assert said not in answer.text


def test_every_page_but_two_has_a_use_case() -> None:
    assert [r.path for r in ROUTES if not r.use_case] == ["/", "/logout"]
    assert {r.use_case for r in ROUTES if r.use_case} <= set(USE_CASES)


@pytest.mark.parametrize("who", STAFF)
def test_links_lead_where_the_role_may_go(office: Office, who: str) -> None:
    browser = office.browser(who)
    import re

    page = browser.get("/").text
    links = re.findall(r'<a href="(/[a-z-]+)"', page.partition("<nav")[2].partition("</nav>")[0])
    assert links
    for link in links:
        assert browser.get(link).status_code == 200
