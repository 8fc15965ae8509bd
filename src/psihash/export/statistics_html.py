"""Statistics as one page: self-contained, for screen readers and paper too, without script."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from psihash.export.report import SMALL_CELL, one_line
from psihash.export.statistics import PurposeRow, Statistics, sentences, shown, shown_hours

# Text and rules have a contrast of at least 7 to 1 on white (WCAG 2.2, level AAA).
_STYLE: Final = """
body { font-family: sans-serif; line-height: 1.5; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; color: #1a1a1a; background: #ffffff; }
table { border-collapse: collapse; margin: 1rem 0 2rem; width: 100%; }
caption { text-align: left; font-weight: bold; padding: 0.25rem 0; }
th, td { border-bottom: 1px solid #595959; padding: 0.25rem 0.75rem; text-align: left;
         vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
thead th { border-bottom: 2px solid #1a1a1a; }
@media print { body { margin: 0; max-width: none; } table { break-inside: avoid; } }
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page(statistics: Statistics) -> bytes:
    """The whole page, UTF-8."""
    return "".join(_page(statistics)).encode()


def _page(statistics: Statistics) -> Iterator[str]:
    title = f"Matching statistics of {_text(statistics.agency)}"
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
    yield f"<h1>{title}</h1>\n<p>{_period(statistics)}</p>\n<p>{_form(statistics)}</p>\n"
    if not statistics.rows:
        yield "<p>Nothing was matched in this time.</p>\n"
    for sentence in sentences(statistics):
        yield f"<p>{_text(sentence)}.</p>\n"
    peer = ""
    for row in statistics.rows:
        if row.peer != peer:
            peer = row.peer
            yield f"<h2>With {_text(peer)}</h2>\n"
        yield from _table(statistics, row)
    yield "</main>\n</body>\n</html>\n"


def _period(statistics: Statistics) -> str:
    until = _text(statistics.until)
    if statistics.since is None:
        return f"From the beginning to {until} (UTC)."
    return f"From {_text(statistics.since)} to {until} (UTC)."


def _form(statistics: Statistics) -> str:
    if statistics.internal:
        return "Exact numbers, for use inside this agency."
    return (
        f"A number from 1 to {SMALL_CELL - 1} is shown as 1-{SMALL_CELL - 1}, and a duration only "
        f"where it stands for {SMALL_CELL} cases or more."
    )


def _table(statistics: Statistics, row: PurposeRow) -> Iterator[str]:
    purpose = _text(row.purpose) or "All purposes"
    yield f"<table>\n<caption>{purpose}</caption>\n<thead>\n<tr>"
    for number, name in enumerate(("Group", "What", "Count", "Median hours")):
        yield f'<th scope="col"{_number(number >= 2)}>{name}</th>'
    yield "</tr>\n</thead>\n<tbody>\n"
    for cell in row.cells:
        count, hours = shown(statistics, cell.count), shown_hours(statistics, cell)
        yield f'<tr><th scope="row">{_text(cell.group)}</th><td>{_text(cell.what)}</td>'
        yield f'<td class="number">{count}</td><td class="number">{hours}</td></tr>\n'
    yield "</tbody>\n</table>\n"


def _number(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _text(text: str) -> str:
    """Text of a peer or an operator: nothing of it acts."""
    return escape(one_line(text), quote=True)
