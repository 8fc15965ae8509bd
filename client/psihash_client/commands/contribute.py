"""``psihash contribute``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from psihash_client.labels import plural, short
from psihash_client.options import Command, ManyOption
from psihash_client.output import note, table
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.watching.planning import Plan, Planned
    from psihash.storage.contributions import ContributionRow


@click.command(cls=Command)
@click.argument("source", metavar="[SESSION_OR_WATCH]", required=False)
@click.option("--show", is_flag=True, help="Show what would be given, and give nothing.")
@click.option("--list", "everything", is_flag=True, help="List what was given before.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--collection",
    "collections",
    cls=ManyOption,
    metavar="NAME...",
    help="Give of these alone.",
)
@click.option("--pseudonyms", is_flag=True, help="Keep our names of collections and series here.")
@pass_shell
def contribute(
    shell: Shell,
    source: str | None,
    show: bool,
    everything: bool,
    yes: bool,
    collections: tuple[str, ...],
    pseudonyms: bool,
) -> None:
    """Give to a centre what, by a session with it or the last run of a watch, it does not have.

    SESSION_OR_WATCH is the id of either or its first digits; a session is one at rung items or
    records of which this side learned. A collection of which the centre knows no item is a new one
    to it; of others the items that it lacks are an addition. Digests, labels and what our lists say
    go sealed to the centre, whose approver decides too. Unlike in a run, the centre holds them
    then.
    """
    from psihash.node.watching import contributing, planning

    if everything is (source is not None):
        raise click.UsageError("Name a session or a watch, or say --list.")
    with shell.node() as node:
        if source is None:
            rows = contributing.listing(node)
            shell.show({"contributions": [_given(row) for row in rows]}, _listed(rows))
            return
        planned = planning.plan(node, source, collections)
        if show:
            shell.show(_document(planned), _shown(planned))
            return
        if not yes and planned.giving:
            for line in _shown(planned):
                note(line)
            shell.confirm(f"Give them to {planned.source.peer}?")
        row = contributing.give(node, source, collections, pseudonyms=pseudonyms)
        delivered = _deliver(node, row)
    shell.show(_given(row) | {"delivered": delivered}, _done(row, delivered))


def _deliver(node: Any, row: ContributionRow) -> bool | None:
    """At once where the centre is reachable; None where an approver decides first."""
    from psihash.node.peering import contact

    return contact.try_sync(node, row.peer) if row.sent else None


def _document(planned: Planned) -> dict[str, Any]:
    return {
        _kind(planned.source.id): planned.source.id,
        "peer": planned.source.peer,
        "collections": [_plan(each) for each in planned.plans],
        "items": sum(len(each.items) for each in planned.plans),
    }


def _kind(source: str) -> str:
    from psihash.node.watching.finding import is_watch

    return "watch" if is_watch(source) else "session"


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "collection": plan.collection,
        "as": plan.given_as.value,
        "to": plan.to,
        "held": plan.held,
        "known": plan.known,
        "items": len(plan.items),
    }


def _given(row: ContributionRow) -> dict[str, Any]:
    value = {name: text for name, text in asdict(row).items() if not name.startswith("sealed_")}
    value["contribution"] = value.pop("id")
    value[_kind(row.watch)] = value.pop("watch")
    return value | {"state": row.state.value}


def _shown(planned: Planned) -> Iterator[str]:
    headers = ("collection", "held", "known there", "to give", "as")
    rows = [
        (
            each.collection,
            each.held,
            each.known,
            len(each.items),
            f"addition to {each.to}" if each.to else "new collection",
        )
        for each in planned.plans
    ]
    yield from table(headers, rows, elastic=(0, 4))
    new = sum(not each.to for each in planned.giving)
    more = len(planned.giving) - new
    yield f"{plural(new, 'new collection')}, {plural(more, 'addition')}."


def _listed(rows: Sequence[ContributionRow]) -> Iterator[str]:
    if not rows:
        yield "Nothing was given to a centre yet."
        return
    headers = ("contribution", "peer", "state", "new", "additions", "items", "since")
    yield from table(
        headers,
        [
            (short(each.id), each.peer, each.state.value, each.new_collections, each.additions,
             each.items, each.added[:16].replace("T", " "))
            for each in rows
        ],
    )  # fmt: skip


def _done(row: ContributionRow, delivered: bool | None) -> Iterator[str]:
    what = (
        f"{plural(row.items, 'item')} in {plural(row.new_collections, 'new collection')} and "
        f"{plural(row.additions, 'addition')}"
    )
    if delivered is None:
        yield f"{what} wait for an approver: `psihash approve {short(row.request or '')}`."
    elif delivered:
        yield f"{what} are with {row.peer}, whose approver decides."
    else:
        yield f"{what} go to {row.peer} with the next contact."
