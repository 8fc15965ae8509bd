"""Every page can be used by everybody: structure on each, contrast of each pair of colours."""

from __future__ import annotations

import re

import pytest

from tests.console import accessibility
from tests.console.office import STAFF, Office

TEXT_ON = {
    "text": ("page", "panel", "tint", "warn-tint", "bad-tint", "good-tint"),
    "muted": ("page", "panel", "tint", "warn-tint", "bad-tint", "good-tint"),
    "accent": ("page", "panel", "tint"),
    "good": ("panel", "good-tint", "tint"),
    "warn": ("panel", "warn-tint", "tint"),
    "bad": ("panel", "bad-tint", "tint"),
    "on-accent": ("accent",),
}
MARKS_ON = {"bar": ("panel",), "edge-line": ("panel", "page"), "focus": ("page", "panel")}


def paths(office: Office) -> list[str]:
    items, count = office.prepared.items, office.prepared.count
    ours, theirs = (row.id for row in office.node.stores.followups.all())
    notice = office.node.stores.corrections.all()[0].id
    return [
        "/", "/log", "/sessions", "/sessions?flag=refused", "/sessions?flag=unusual-size",
        "/sessions?since=never", f"/sessions/{items}", "/sessions/abcdef", "/ledger",
        "/disclosures", "/disclosures?since=2999-01-01", "/corrections", "/report", "/compare",
        "/inbox", "/inbox?all=yes", f"/inbox/{office.asked().id}", "/results", f"/results/{items}",
        f"/results/{count}", "/results?peer=nobody", "/follow-ups", f"/follow-ups/{ours}",
        f"/follow-ups/{theirs}", f"/results/{items}/ask", f"/results/{count}/ask", "/notices",
        f"/notices/{notice}", "/watches", "/watches?all=yes", f"/watches/{office.prepared.watch}",
        "/centre", "/account", "/no/such/page",
    ]  # fmt: skip


@pytest.mark.parametrize("who", STAFF)
def test_every_page_that_a_role_sees_is_well_made(office: Office, who: str) -> None:
    office.services.verifier.once()
    browser = office.browser(who)
    for path in paths(office):
        assert accessibility.problems(browser.get(path).text) == [], path


def test_the_page_to_log_in_is_well_made(office: Office) -> None:
    stranger = office.stranger()
    for answer in (stranger.get("/login"), stranger.log_in("nobody")):
        assert accessibility.problems(answer.text) == []


@pytest.mark.parametrize("scheme", ["light", "dark", "paper"])
def test_text_can_be_read(scheme: str) -> None:
    colours = accessibility.schemes()[scheme]
    for table, least in ((TEXT_ON, 4.5), (MARKS_ON, 3.0)):
        for front, backs in table.items():
            for back in backs:
                ratio = accessibility.contrast(colours[front], colours[back])
                assert ratio >= least, (front, back, round(ratio, 2))


def test_no_colour_stands_outside_the_schemes() -> None:
    css = accessibility.STYLE.read_text(encoding="utf-8")
    rest = re.sub(r":root \{[^}]*\}", "", css)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsl", rest) == []
    assert ":focus-visible" in rest
    assert re.findall(r"([^}]*)\{[^}]*outline: none", rest) == ["\nmain:focus-visible "]
    assert "url(" not in rest
    assert "@import" not in rest


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<input name=x>", "has no label"),
        ("<h3>deep</h3>", "follows one of level"),
        ("<svg></svg>", "a drawing"),
        ("<table><tr><th>a</th></tr></table>", "a table"),
        ("<p style='color:red'>x</p>", "with script or style"),
        ("<script>1</script>", "with script or style"),
        ("<a href=x></a>", "without a name"),
    ],
)
def test_the_checks_find_what_they_look_for(html: str, problem: str) -> None:
    page = (
        '<html lang="en"><head><title>t</title></head><body><a href="#main">s</a><header></header>'
        f"<main><h1>One</h1>{html}</main></body></html>"
    )
    assert any(problem in each for each in accessibility.problems(page))
    assert accessibility.problems(page.replace(html, "")) == []
