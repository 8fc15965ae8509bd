"""What a page must have so that everybody can use it, checked on its HTML and on the style sheet.

Our own small list, after WCAG 2.2: language, title, landmarks, order of headings, names of fields,
buttons, links and drawings, scopes of tables, no script, no inline style, contrast of the colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Final

import psihash_server.console

STYLE: Final = Path(psihash_server.console.__file__).parent / "static" / "console.css"
_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta"})
_OPTIONAL_END: Final = frozenset({"option", "li", "p", "dt", "dd"})


@dataclass
class Element:
    """``text`` is all text in it."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, *tags: str) -> Iterator[Element]:
        for child in self.children:
            if not tags or child.tag in tags:
                yield child
            yield from child.all(*tags)

    def within(self, tag: str) -> bool:
        return self.parent is not None and (self.parent.tag == tag or self.parent.within(tag))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("", {})
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(made)
        if tag not in _VOID:
            self.at = made

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.children.append(Element(tag, {n: v or "" for n, v in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        while self.at.tag != tag and self.at.tag in _OPTIONAL_END and self.at.parent:
            self.at = self.at.parent
        if self.at.tag != tag or self.at.parent is None:
            self.problems.append(f"</{tag}> closes <{self.at.tag}>")
            return
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        at: Element | None = self.at
        while at is not None:
            at.text += data
            at = at.parent


def problems(html: str) -> list[str]:
    """What is wrong with a page; empty where nothing is."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    root = reader.root
    found = [*reader.problems]
    found += _document(root)
    found += _headings(root)
    found += _names(root)
    found += _tables(root)
    found += _drawings(root)
    return found


def _document(root: Element) -> Iterator[str]:
    (html,) = root.all("html")
    if html.attributes.get("lang") != "en":
        yield "the page has no language"
    if not next(iter(root.all("title")), Element("", {})).text.strip():
        yield "the page has no title"
    for tag in ("main", "header"):
        if len(list(root.all(tag))) != 1:
            yield f"the page has not exactly one <{tag}>"
    navigation = list(root.all("nav"))
    names = [each.attributes.get("aria-label", "") for each in navigation]
    if len(set(names)) != len(names) or "" in names:
        yield "navigations without names of their own"
    first = next((e for e in root.all("a", "button", "input")), None)
    if first is None or first.attributes.get("href") != "#main":
        yield "the first thing to reach is not the link to the content"
    ids = [each.attributes["id"] for each in root.all() if "id" in each.attributes]
    for twice in {each for each in ids if ids.count(each) > 1}:
        yield f"the id {twice} stands twice"
    for each in root.all():
        if each.tag in ("script", "style") or "style" in each.attributes:
            yield f"<{each.tag}> with script or style"
        for name in each.attributes:
            if name.startswith("on"):
                yield f"<{each.tag}> with the handler {name}"


def _headings(root: Element) -> Iterator[str]:
    levels = [int(each.tag[1]) for each in root.all("h1", "h2", "h3", "h4")]
    if levels.count(1) != 1 or levels[:1] != [1]:
        yield "not exactly one first heading, in front"
    for before, after in pairwise(levels):
        if after > before + 1:
            yield f"a heading of level {after} follows one of level {before}"
    for each in root.all("h1", "h2", "h3"):
        if not each.text.strip():
            yield "an empty heading"


def _names(root: Element) -> Iterator[str]:
    labelled = {each.attributes.get("for") for each in root.all("label")}
    for each in root.all("input", "select", "textarea"):
        if each.attributes.get("type") == "hidden":
            continue
        named = each.attributes.get("id") in labelled or each.within("label")
        if not named and not each.attributes.get("aria-label"):
            yield f"the field {each.attributes.get('name')} has no label"
    for each in root.all("button", "a"):
        if not each.text.strip() and not each.attributes.get("aria-label"):
            yield f"a <{each.tag}> without a name"
    for each in root.all("fieldset"):
        if not any(True for _ in each.all("legend")):
            yield "a fieldset without a legend"
    for each in root.all("img"):
        if "alt" not in each.attributes:
            yield "an image without a text"


def _tables(root: Element) -> Iterator[str]:
    for table in root.all("table"):
        if not next(iter(table.all("caption")), Element("", {})).text.strip():
            yield "a table without a caption"
        for cell in table.all("th"):
            if cell.attributes.get("scope") not in ("col", "row"):
                yield "a heading of a table without scope"
        columns = len([c for c in table.all("th") if c.attributes.get("scope") == "col"])
        for body in table.all("tbody"):
            for row in body.all("tr"):
                if len([c for c in row.children if c.tag in ("td", "th")]) != columns:
                    yield "a row with another number of cells than columns"
                if not any(c.tag == "th" for c in row.children):
                    yield "a row without a heading"


def _drawings(root: Element) -> Iterator[str]:
    for each in root.all("svg"):
        words = {child.attributes.get("id"): child.text for child in each.all("title", "desc")}
        named = each.attributes.get("aria-labelledby", "").split()
        if each.attributes.get("role") != "img" or len(named) != 2:
            yield "a drawing without its role and two names"
        if not all(words.get(name, "").strip() for name in named):
            yield "a drawing without title and description"
        parent = each.parent
        while parent is not None and "panel" not in parent.attributes.get("class", ""):
            parent = parent.parent
        if parent is None or not any(True for _ in parent.all("table")):
            yield "a drawing without a table beside it"


# --- colours ------------------------------------------------------------------------------------


def schemes() -> dict[str, dict[str, str]]:
    """The colours of the style sheet by name: light, dark and on paper."""
    css = STYLE.read_text(encoding="utf-8")
    blocks = re.findall(r":root \{([^}]*)\}", css)
    read = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in blocks]
    light, dark, paper = read
    return {"light": light, "dark": light | dark, "paper": light | paper}


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2 between two colours, 1 to 21."""
    first, second = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (first + 0.05) / (second + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
