"""A page of headings and texts as one HTML file: nothing is loaded, nothing runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

_STYLE: Final = """\
body { font: 1rem/1.5 sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #ffffff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 1.5rem 0 0.25rem; }
p { margin: 0; overflow-wrap: anywhere; } code { font-size: 1rem; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } }
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def render(title: str, sections: Sequence[tuple[str, str]], closing: str = "") -> bytes:
    """The file, UTF-8. ``sections``: (heading, text); every text is escaped."""
    return "".join(_parts(title, sections, closing)).encode()


def _parts(title: str, sections: Sequence[tuple[str, str]], closing: str) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{escape(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
    yield f"<h1>{escape(title)}</h1>\n"
    for heading, text in sections:
        yield f"<section>\n<h2>{escape(heading)}</h2>\n<p>{escape(text)}</p>\n</section>\n"
    if closing:
        yield f"<p>{escape(closing)}</p>\n"
    yield "</main>\n</body>\n</html>\n"
