"""What a command prints, and where.

* Standard output holds the result: text for people, or with ``--json`` exactly one JSON document.
* Standard error holds everything else: progress, notes, warnings, errors in words.
* Every line of text passes :func:`plain`: names and labels of a peer or a list may hold characters
  that would act on a terminal. JSON is ASCII with escapes, so it holds the exact text.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import click

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_REDRAW_SECONDS: Final = 0.2
_USUAL_WIDTH: Final = 80
_LEAST_WIDTH: Final = 8
"""Of a cell that was cut; a column that would be narrower is left out."""
_GAP: Final = "  "
# Three dots and not the one character for them, which not every terminal has.
_CUT: Final = "..."


def plain(text: str) -> str:
    """``text`` with every character replaced that acts instead of being shown."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _REPLACEMENT for char in text)


Document = Mapping[str, Any] | Callable[[], Mapping[str, Any]]
"""What a program reads, or how to make it."""


def show(as_json: bool, document: Document, lines: Iterable[str]) -> None:
    """Print a result: the document, or the lines for people. Only what is wanted is made."""
    if as_json:
        click.echo(_json(document() if callable(document) else document))
        return
    for line in lines:
        click.echo(plain(line))


_encode = json.JSONEncoder(ensure_ascii=True, default=str).encode


def _json(document: Mapping[str, Any]) -> str:
    """JSON with a line for each member, and for each element where that is a list of objects: a
    result may have a million, and the fast encoder breaks no lines."""
    members = []
    for name, value in document.items():
        text = _encode(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n    " + ",\n    ".join(map(_encode, value)) + "\n  ]"
        members.append(f"  {_encode(name)}: {text}")
    return "{\n" + ",\n".join(members) + "\n}"


def note(text: str) -> None:
    """A line for the person at the terminal, never part of the result."""
    click.echo(plain(text), err=True)


def columns() -> int:
    """How wide a line may be: the terminal, or 80 where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _USUAL_WIDTH


def wrapped(text: str, indent: int = 0) -> Iterator[str]:
    """``text`` in lines that fit, all but the first indented. Long words stay whole, so that
    they can be copied."""
    text = plain(text)
    if indent + len(text) <= columns():
        yield text
        return
    room = max(columns() - indent, _LEAST_WIDTH)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    for number_, line in enumerate(lines):
        yield (" " * indent if number_ else "") + line


def table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], elastic: Sequence[int] = ()
) -> Iterator[str]:
    """Aligned columns; columns of numbers to the right. No lines at all without rows.

    The columns at the positions ``elastic`` are cut where the lines would be too wide; the last
    column is left out, if it is one of them and hardly anything of it would be seen.
    """
    texts = [[_cell(value) for value in row] for row in rows]
    if not texts:
        return
    widths = [max(map(len, column)) for column in zip(headers, *texts, strict=True)]
    numeric = [all(_is_number(cell) for cell in column) for column in zip(*texts, strict=True)]
    widths = _fitted(widths, elastic)
    for row in [list(headers), *texts]:
        cells = [
            cell.rjust(width) if right else _cut(cell, width).ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=False)
        ]
        yield _GAP.join(cells).rstrip()


def _fitted(widths: Sequence[int], elastic: Sequence[int]) -> list[int]:
    """The widths after cutting the widest elastic columns, one by one less than all if the last
    one went."""
    fitted = list(widths)
    spare = columns() - sum(fitted) - len(_GAP) * (len(fitted) - 1)
    while spare < 0:
        wide = [each for each in elastic if fitted[each] > _LEAST_WIDTH]
        if not wide:
            return fitted[:-1] if len(fitted) - 1 in elastic else fitted
        fitted[max(wide, key=fitted.__getitem__)] -= 1
        spare += 1
    return fitted


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - len(_CUT)] + _CUT


def facts(pairs: Iterable[tuple[str, object]]) -> Iterator[str]:
    """``name  value`` lines, long values over several; pairs whose value is None are left out."""
    shown = [(name, _cell(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        lines = list(wrapped(value, width + len(_GAP))) or [""]
        yield f"{name.ljust(width)}{_GAP}{lines[0]}".rstrip()
        yield from lines[1:]


def number(count: int) -> str:
    return f"{count:,}"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(value)
    return plain(str(value))


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").isdigit()


class Ticker:
    """One line on standard error that is drawn over and over; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._wanted = sys.stderr.isatty()
        self._drawn = 0
        self._next = 0.0

    def say(self, text: str) -> None:
        """Replace the line, at most a few times a second."""
        now = time.monotonic()
        if not self._wanted or now < self._next:
            return
        self._next = now + _REDRAW_SECONDS
        text = plain(text)
        sys.stderr.write("\r" + text.ljust(self._drawn))
        sys.stderr.flush()
        self._drawn = len(text)

    def __enter__(self) -> Ticker:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._drawn:
            sys.stderr.write("\r" + " " * self._drawn + "\r")
            sys.stderr.flush()
