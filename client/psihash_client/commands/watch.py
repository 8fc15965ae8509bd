"""``psihash watch``."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from psihash_client.labels import plural, short
from psihash_client.options import Command, ManyOption
from psihash_client.output import Ticker, facts, table
from psihash_client.results import result_document, result_lines
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.watching.watches import WatchView
    from psihash.storage.watches import RunRow, WatchRow

_WATCH = click.argument("watch_id", metavar="WATCH")


@click.group()
def watch() -> None:
    """Standing queries: match against a peer's central set on a schedule.

    WATCH is its id or the first characters of it, at least six. `psihash serve` runs what is due;
    where nothing serves, `psihash watch scheduler` does.
    """


@watch.command(cls=Command)
@click.argument("peer", metavar="PEER")
@click.option("--agreement", metavar="ID", required=True, help="The agreement to run under.")
@click.option(
    "--collection",
    "collections",
    cls=ManyOption,
    metavar="NAME...",
    required=True,
    help="Collections of ours to match.",
)
@click.option(
    "--cron",
    metavar="FIELDS",
    required=True,
    help="Minute, hour, day, month, weekday: '0 2 * * *' is every night at two.",
)
@click.option("--tz", "zone", metavar="ZONE", required=True, help="Such as Europe/Brussels.")
@click.option("--until", metavar="DATE", help="Its last day; default after 90 days.")
@pass_shell
def add(
    shell: Shell,
    peer: str,
    agreement: str,
    collections: tuple[str, ...],
    cron: str,
    zone: str,
    until: str | None,
) -> None:
    """Match collections against the central set of PEER whenever the schedule says so.

    Where the agency has operators, an approver decides first. A time that the clocks skip in
    spring is run after the change, one that they show twice in autumn the first time.
    """
    from psihash.node.watching import watches

    with shell.node() as node:
        draft = watches.Draft(peer, agreement, collections, cron, zone, until)
        view = watches.view(node, watches.add(node, draft))
    shell.show(asdict(view), _added(view))


@watch.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@pass_shell
def list_(shell: Shell, everything: bool) -> None:
    """List the standing queries."""
    from psihash.node.watching import watches

    with shell.node() as node:
        views = watches.listing(node, everything=everything)
    shell.show({"watches": [asdict(each) for each in views]}, _listed(views))


@watch.command()
@_WATCH
@click.option("--last", metavar="N", type=click.IntRange(1, 1000), default=20, help="Runs to show.")
@pass_shell
def show(shell: Shell, watch_id: str, last: int) -> None:
    """Show WATCH and its last runs."""
    from psihash.node.watching import watches

    with shell.node() as node:
        view, runs = watches.runs(node, watch_id, last)
    document = asdict(view) | {"runs": [_run_dict(run) for run in runs]}
    shell.show(document, _shown(view, runs))


@watch.command()
@_WATCH
@pass_shell
def result(shell: Shell, watch_id: str) -> None:
    """Show the hits of WATCH that stand, as the result of a session is shown.

    What the centre says of them comes with it, and whom to ask. The look is logged.
    """
    from psihash.node.watching import results

    with shell.node() as node:
        found, handling = results.show(node, watch_id)
    shell.show(
        lambda: result_document(found, handling),
        result_lines(found, handling, f"The last run that ended well: {_minute(found.closed)}."),
    )


@watch.command()
@_WATCH
@pass_shell
def run(shell: Shell, watch_id: str) -> None:
    """Run WATCH now, for a new seizure. The schedule goes on as before."""
    from psihash.node.watching import running

    with shell.node() as node, Ticker() as ticker:

        def progress(step: str, done: int, total: int) -> None:
            ticker.say(f"{step}: {done:,} of {total:,}")

        ended = running.run_now(node, watch_id, progress=progress)
    shell.show(_run_dict(ended), _ran(ended))


@watch.command()
@_WATCH
@pass_shell
def pause(shell: Shell, watch_id: str) -> None:
    """Stop the schedule of WATCH until it is resumed."""
    from psihash.node.watching import watches

    with shell.node() as node:
        _changed(shell, watches.pause(node, watch_id))


@watch.command()
@_WATCH
@pass_shell
def resume(shell: Shell, watch_id: str) -> None:
    """Go on with WATCH from its next slot; what the pause left out is not made up for."""
    from psihash.node.watching import watches

    with shell.node() as node:
        _changed(shell, watches.resume(node, watch_id))


@watch.command()
@_WATCH
@pass_shell
def remove(shell: Shell, watch_id: str) -> None:
    """End WATCH for good. Its hits stay until their retention ends."""
    from psihash.node.watching import watches

    with shell.node() as node:
        _changed(shell, watches.remove(node, watch_id))


@watch.command()
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How it tells on standard error what it does.",
)
@pass_shell
def scheduler(shell: Shell, log_format: str) -> None:
    """Run what is due until interrupted, where no `psihash serve` does.

    Several may run on one store: each slot is run by one of them.
    """
    from psihash_server import logs

    from psihash.node.people.roles import RULE_ACTOR
    from psihash.node.watching import scheduler as clockwork
    from psihash.node.watching import webhook

    stop = threading.Event()
    with shell.node() as node:
        node.keys  # noqa: B018 - asks for the passphrase now, not at the first run
        node.actor = RULE_ACTOR
        webhook.prepare(node)
        logs.set_up(log_format)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        logs.SERVER.info("the schedule runs")
        clockwork.keep_looking(node, stop)
    shell.show({"agency": node.agency, "ended": True}, ["The scheduler has ended."])


def _added(view: WatchView) -> Iterator[str]:
    yield f"Watch {view.watch} is {view.state}."
    if view.state == "waiting":
        yield f"An approver decides: `psihash approve {short(view.request or '')}`."
        return
    if view.next_slot is not None:
        yield f"It runs next at {view.next_slot}, and until {view.until}."
    yield f"To run it at once: `psihash watch run {short(view.watch)}`."


def _listed(views: Sequence[WatchView]) -> Iterator[str]:
    if not views:
        yield "There are no standing queries: `psihash watch add` makes one."
        return
    headers = ("watch", "peer", "state", "schedule", "next (UTC)", "hits", "new", "last", "until")
    rows = [
        (
            short(each.watch),
            each.peer,
            each.state,
            f"{each.cron} {each.zone}",
            _minute(each.next_slot),
            each.matched_items,
            each.new_items,
            each.last_code or "ok" if each.last_slot or each.last_code else "-",
            each.until[:10],
        )
        for each in views
    ]
    yield from table(headers, rows, elastic=(3, 7))
    for each in views:
        if each.last_code:
            yield f"The last run of {short(each.watch)} failed: `psihash watch show`."


def _shown(view: WatchView, runs: Sequence[RunRow]) -> Iterator[str]:
    yield from facts(
        [
            ("watch", view.watch),
            ("peer", view.peer),
            ("agreement", short(view.agreement)),
            ("collections", ", ".join(view.collections)),
            ("state", view.state),
            ("schedule", f"{view.cron} in {view.zone}"),
            ("next run", view.next_slot),
            ("until", view.until),
            ("hits now", view.matched_items),
            ("last failure", view.last_code or None),
        ]
    )
    if runs:
        yield ""
    headers = ("slot (UTC)", "kind", "state", "hits", "new", "gone", "asked", "attempts", "code")
    rows = [
        (_minute(each.slot), each.kind.value, each.state.value, each.matched_items, each.new_items,
         each.gone_items, each.asked, each.attempts, each.code or "-")
        for each in runs
    ]  # fmt: skip
    yield from table(headers, rows, elastic=(8,))


def _ran(ended: RunRow) -> Iterator[str]:
    yield (
        f"{plural(ended.matched_items or 0, 'item')} of ours stand in the central set, "
        f"{ended.new_items:,} of them new."
    )
    if ended.new_items:
        yield f"To see them: `psihash watch result {short(ended.watch)}`; to decide about them: "
        yield f"`psihash hit list {short(ended.watch)} --unconfirmed`."


def _run_dict(run: RunRow) -> dict[str, Any]:
    return asdict(run)


def _changed(shell: Shell, row: WatchRow) -> None:
    document = {"watch": row.id, "state": row.state.value}
    shell.show(document, [f"Watch {short(row.id)} is {row.state.value}."])


def _minute(text: str | None) -> str:
    return text[:16].replace("T", " ") if text else "-"
