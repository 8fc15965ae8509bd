"""``psihash session``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

import click

from psihash_client.labels import plural, short
from psihash_client.output import facts, table, wrapped
from psihash_client.results import quarantined_document, result_document, result_lines
from psihash_client.shell import Shell, pass_shell

_MOST_CORRECTED = 20
"""References that a terminal shows; `psihash hit list` has all."""


@click.group()
def session() -> None:
    """Sessions and their results. ID is a session's id or its first digits."""


@session.command("list")
@pass_shell
def list_(shell: Shell) -> None:
    """List the sessions, those that others opened too."""
    from psihash.node.running import sessions

    with shell.node() as node:
        views = sessions.listing(node)
    rows = [
        (
            short(each.session),
            each.peer,
            each.role,
            each.state,
            each.rung,
            each.opened[:16].replace("T", " "),
            each.outcome,
        )
        for each in views
    ]
    headers = ("session", "peer", "our role", "state", "rung", "opened (UTC)", "outcome")
    document = {"sessions": [asdict(each) for each in views]}
    shell.show(
        document, table(headers, rows, elastic=(6,)) if rows else ["There was no session yet."]
    )


@session.command()
@click.argument("id_", metavar="ID")
@pass_shell
def show(shell: Shell, id_: str) -> None:
    """Show a session and, where there is one, its result. Looking at a result is logged."""
    from psihash.node.casework import corrections, followup_rows
    from psihash.node.running import sessions

    with shell.node() as node:
        view, result = sessions.show(node, id_)
        corrected = [] if result is None else corrections.marked(node, view.session)
        handling = None if result is None else followup_rows.session_handling(node, view.session)
    document = asdict(view)
    if result is None or handling is None:
        shell.show(document, facts((name, value) for name, value in document.items()))
        return

    def whole() -> dict[str, Any]:
        more = {"quarantined": quarantined_document(result), "corrected": corrected}
        return document | result_document(result, handling) | more

    lines = result_lines(result, handling, f"The session is {view.state}.")
    shell.show(whole, chain(lines, _corrected(corrected)))


@session.command()
@click.argument("id_", metavar="ID")
@pass_shell
def cancel(shell: Shell, id_: str) -> None:
    """End a session that is under way. The peer is told at its next message."""
    from psihash.node.running import sessions

    with shell.node() as node:
        view = sessions.cancel(node, id_)
    shell.show(asdict(view), [f"Session {short(view.session)} with {view.peer} is {view.state}."])


def _corrected(references: Sequence[str]) -> Iterator[str]:
    if references:
        yield ""
        yield from wrapped(
            f"The peer has corrected {plural(len(references), 'hit')} of this result: "
            f"{', '.join(each[:12] for each in references[:_MOST_CORRECTED])}. "
            "Run `psihash correction list`."
        )
