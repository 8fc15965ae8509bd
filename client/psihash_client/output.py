"""What a command prints, and where.

* Standard output holds the result: text for people, or with ``--json`` exactly one JSON document.
* Standard error holds everything else: progress, notes, warnings, errors in words.
* Every line of text passes :func:`plain`: names and labels of a peer or a list may hold characters
  that would act on a terminal. JSON is ASCII with escapes, so it holds the exact text.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import click

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_REDRAW_SECONDS: Final = 0.2


def plain(text: str) -> str:
    """``text`` with every character replaced that acts instead of being shown."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _REPLACEMENT for char in text)


def show(as_json: bool, document: Mapping[str, Any], lines: Iterable[str]) -> None:
    """Print a result: the document, or the lines for people (made only when they are wanted)."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=True, indent=2, default=str))
        return
    for line in lines:
        click.echo(plain(line))


def note(text: str) -> None:
    """A line for the person at the terminal, never part of the result."""
    click.echo(plain(text), err=True)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Aligned columns; columns of numbers to the right. No lines at all without rows."""
    texts = [[_cell(value) for value in row] for row in rows]
    if not texts:
        return
    widths = [max(map(len, column)) for column in zip(headers, *texts, strict=True)]
    numeric = [all(_is_number(cell) for cell in column) for column in zip(*texts, strict=True)]
    for row in [list(headers), *texts]:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        yield "  ".join(cells).rstrip()


def facts(pairs: Iterable[tuple[str, object]]) -> Iterator[str]:
    """``name  value`` lines; pairs whose value is None are left out."""
    shown = [(name, _cell(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        yield f"{name.ljust(width)}  {value}".rstrip()


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
