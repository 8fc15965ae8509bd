"""``psihash hit``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING

import click

from psihash_client.labels import plural, short
from psihash_client.output import table, wrapped
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.casework.hits import HitView

_MOST_ROWS = 40

_ITEMS = click.argument("items", metavar="[REF...]", nargs=-1)
_ALL = click.option("--all", "everything", is_flag=True, help="All that nobody has decided yet.")
_REASON = click.option("--reason", metavar="TEXT", required=True, help="Why; it goes to the log.")


@click.group()
def hit() -> None:
    """Matched items: a hit is unconfirmed until a person confirms it.

    REF is a hit's reference or its first digits, at least four. Both sides have the same
    references; nobody else can tell what they stand for.
    """


@hit.command("list")
@click.argument("session", metavar="[SESSION]", required=False)
@click.option("--unconfirmed", is_flag=True, help="Only those that nobody has decided yet.")
@pass_shell
def list_(shell: Shell, session: str | None, unconfirmed: bool) -> None:
    """List the hits of SESSION (or of a watch), or of all. The look is logged."""
    from psihash.node.casework import hits

    with shell.node() as node:
        views = hits.listing(node, session, unconfirmed=unconfirmed)
    shell.show({"hits": [asdict(each) for each in views]}, _lines(views))


@hit.command()
@click.argument("session", metavar="SESSION")
@_ITEMS
@_ALL
@_REASON
@pass_shell
def confirm(
    shell: Shell, session: str, items: tuple[str, ...], everything: bool, reason: str
) -> None:
    """Confirm hits: a person has compared and says that it is the same material."""
    _decide(shell, session, items, everything, reason, "confirmed")


@hit.command()
@click.argument("session", metavar="SESSION")
@_ITEMS
@_ALL
@_REASON
@pass_shell
def reject(
    shell: Shell, session: str, items: tuple[str, ...], everything: bool, reason: str
) -> None:
    """Reject hits: they are of no use, or wrong."""
    _decide(shell, session, items, everything, reason, "rejected")


def _decide(
    shell: Shell,
    session: str,
    items: Sequence[str],
    everything: bool,
    reason: str,
    verdict: str,
) -> None:
    from psihash.casework.words import HitVerdict
    from psihash.node.casework import hits

    with shell.node() as node:
        views = hits.decide(
            node, session, items, HitVerdict(verdict), reason, everything=everything
        )
    lines = [f"{plural(len(views), 'hit')} {verdict}."]
    if verdict == "confirmed" and views:
        lines.append(_how_to_ask(views[0]))
    shell.show({"hits": [asdict(each) for each in views]}, lines)


def _how_to_ask(view: HitView) -> str:
    from psihash.node.watching.finding import is_watch

    if is_watch(view.session):
        return (
            f"{view.peer} does not know what a watch found. To ask about it, match with a session: "
            f"`psihash match {view.peer} --rung items ...`."
        )
    return (
        f"To ask {view.peer} what it knows: "
        f"`psihash followup request {short(view.session)} --all-confirmed ...`."
    )


def _lines(views: Sequence[HitView]) -> Iterator[str]:
    if not views:
        yield "There are no such hits. They come from sessions at the rungs items and records."
        return
    rows = [
        (
            each.reference[:12],
            short(each.session),
            each.peer,
            _status(each),
            "yes" if each.identified_there_open_here else "",
            ", ".join(f"{name}:{text[:8]}" for name, text in each.digests.items()),
            ", ".join(each.collections),
            ", ".join(each.peer_collections),
        )
        for each in islice(views, _MOST_ROWS)
    ]
    headers = ("hit", "session", "peer", "status", "first", "item", "in our", "in their")
    yield from table(headers, rows, elastic=(5, 6, 7))
    if len(views) > _MOST_ROWS:
        yield f"... and {len(views) - _MOST_ROWS:,} more; --json has all of them."
    if any(each.corrected for each in views):
        yield ""
        yield from wrapped(
            "The peer has corrected some of them: run `psihash correction list` and say with "
            "`psihash correction resolve` what you did about it."
        )


def _status(view: HitView) -> str:
    notes = ["corrected by peer"] if view.corrected else []
    notes += ["quarantined"] if view.quarantined else []
    return f"{view.status} ({', '.join(notes)})" if notes else view.status
