"""``psihash inbox``, ``psihash approve`` and ``psihash refuse``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from psihash_client.documents import write_document
from psihash_client.labels import plural, short
from psihash_client.options import Command, ManyOption, path
from psihash_client.output import columns, table, wrapped
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.node import Node
    from psihash.node.people.requests import RequestView

_PASSWORD: dict[str, Any] = {
    "metavar": "FILE",
    "help": "First line: your password, instead of typing it.",
}

_WHY = "Why; logged, and read by the peer where terms or a session are decided."


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also what was decided or has expired.")
@pass_shell
def inbox(shell: Shell, everything: bool) -> None:
    """List what waits for a decision, oldest first."""
    from psihash.node.casework import followup_views
    from psihash.node.people import requests

    with shell.node() as node:
        views = requests.inbox(node, everything=everything)
        casework = followup_views.summary(node)
    rows = [
        (short(each.request), each.kind, each.peer or "-", each.asked_by, each.state,
         each.created[:16].replace("T", " "), _what(each))
        for each in views
    ]  # fmt: skip
    headers = ("request", "kind", "peer", "asked by", "state", "since", "what")
    document = {"requests": [asdict(each) for each in views], "follow_ups": casework}
    lines = table(headers, rows, elastic=(6,)) if rows else ["Nothing waits for a decision."]
    shell.show(document, chain(lines, _casework(casework)))


@click.command(cls=Command)
@click.argument("request", metavar="REQUEST")
@click.option("--show", is_flag=True, help="Show the page and decide nothing.")
@click.option("--html", metavar="FILE", help="Write the page as HTML and decide nothing.")
@click.option("--reason", metavar="TEXT", default="", help=_WHY)
@click.option(
    "--collection",
    "collections",
    cls=ManyOption,
    metavar="NAME...",
    help="Collections of ours to put in, where a peer's terms are approved.",
)
@click.option("--case", metavar="REF", default="", help="Our case reference, for a peer's terms.")
@click.option("--legal-basis", metavar="TEXT", default="", help="The law that we act under.")
@click.option("--password-file", **_PASSWORD)
@pass_shell
def approve(
    shell: Shell,
    request: str,
    show: bool,
    html: str | None,
    reason: str,
    collections: tuple[str, ...],
    case: str,
    legal_basis: str,
    password_file: str | None,
) -> None:
    """Say yes to REQUEST (its first characters, at least six). Read the page first: --show.

    The password opens the key that signs the decision. Who asked cannot approve.
    """
    from psihash.node.people import requests
    from psihash.node.people.request_kinds import Choices

    with shell.node() as node:
        if show or html is not None:
            _page(shell, node, request, html)
            return
        node.password_file = None if password_file is None else path(password_file)
        choices = Choices(collections, case, legal_basis)
        decided = requests.approve(node, request, reason, choices)
        _decided(shell, node, decided)


@click.command()
@click.argument("request", metavar="REQUEST")
@click.option("--reason", metavar="TEXT", required=True, help=_WHY)
@click.option("--password-file", **_PASSWORD)
@pass_shell
def refuse(shell: Shell, request: str, reason: str, password_file: str | None) -> None:
    """Say no to REQUEST, for good."""
    from psihash.node.people import requests

    with shell.node() as node:
        node.password_file = None if password_file is None else path(password_file)
        decided = requests.refuse(node, request, reason)
        _decided(shell, node, decided)


def _casework(summary: dict[str, Any]) -> Iterator[str]:
    """What of peers waits for us beside decisions."""
    requests, notices = summary["waiting_for_us"], summary["corrections_to_resolve"]
    if requests:
        yield f"{plural(requests, 'request')} of follow-up for us: run `psihash followup list`."
    if notices:
        overdue = summary["corrections_overdue"]
        late = f", {overdue} OVERDUE" if overdue else ""
        yield f"{plural(notices, 'correction')} to resolve{late}: run `psihash correction list`."


def _page(shell: Shell, node: Node, request: str, html: str | None) -> None:
    from psihash.export import page_html
    from psihash.node.people import requests

    view, sections = requests.page(node, request)
    if html is not None:
        title = f"{node.agency}: request {short(view.request)} ({view.kind})"
        write_document(html, page_html.render(title, sections, _how(view)))
        shell.show({"request": view.request, "out": html}, [f"The page is in {html}."])
        return
    shell.show(asdict(view) | {"page": dict(sections)}, _page_lines(view, sections))


def _page_lines(view: RequestView, sections: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield from wrapped(f"Request {view.request} ({view.kind})")
    for heading, text in sections:
        yield ""
        yield heading
        yield from (f"  {line}" for line in click.wrap_text(text, columns() - 2).splitlines())
    if view.state == "pending":
        yield ""
        yield from wrapped(_how(view))


def _how(view: RequestView) -> str:
    name, more = short(view.request), ""
    if view.state != "pending":
        return ""
    if view.kind == "agreement":
        more = " --collection NAME..."
    return (
        f"To decide: `psihash approve {name} --reason TEXT{more}` or "
        f"`psihash refuse {name} --reason TEXT`."
    )


def _decided(shell: Shell, node: Node, view: RequestView) -> None:
    """Say what was decided; what goes to the peer is sent at once where it is reachable."""
    from psihash.node.peering import contact

    delivered = contact.try_sync(node, view.peer) if view.peer else None
    shell.show(asdict(view) | {"delivered": delivered}, _decided_lines(view, delivered))


def _decided_lines(view: RequestView, delivered: bool | None) -> Iterator[str]:
    yield f"Request {short(view.request)} ({view.kind}) is {view.state}."
    if delivered is False and view.kind != "session":
        yield f"{view.peer} could not be reached: it learns of it with the next contact."
    if view.kind == "session" and view.state == "approved":
        if view.subject.get("role") == "initiator":
            yield f"Next: `psihash match {view.peer} --agreement {short(view.agreement)}` again."
        else:
            yield f"{view.peer} can open the session now; its next attempt is answered."


def _what(view: RequestView) -> str:
    subject = view.subject
    if view.kind == "session":
        side = "we open" if subject.get("role") == "initiator" else "they open"
        return f"rung {subject.get('rung')}, {side}, agreement {short(view.agreement)}"
    if view.agreement:
        return f"agreement {short(view.agreement)}"
    return ""
