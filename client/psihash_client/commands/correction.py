"""``psihash correction``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from psihash_client.labels import plural, short
from psihash_client.options import Command, ManyOption
from psihash_client.output import facts, table, wrapped
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.casework.corrections import CorrectionView


@click.group()
def correction() -> None:
    """Tell peers that an item was wrongly listed or is erased, and act on what they tell.

    ID is a correction's id or its first digits, at least six. A correction is to be resolved
    within 48 hours.
    """


@correction.command(cls=Command)
@click.option(
    "--digest", "digests", cls=ManyOption, metavar="DIGEST...", help="The items, in any spelling."
)
@click.option(
    "--collection",
    metavar="NAME",
    default="",
    help="All that stood in this collection when it matched, and does not now.",
)
@click.option(
    "--reason", required=True, type=click.Choice(["wrong", "erased"], case_sensitive=False)
)
@click.option("--text", metavar="TEXT", required=True, help="What happened; the peers read it.")
@click.option(
    "--blind",
    is_flag=True,
    help="Also tell peers that alone learned a result: should the item not have matched, they "
    "could find out by guessing its digest that it was held here.",
)
@pass_shell
def notify(
    shell: Shell, digests: tuple[str, ...], collection: str, reason: str, text: str, blind: bool
) -> None:
    """Tell every peer whose results name the items. No digest is sent."""
    from psihash.casework.words import Reason
    from psihash.node.casework import corrections
    from psihash.node.peering import contact

    with shell.node() as node:
        made = corrections.notify(node, digests, collection, Reason(reason), text, blind=blind)
        told = {
            peer: contact.try_sync(node, peer)
            for peer in dict.fromkeys(each.peer for each in made.notices)
        }
        notices = [
            corrections.view(node, corrections.get(node, each.correction)) for each in made.notices
        ]
    document = {
        "notices": [asdict(each) for each in notices],
        "not_told": made.not_told,
        "delivered": told,
    }
    shell.show(document, _notified(notices, told, made.not_told))


@correction.command("list")
@pass_shell
def list_(shell: Shell) -> None:
    """List the corrections: first those that wait for us."""
    from psihash.node.casework import corrections

    with shell.node() as node:
        views = corrections.listing(node)
    shell.show({"corrections": [asdict(each) for each in views]}, _lines(views))


@correction.command()
@click.argument("id_", metavar="ID")
@pass_shell
def show(shell: Shell, id_: str) -> None:
    """Show a correction: the hits and the exported files that it reaches."""
    from psihash.node.casework import corrections

    with shell.node() as node:
        view, text, done = corrections.show(node, id_)
    shell.show(asdict(view) | {"text": text, "done": done}, _shown(view, text, done))


@correction.command()
@click.argument("id_", metavar="ID")
@click.option(
    "--action",
    required=True,
    type=click.Choice(["removed", "marked", "kept"], case_sensitive=False),
    help="removed from our work; marked there as doubtful; kept, for reasons of our own.",
)
@click.option("--text", metavar="TEXT", required=True, help="What was done; the peer reads it.")
@pass_shell
def resolve(shell: Shell, id_: str, action: str, text: str) -> None:
    """Say what was done about a correction of a peer. It ends the 48-hour clock.

    With operators the answer waits in `psihash inbox` until an approver lets it go.
    """
    from psihash.casework.words import Action
    from psihash.node.casework import corrections
    from psihash.node.peering import contact

    with shell.node() as node:
        view = corrections.resolve(node, id_, Action(action), text)
        delivered = contact.try_sync(node, view.peer)
    lines = [f"Correction {short(view.correction)} of {view.peer} is resolved: {action}."]
    if view.state == "waiting":
        lines = [
            f"The answer to correction {short(view.correction)} of {view.peer} waits here.",
            "An approver lets it go: `psihash inbox`, `psihash approve ID`.",
        ]
    elif not delivered:
        lines.append(f"{view.peer} could not be reached: it hears of it with the next contact.")
    shell.show(asdict(view) | {"delivered": delivered}, lines)


def _notified(
    notices: Sequence[CorrectionView], told: dict[str, bool], untold: dict[str, int]
) -> Iterator[str]:
    for each in notices:
        count = sum(map(len, each.hits.values()))
        yield from wrapped(
            f"Notice {short(each.correction)} to {each.peer}: {plural(count, 'reference')} in "
            f"{plural(len(each.hits), 'session')}, {each.state}."
        )
        if each.state == "waiting":
            yield "  An approver lets it go: `psihash inbox`, `psihash approve ID`."
        elif not told[each.peer]:
            yield f"  {each.peer} could not be reached: it goes with the next contact."
    for peer, count in untold.items():
        yield from wrapped(
            f"{peer} alone learned the result of {plural(count, 'session')}: whether the items "
            "matched there is not known here. --blind tells it all the same."
        )


def _lines(views: Sequence[CorrectionView]) -> Iterator[str]:
    if not views:
        yield "There is no correction."
        return
    rows = [
        (
            short(each.correction),
            f"{'from' if each.side == 'receiver' else 'to'} {each.peer}",
            each.reason,
            each.action or each.state,
            "" if each.due is None else each.due[:16].replace("T", " "),
            "OVERDUE" if each.overdue else "",
            sum(map(len, each.hits.values())),
            len(each.exports),
        )
        for each in views
    ]
    yield from table(
        ("correction", "peer", "reason", "state", "due (UTC)", "", "hits", "exports"), rows
    )
    for each in views:
        if each.refused:
            yield ""
            yield from wrapped(
                f"{short(each.correction)} was NOT TAKEN by the node of {each.peer} "
                f"({each.refused}). {each.advice}"
            )
    if any(each.side == "receiver" and each.state == "open" for each in views):
        yield ""
        yield from wrapped(
            "Look at each with `psihash correction show ID`, find the files that it names, and say "
            "what you did: `psihash correction resolve ID --action removed --text TEXT`."
        )


def _shown(view: CorrectionView, text: list[str] | None, done: str) -> Iterator[str]:
    yield from facts(
        [
            ("correction", view.correction),
            ("from" if view.side == "receiver" else "to", view.peer),
            ("reason", view.reason),
            ("text", None if text is None else " ".join(text)),
            ("state", view.state),
            ("received", view.received),
            ("due", view.due),
            ("overdue", view.overdue),
            ("action", view.action),
            ("resolved", view.resolved),
            ("done", done or None),
            ("not taken there", view.refused),
            ("what to do", view.advice or None),
        ]
    )
    for session, references in view.hits.items():
        yield from wrapped(
            f"In session {short(session)}: {', '.join(each[:12] for each in references)}", 2
        )
    if view.exports:
        yield ""
        yield "Files that a result with these items was written to:"
        yield from (f"  {path}" for path in view.exports)
