"""``psihash inbox``, ``psihash approve`` and ``psihash refuse``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from psihash_client.documents import write_document
from psihash_client.labels import plural, short
from psihash_client.options import Command, path
from psihash_client.output import columns, note, table, wrapped
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.node import Node
    from psihash.node.people.requests import RequestView

_PASSWORD: dict[str, Any] = {
    "metavar": "FILE",
    "help": "First line: your password, instead of typing it.",
}

_WHY_NOT = "Why; logged, and read by the peer where its terms are refused; else it stays here."


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also what was decided or has expired.")
@pass_shell
def inbox(shell: Shell, everything: bool) -> None:
    """List what waits for a decision, oldest first."""
    from psihash.node.casework import followup_views
    from psihash.node.people import requests
    from psihash.node.watching import news

    with shell.node() as node:
        views = requests.inbox(node, everything=everything)
        casework = followup_views.summary(node)
        watches = news.summary(node)
        lines = list(_listed(node, views, everything)) or ["Nothing waits for a decision."]
    document = {
        "requests": [asdict(each) for each in views],
        "follow_ups": casework,
        "watches": watches,
    }
    shell.show(document, chain(lines, _casework(casework), _watches(watches)))


def _listed(node: Node, views: Sequence[RequestView], everything: bool) -> Iterator[str]:
    """The state is told only where it is not the same for all."""
    headers: tuple[str, ...] = ("request", "kind", "peer", "asked by", "since", "what")
    rows: list[tuple[str, ...]] = [
        (short(each.request), each.kind, each.peer or "-", each.asked_by,
         each.created[:16].replace("T", " "), _what(node, each))
        for each in views
    ]  # fmt: skip
    if everything:
        headers = ("state", *headers)
        rows = [(each.state, *row) for each, row in zip(views, rows, strict=True)]
    yield from table(headers, rows, elastic=(len(headers) - 1,))


@click.command(cls=Command)
@click.argument("request", metavar="REQUEST")
@click.option("--show", is_flag=True, help="Show the page and decide nothing.")
@click.option("--html", metavar="FILE", help="Write the page as HTML and decide nothing.")
@click.option(
    "--reason", metavar="TEXT", default="", help="Why: needed; logged, never shown to a peer."
)
@click.option("--password-file", **_PASSWORD)
@pass_shell
def approve(
    shell: Shell,
    request: str,
    show: bool,
    html: str | None,
    reason: str,
    password_file: str | None,
) -> None:
    """Say yes to REQUEST (its first characters, at least six). --show: only read the page.

    A terminal shows the page before it asks for the reason and for the password, which opens the
    key that signs the decision. Who asked cannot approve.
    """
    from psihash.node.people import requests

    with shell.node() as node:
        if show or html is not None:
            _page(shell, node, request, html)
            return
        node.password_file = None if password_file is None else path(password_file)
        why = read_first(shell, node, request, reason)
        decided = requests.approve(node, request, why)
        _decided(shell, node, decided)


@click.command()
@click.argument("request", metavar="REQUEST")
@click.option("--reason", metavar="TEXT", required=True, help=_WHY_NOT)
@click.option("--password-file", **_PASSWORD)
@pass_shell
def refuse(shell: Shell, request: str, reason: str, password_file: str | None) -> None:
    """Say no to REQUEST, for good."""
    from psihash.node.people import requests

    with shell.node() as node:
        node.password_file = None if password_file is None else path(password_file)
        decided = requests.refuse(node, request, reason)
        _decided(shell, node, decided)


def read_first(shell: Shell, node: Node, request: str, reason: str) -> str:
    """The reason of a yes, after what it is about stood on standard error: at a terminal the whole
    page, and a question where no reason was given; else one line."""
    from psihash.node.people import requests, roles

    roles.require(node, "request decide")
    view, sections = requests.page(node, request)
    if view.state != "pending":
        return reason  # the decision itself says so
    if shell.ask is None:
        about = " ".join(filter(None, (view.kind, view.peer, _what(node, view))))
        note(f"Request {short(view.request)}: {about}; asked by {view.asked_by}.")
        return reason
    for line in _sections(view, sections):
        note(line)
    note("")
    return reason or shell.ask_line("Why yes (logged, never shown to a peer)")


def _casework(summary: dict[str, Any]) -> Iterator[str]:
    """What of peers waits for us beside decisions."""
    requests, notices = summary["waiting_for_us"], summary["corrections_to_resolve"]
    if requests:
        yield f"{plural(requests, 'request')} of follow-up for us: run `psihash followup list`."
    if summary["not_taken"]:
        yield from wrapped(
            f"{plural(summary['not_taken'], 'document')} of ours NOT TAKEN by a peer's node: run "
            "`psihash followup list` and `psihash correction list`."
        )
    if notices:
        overdue = summary["corrections_overdue"]
        late = f", {overdue} OVERDUE" if overdue else ""
        yield f"{plural(notices, 'correction')} to resolve{late}: run `psihash correction list`."


def _watches(summary: dict[str, Any]) -> Iterator[str]:
    """What the runs of standing queries brought."""
    for watch, hits in summary["unconfirmed_hits"].items():
        yield f"{plural(hits, 'unconfirmed hit')}: run `psihash hit list {short(watch)}`."
    for watch, code in summary["failed"].items():
        yield f"WATCH {short(watch)} FAILED ({code}): run `psihash watch show {short(watch)}`."


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


def _sections(view: RequestView, sections: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield from wrapped(f"Request {view.request} ({view.kind})")
    for heading, text in sections:
        yield ""
        yield heading
        yield from (f"  {line}" for line in click.wrap_text(text, columns() - 2).splitlines())


def _page_lines(view: RequestView, sections: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield from _sections(view, sections)
    if view.state == "pending":
        yield ""
        yield from wrapped(_how(view))


def _how(view: RequestView) -> str:
    from psihash.node.people import requests

    if view.state != "pending":
        return ""
    name, refuse = short(view.request), f"`psihash refuse {short(view.request)} --reason TEXT`"
    if view.kind == "agreement" and view.asked_by == requests.PEER:
        agreement = short(view.agreement)
        return (
            f"To take them up: `psihash agreement take-up {agreement} --collection NAME... "
            "--case REF --legal-basis TEXT`; "
            f"another person approves then. To say no: {refuse}."
        )
    return f"To decide: `psihash approve {name} --reason TEXT` or {refuse}."


def _decided(shell: Shell, node: Node, view: RequestView) -> None:
    """Say what was decided; what goes to the peer is sent at once where it is reachable."""
    from psihash.node.peering import contact

    delivered = contact.try_sync(node, view.peer) if view.peer else None
    document = asdict(view) | {"delivered": delivered}
    shell.show(document, _decided_lines(node, view, delivered))


def _decided_lines(node: Node, view: RequestView, delivered: bool | None) -> Iterator[str]:
    yield f"Request {short(view.request)} ({view.kind}) is {view.state}."
    if delivered is False and view.kind != "session":
        yield f"{view.peer} could not be reached: it learns of it with the next contact."
    if view.kind == "session" and view.state == "approved":
        if view.subject.get("role") == "initiator":
            yield f"Next: `{_match_again(node, view)}`."
        else:
            yield f"{view.peer} can open the session now; its next attempt is answered."


def _match_again(node: Node, view: RequestView) -> str:
    """The command that the decision lets through: another rung would ask again."""
    from psihash.node.running import sessions

    command = f"psihash match {view.peer} --agreement {short(view.agreement)}"
    command += f" --rung {view.subject['rung']}"
    earlier = sessions.with_receipt(node, view.subject["previous"])
    return f"{command} --from {short(earlier)}" if earlier else command


def _what(node: Node, view: RequestView) -> str:
    """In a few words, the telling ones first: a narrow terminal cuts the rest."""
    from psihash.node.running import sessions

    subject = view.subject
    if view.kind == "session":
        side = "we open" if subject.get("role") == "initiator" else "they open"
        earlier = sessions.with_receipt(node, str(subject.get("previous", "")))
        onto = f", from {short(earlier)}" if earlier else ""
        return f"{subject.get('rung')}, {side}{onto}"
    if view.kind == "operator":
        person = node.stores.operators.find(str(subject["record"]["operator"]))
        return "" if person is None else f"{person.name}: {', '.join(person.roles)}"
    if view.kind == "watch":
        return f"watch {short(subject['watch'])}, {subject['cron']}"
    if "document" in subject or "contribution" in subject:
        of = subject.get("document") or subject["contribution"]
        return f"document {short(of)}"
    if view.agreement:
        return f"agreement {short(view.agreement)}"
    return ""
