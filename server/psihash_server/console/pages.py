"""Turning templates and values into answers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from psihash import errors
from psihash.export.csv_table import line
from psihash.export.report import one_line
from psihash.node.central import overview as central
from psihash_server.console import once
from psihash_server.console.visit import CSRF_FIELD, Visit

FOLDER: Final = Path(__file__).parent

_STATUS: Final[tuple[tuple[type[errors.PsihashError], int], ...]] = (
    (errors.InputError, 400),
    (errors.NotFoundError, 404),
    (errors.StateError, 409),
    (errors.RefusedError, 403),
    (errors.PeerError, 502),
    (errors.VerificationError, 422),
    (errors.StorageError, 503),
    (errors.UnavailableError, 503),
)

_DIGEST: Final = re.compile(
    r"[0-9a-f]{32,}|(?:[0-9a-f]{2}[: -]){15,}[0-9a-f]{2}|[A-Za-z0-9+/_-]{22,}={1,2}", re.IGNORECASE
)

CENTRE: Final = "/centre"
NAVIGATION: Final = (
    ("/results", "Results", "session show"),
    ("/follow-ups", "Follow-ups", "follow-up show"),
    ("/notices", "Notices", "correction show"),
    ("/watches", "Watches", "watch list"),
    ("/inbox", "Inbox", "inbox show"),
    ("/log", "Log", "oversight"),
    ("/sessions", "Sessions", "oversight"),
    ("/ledger", "Ledger", "oversight"),
    ("/disclosures", "Disclosures", "oversight"),
    ("/corrections", "Corrections", "oversight"),
    (CENTRE, "Centre", "central show"),
    ("/compare", "Compare", "audit export"),
    ("/report", "Report", "oversight"),
)
"""(path, name, use case): who may do that sees the link; that of the centre only where one is."""


def _minute(time: str | None) -> str:
    """``2026-01-31T12:00:00.000Z`` as people read it; UTC, as every page says."""
    return "" if not time else f"{time[:10]} {time[11:16]}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


def _said(message: str) -> Markup:
    """The text of an error, commands set apart, and without anything that has the shape of a
    digest: it may repeat what somebody typed."""
    parts = one_line(_DIGEST.sub("\u2026", message)).split("`")
    parts[0] = parts[0][:1].upper() + parts[0][1:]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part
        for place, part in enumerate(parts)
    )


def _whole(text: str) -> Markup:
    """A text that a person wrote, its lines kept, for the inside of a text field."""
    lines = [one_line(line) for line in text.splitlines()]
    return Markup("\n") + Markup("\n").join(lines)


def _local_time(text: str) -> str:
    """A time of a document as a browser's field for times has it."""
    return text[:16]


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _made() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: one_line(value) if type(value) is str else value,
    )
    environment.filters |= {"minute": _minute, "number": _number, "said": _said}
    environment.filters |= {"whole": _whole, "local_time": _local_time}
    environment.globals |= {
        "csrf_field": CSRF_FIELD,
        "once_field": once.FIELD,
        "once": once.new_name,
        "plural": _plural,
    }
    return environment


_ENVIRONMENT: Final = _made()


def page(visit: Visit, template: str, title: str, status: int = 200, **values: Any) -> Response:
    """A page for somebody who is logged in."""
    text = _ENVIRONMENT.get_template(template).render(
        values
        | {
            "title": title,
            "agency": visit.node.agency,
            "who": visit.held.view,
            "csrf": visit.csrf,
            "here": visit.request.url.path,
            "links": links(visit),
            "may": visit.may,
            "now": visit.node.stamp(),
        }
    )
    return HTMLResponse(text, status)


def links(visit: Visit) -> list[tuple[str, str]]:
    """The pages that whoever asks may open, with their names."""
    named = [(path, name) for path, name, use in NAVIGATION if visit.may(use)]
    if central.is_centre(visit.node):
        return named
    return [(path, name) for path, name in named if path != CENTRE]


def stranger(template: str, title: str, agency: str, status: int = 200, **values: Any) -> Response:
    """A page for somebody who is not logged in."""
    shown = values | {"title": title, "agency": agency, "who": None, "links": [], "here": ""}
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(shown), status)


def peers(visit: Visit) -> list[str]:
    """Every partner there is or was, by name."""
    return sorted(each.card.card.agency for each in visit.node.all_peers())


def problem(
    visit: Visit, error: errors.PsihashError, status: int = 0, kept: Sequence[str] = ()
) -> Response:
    """What went wrong, what to do next, and what had been written into a form that is lost."""
    return page(
        visit,
        "problem.html",
        "This did not work",
        status or status_of(error),
        message=error.message,
        hint=error.hint,
        code=error.code,
        kept=kept,
    )


def status_of(error: errors.PsihashError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def csv_file(name: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Response:
    """A table for a spreadsheet, as a download."""
    body = b"\xef\xbb\xbf" + line(tuple(columns))
    body += b"".join(line(tuple("" if v is None else str(v) for v in row)) for row in rows)
    today = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d")
    headers = {"Content-Disposition": f'attachment; filename="psihash-{name}-{today}.csv"'}
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)
