"""The auditor's list of sessions, and one session as a timeline."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from psihash.node.oversight import session_list
from psihash.node.oversight import timeline as timelines
from psihash.node.oversight.session_list import Filter, Flag
from psihash_server.console import pages
from psihash_server.console.visit import Visit


def wanted(visit: Visit) -> Filter:
    """The filter that the address names. Raises InputError."""
    return Filter(
        peer=visit.query("peer"),
        purpose=visit.query("purpose", 1_000),
        operator=visit.query("operator"),
        since=visit.query("since", 10),
        until=visit.query("until", 10),
        flags=session_list.parse_flags(visit.queries("flag")),
    )


def pairs(chosen: Filter) -> list[tuple[str, str]]:
    """A filter as fields of a form."""
    texts = {name: str(getattr(chosen, name)) for name in _TEXTS}
    named = [(name, text) for name, text in texts.items() if text]
    return named + [("flag", flag.value) for flag in sorted(chosen.flags)]


_TEXTS = ("peer", "purpose", "operator", "since", "until")


def listing(visit: Visit) -> Response:
    chosen = wanted(visit)
    before = visit.number("before")
    found = session_list.listing(visit.node, chosen, before)
    older = None
    if found.before is not None:
        older = urlencode([*pairs(chosen), ("before", str(found.before))])
    return pages.page(
        visit,
        "sessions.html",
        "Sessions",
        found=found,
        chosen=chosen,
        fields=pairs(chosen),
        choices=session_list.choices(visit.node),
        flags=list(Flag),
        older=older,
        first=before is None,
        newest=urlencode(pairs(chosen)),
        settings=visit.node.settings,
    )


def timeline(visit: Visit) -> Response:
    found = timelines.of_session(visit.node, visit.path("session"))
    return pages.page(visit, "session.html", f"Session {found.session[:12]}", found=found)
