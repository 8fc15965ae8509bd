"""``psihash central``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from psihash_client.labels import plural, short
from psihash_client.options import Command, ManyOption, algorithms
from psihash_client.output import Ticker, facts, number
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.central.publishing import Published
    from psihash.node.central.setting_up import CentreStatus
    from psihash.terms import AlgorithmId


_EXECUTOR = click.option(
    "--executor",
    metavar="WHERE",
    default="threads",
    help="Where values are computed: threads, pool, pool:N, or tls://HOST:PORT (Dask).",
)


@click.group()
def central() -> None:
    """Be a centre: publish what is held for members to match against."""


@central.command(cls=Command)
@click.option(
    "--collection",
    "collections",
    cls=ManyOption,
    metavar="NAME...",
    help="What is published; by default every collection, later ones too.",
)
@click.option(
    "--algorithm",
    "chosen",
    cls=ManyOption,
    metavar="NAME...",
    callback=algorithms,
    help="By which digests members can match; md5 and sha1 by default.",
)
@click.option("--contact", metavar="TEXT", help="Stands in every record; by default the card's.")
@click.option("--epoch-days", type=int, default=30, show_default=True, help="Age of a key at most.")
@click.option(
    "--valid-days",
    type=int,
    default=7,
    show_default=True,
    help="How long a publication may be the newest.",
)
@pass_shell
def init(
    shell: Shell,
    collections: tuple[str, ...],
    chosen: tuple[AlgorithmId, ...],
    contact: str | None,
    epoch_days: int,
    valid_days: int,
) -> None:
    """Make this node a centre. Nothing is published yet."""
    from psihash.node.central import setting_up

    with shell.node() as node:
        status = setting_up.init(
            node,
            collections=collections or None,
            algorithms=chosen or setting_up.ALGORITHMS,
            contact=contact,
            epoch_days=epoch_days,
            valid_days=valid_days,
        )
    lines = ["This node is a centre. Next: `psihash central publish`."]
    shell.show(asdict(status), lines)


@central.command()
@_EXECUTOR
@pass_shell
def publish(shell: Shell, executor: str) -> None:
    """Publish what is held now: a delta, or a new epoch where one is due.

    One is due after its days, and after something published was erased. Run this every night: an
    empty delta tells members that nothing is kept back.
    """
    from psihash.node.central import executor as executors
    from psihash.node.central import publishing

    with shell.node() as node, Ticker() as ticker:
        made = publishing.publish(
            node,
            executor=executors.choose(node, executor),
            progress=lambda step, done, total: ticker.say(_progress(step, done, total)),
        )
    shell.show(asdict(made), _published(made))


@central.command()
@click.option("--reason", metavar="TEXT", default="asked for", help="Why; logged.")
@_EXECUTOR
@pass_shell
def rotate(shell: Shell, reason: str, executor: str) -> None:
    """Begin a new epoch under a new key, and destroy the old key.

    Members download the whole set again.
    """
    from psihash.node.central import executor as executors
    from psihash.node.central import publishing

    with shell.node() as node, Ticker() as ticker:
        made = publishing.rotate(
            node,
            reason,
            executor=executors.choose(node, executor),
            progress=lambda step, done, total: ticker.say(_progress(step, done, total)),
        )
    shell.show(asdict(made), _published(made))


@central.command("status")
@pass_shell
def status_(shell: Shell) -> None:
    """What is published, and until when."""
    from psihash.node.central import setting_up

    with shell.node() as node:
        found = setting_up.status(node)
    shell.show(asdict(found), _status(found))


@central.command("executor-keys", cls=Command)
@click.option(
    "--host",
    "hosts",
    cls=ManyOption,
    metavar="NAME...",
    help="Names or addresses of the scheduler and its workers.",
)
@pass_shell
def executor_keys_(shell: Shell, hosts: tuple[str, ...]) -> None:
    """Make TLS keys for a Dask scheduler and its workers, under a new authority of their own.

    Whoever has one of them can run any program on those machines.
    """
    from psihash.node.central import executor_keys

    with shell.node() as node:
        made = executor_keys.make(node, hosts)
    lines = [
        f"The keys are in {made}.",
        "'client' is for this node. Give the scheduler and the workers their two files each, and",
        "ca.pem, over a way that nobody else reads.",
    ]
    shell.show({"folder": str(made)}, lines)


@central.command("contributions")
@click.option("--since", metavar="TIME", help="What was decided since, like 2026-01-01T00:00:00Z.")
@pass_shell
def contributions_(shell: Shell, since: str | None) -> None:
    """What members gave that was taken in."""
    from psihash.node.central import taking_in

    with shell.node() as node:
        found = taking_in.report(node, since)
    shell.show(asdict(found), [taking_in.sentence(found) + "."])


def _progress(step: str, done: int, total: int) -> str:
    return f"{step}: {number(done)} of {number(total)}"


def _published(made: Published) -> Iterator[str]:
    what = f"delta {made.delta} of epoch" if made.delta else "epoch"
    yield f"Published {what} {made.epoch} ({made.reason}): {plural(made.items, 'digest')} stand."
    yield from facts(
        [
            ("entries added", made.added),
            ("entries removed", made.removed),
            ("download", f"{number(made.bytes)} bytes"),
            ("manifest", short(made.manifest)),
            ("newest until", made.valid_until),
        ]
    )


def _status(found: CentreStatus) -> Iterator[str]:
    every = "all" if found.collections is None else ", ".join(found.collections)
    yield from facts(
        [
            ("collections", every),
            ("algorithms", ", ".join(found.algorithms)),
            ("epoch", found.epoch),
            ("delta", found.delta),
            ("manifest", None if found.manifest is None else short(found.manifest)),
            ("published", found.published),
            ("newest until", found.valid_until),
            ("epoch until", found.epoch_until),
            ("rotation due since", found.rotation_due),
            ("members", found.members),
        ]
    )
    if found.rotation_due is not None:
        yield "Something published was erased: the next `psihash central publish` begins an epoch."
    if found.epoch is None:
        yield "Nothing is published yet: run `psihash central publish`."
