"""What a person does in a browser, in words of the tests."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.node.crew import password

FOCUSED = """() => {
  const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  return {
    tag: e.tagName, name: (e.textContent || e.name || '').trim().slice(0, 40),
    id: e.id || e.name || '', href: e.getAttribute('href') || '',
    ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0,
  };
}"""


def log_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password(name).decode())
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def heading(page: Page) -> Any:
    return expect(page.get_by_role("heading", level=1))


def follow(page: Page, link: str) -> None:
    page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name=link).click()


def reach(page: Page, wanted: Any, most: int = 60) -> None:
    """Press Tab until what is wanted has the focus; everything on the way must show it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found["tag"] == "BODY":
            continue
        assert found["ring"], found
        assert found["seen"], found
        if wanted(found):
            return
    raise AssertionError("the keyboard does not lead there")
