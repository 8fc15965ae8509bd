"""Cost against set size as an SVG that can be read, printed and listened to.

Both axes are logarithmic. Each engine has a line with a colour, a marker shape and a name at its
end, so nothing depends on seeing colours; what was not measured is dashed and its markers are
hollow. The description holds every value in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from xml.etree import ElementTree as Xml

from psihash_client.bench.model import ENGINES, Row, extrapolate, largest

SVG: Final = "http://www.w3.org/2000/svg"
TITLE: Final = "Time for one match, by the number of items on each side"

SMALLEST, LARGEST = 10_000, 10_000_000
"""The axis shows at least this."""

_WIDTH, _HEIGHT = 900, 560
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 220, 70, 70
_LABEL_GAP: Final = 18
_LEAST: Final = 0.001
"""Seconds; nothing shorter is measured, and zero has no place on the axis."""
_INK, _GRID, _PAPER = "#1a1a1a", "#c8c8c8", "#ffffff"
_COLOURS: Final = ("#0b5fa5", "#a33b00", "#4d4d4d", "#6b2d8c", "#00695c", "#8a6d00")
"""Dark enough on white for text (at least 4.5 to 1)."""

_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


@dataclass(frozen=True, slots=True)
class Series:
    """One line: an engine, and who learns."""

    name: str
    colour: str
    shape: str
    rows: Sequence[Row]
    """By size; from the first extrapolated one on, none is measured."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """Powers of ten between which an axis lies, and where they are drawn."""

    low: int
    high: int
    at_low: float
    at_high: float

    def place(self, value: float) -> float:
        share = (_power(value) - self.low) / (self.high - self.low)
        return round(self.at_low + share * (self.at_high - self.at_low), 1)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def draw(rows: Sequence[Row]) -> str:
    """The chart as text. Every line is drawn on to ten million items."""
    lines = series(rows)
    shown = [row for line in lines for row in line.rows]
    sizes = [row.items for row in shown] + [SMALLEST, LARGEST]
    costs = [row.seconds for row in shown] or [1.0]
    across = _scale(sizes, _LEFT, _WIDTH - _RIGHT)
    up = _scale(costs, _HEIGHT - _BOTTOM, _TOP)
    root = Xml.Element(
        "svg",
        {
            "xmlns": SVG,
            "viewBox": f"0 0 {_WIDTH} {_HEIGHT}",
            "role": "img",
            "aria-labelledby": "chart-title chart-description",
            "font-family": "sans-serif",
            "font-size": "14",
            "fill": _INK,
        },
    )
    Xml.SubElement(root, "title", {"id": "chart-title"}).text = TITLE
    Xml.SubElement(root, "desc", {"id": "chart-description"}).text = _in_words(lines)
    Xml.SubElement(root, "rect", _attributes(width=_WIDTH, height=_HEIGHT, fill=_PAPER))
    _text(root, TITLE, x=_LEFT, y=30, font_size=18)
    _axes(root, across, up)
    for line in lines:
        _line(root, line, across, up)
    _labels(root, lines, up)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode") + "\n"


def series(rows: Sequence[Row]) -> list[Series]:
    """One line for each engine and who learns, each drawn on to :data:`LARGEST`."""
    names = sorted({(ENGINES.index(row.engine), row.learn) for row in rows})
    lines = []
    for number, (engine, learn) in enumerate(names):
        own = [row for row in rows if (ENGINES.index(row.engine), row.learn) == (engine, learn)]
        base = largest(own, ENGINES[engine], learn)
        if base is not None and max(row.items for row in own) < LARGEST:
            own.append(extrapolate(base, LARGEST))
        own.sort(key=lambda row: row.items)
        who = "both learn" if learn == "both" else f"{learn} learns"
        colour = _COLOURS[number % len(_COLOURS)]
        lines.append(
            Series(f"{ENGINES[engine]}, {who}", colour, _SHAPES[number % len(_SHAPES)], own)
        )
    return lines


def duration(seconds: float) -> str:
    """``0.3 seconds``, ``12 seconds``, ``3 minutes``, as people say it."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} seconds" if seconds >= 10 else f"{seconds:.2g} seconds"


