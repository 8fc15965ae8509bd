"""Bar charts as SVG, drawn here: a role, a title and a description with every value, so that who
listens learns the same; colours come from the style sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from markupsafe import Markup

from psihash.export.report import one_line

Chart = Markup

_WIDTH: Final = 640
_LEFT: Final = 64
_ROW: Final = 30
_LABEL: Final = 150


@dataclass(frozen=True, slots=True)
class Bar:
    """``words`` says the value for the description and, in rows, beside the bar."""

    label: str
    value: int
    words: str


def columns(name: str, title: str, bars: Sequence[Bar]) -> Chart:
    """Upright bars, one for each month. ``name`` is unique on the page."""
    height, top, floor = 280, 14, 246
    most = nice(max((bar.value for bar in bars), default=0))
    step = (_WIDTH - _LEFT - 8) / max(1, len(bars))
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = floor - share * (floor - top)
        parts.append(_line("grid", _LEFT, y, _WIDTH - 8, y))
        parts.append(words_at("tick", _LEFT - 8, y + 4, short(int(most * share)), "end"))
    for number, bar in enumerate(bars):
        x, tall = _LEFT + number * step, (floor - top) * bar.value / most if most else 0.0
        if bar.value:
            tall = max(tall, 1.5)
            parts.append(_rect("bar", x + step * 0.18, floor - tall, step * 0.64, tall))
        parts.append(words_at("tick", x + step / 2, floor + 18, month(bar.label, number), "middle"))
    return _svg(name, title, bars, height, parts)


def rows(name: str, title: str, bars: Sequence[Bar]) -> Chart:
    """Lying bars with their labels on the left and their values at the end."""
    most = max((bar.value for bar in bars), default=0)
    room = _WIDTH - _LABEL - 90
    parts = []
    for number, bar in enumerate(bars):
        y = 8 + number * _ROW
        parts.append(words_at("label", _LABEL - 10, y + 16, bar.label, "end"))
        wide = room * bar.value / most if most else 0.0
        if bar.value:
            parts.append(_rect("bar", _LABEL, y + 3, max(wide, 2.0), _ROW - 12))
        parts.append(words_at("tick", _LABEL + wide + 8, y + 16, bar.words, "start"))
    parts.append(_line("axis", _LABEL, 6, _LABEL, 10 + len(bars) * _ROW))
    return _svg(name, title, bars, 16 + len(bars) * _ROW, parts)


def nice(value: int) -> int:
    """A round number at or above: 1, 2 or 5 with zeros."""
    if value <= 0:
        return 0
    unit: int = 10 ** (len(str(value)) - 1)
    return next(unit * step for step in (1, 2, 5, 10) if unit * step >= value)


def short(value: int) -> str:
    """``1.2M``, ``45k``: few characters for an axis."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + letter
    return str(value)


_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - short


def month(label: str, place: int) -> str:
    """``Jan 26`` at the left and in January, else ``Feb``."""
    year, _, number = label.partition("-")
    if not number.isdigit():
        return label
    name = _MONTHS[int(number) - 1]
    return f"{name} {year[2:]}" if place == 0 or number == "01" else name


def _svg(name: str, title: str, bars: Sequence[Bar], height: int, parts: Sequence[str]) -> Chart:
    told = "; ".join(f"{bar.label}: {bar.words}" for bar in bars if bar.value)
    return svg(name, title, told or "There is nothing to show.", _WIDTH, height, parts)


def svg(
    name: str, title: str, description: str, width: int, height: int, parts: Sequence[str]
) -> Chart:
    """A drawing with its words. ``parts`` are escaped already."""
    return Markup(  # noqa: S704 - every text in it was escaped
        "".join(_drawing(name, title, description, width, height, parts))
    )


def _drawing(
    name: str, title: str, description: str, width: int, height: int, parts: Sequence[str]
) -> Iterator[str]:
    yield f'<svg class="drawing" role="img" viewBox="0 0 {width} {height}" '
    yield f'aria-labelledby="{name}-title {name}-desc">'
    yield f'<title id="{name}-title">{text(title)}</title>'
    yield f'<desc id="{name}-desc">{text(description)}</desc>'
    yield from parts
    yield "</svg>"


def text(words: str) -> str:
    """Escaped, on one line."""
    return escape(one_line(words))


def words_at(kind: str, x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text(words)}</text>'
    )


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _rect(kind: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        ' rx="2"/>'
    )