def _in_words(lines: Sequence[Series]) -> str:
    said = []
    for line in lines:
        values = (
            f"{row.items:,} items {duration(row.seconds)}"
            + (" (extrapolated)" if row.extrapolated else "")
            for row in line.rows
        )
        said.append(f"{line.name}: {'; '.join(values)}.")
    return " ".join(said) or "Nothing was measured."


def _scale(values: Sequence[float], at_low: float, at_high: float) -> _Scale:
    low, high = math.floor(_power(min(values))), math.ceil(_power(max(values)))
    return _Scale(low, max(high, low + 1), at_low, at_high)


def _power(value: float) -> float:
    return math.log10(max(value, _LEAST))


def _axes(root: Xml.Element, across: _Scale, up: _Scale) -> None:
    for tick in across.ticks():
        x = across.place(tick)
        _stroke(root, [(x, up.at_low), (x, up.at_high)], _GRID)
        _text(root, f"{tick:,.0f}", x=x, y=up.at_low + 24, text_anchor="middle")
    for tick in up.ticks():
        y = up.place(tick)
        _stroke(root, [(across.at_low, y), (across.at_high, y)], _GRID)
        digits = max(0, -round(math.log10(tick)))
        _text(root, f"{tick:,.{digits}f} s", x=across.at_low - 10, y=y + 5, text_anchor="end")
    middle = (across.at_low + across.at_high) / 2
    _text(root, "items on each side", x=middle, y=_HEIGHT - 18, text_anchor="middle")
    _text(root, "seconds, both parties on this machine; dashed: extrapolated", x=_LEFT, y=54)


def _line(root: Xml.Element, line: Series, across: _Scale, up: _Scale) -> None:
    group = Xml.SubElement(root, "g", {"aria-label": line.name})
    points = [(across.place(row.items), up.place(row.seconds)) for row in line.rows]
    for (here, there), row in zip(pairwise(points), line.rows[1:], strict=True):
        _stroke(group, [here, there], line.colour, width=2.5, dashed=row.extrapolated)
    for (x, y), row in zip(points, line.rows, strict=True):
        fill = _PAPER if row.extrapolated else line.colour
        mark = Xml.SubElement(group, "path", _attributes(
            d=_outline(line.shape, x, y), fill=fill, stroke=line.colour, stroke_width=2
        ))  # fmt: skip
        state = ", extrapolated" if row.extrapolated else ""
        tip = f"{line.name}, {row.items:,} items: {duration(row.seconds)}{state}"
        Xml.SubElement(mark, "title").text = tip


def _labels(root: Xml.Element, lines: Sequence[Series], up: _Scale) -> None:
    """Names at the ends of the lines, moved apart where they would meet."""
    ends = sorted((up.place(line.rows[-1].seconds), number) for number, line in enumerate(lines))
    last = -math.inf
    for y, number in ends:
        last = max(y, last + _LABEL_GAP)
        line = lines[number]
        _text(root, line.name, x=_WIDTH - _RIGHT + 14, y=last + 5, fill=line.colour)


def _outline(shape: str, x: float, y: float) -> str:
    return f"M{x} {y} {shape}"


_SHAPES: Final = (
    "m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "m-5 -5h10v10h-10z",
    "m0 -6l6 11h-12z",
    "m0 -7l7 7l-7 7l-7 -7z",
    "m0 6l6 -11h-12z",
    "m-3 -7h6v4h4v6h-4v4h-6v-4h-4v-6h4z",
)
"""Circle, square, triangle, diamond, triangle on its tip and cross around the current point."""


def _stroke(
    parent: Xml.Element,
    points: Sequence[tuple[float, float]],
    colour: str,
    *,
    width: float = 1,
    dashed: bool = False,
) -> None:
    path = "M" + " L".join(f"{x} {y}" for x, y in points)
    values = _attributes(d=path, fill="none", stroke=colour, stroke_width=width)
    if dashed:
        values["stroke-dasharray"] = "7 5"
    Xml.SubElement(parent, "path", values)


def _text(parent: Xml.Element, text: str, **values: object) -> None:
    Xml.SubElement(parent, "text", _attributes(**values)).text = text


def _attributes(**values: object) -> dict[str, str]:
    return dict(_named(values))


def _named(values: dict[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        yield name.replace("_", "-"), str(value)
