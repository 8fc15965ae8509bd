"""``psihash audit cosign`` and ``psihash audit incident``: our log and others'."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from psihash_client.output import facts, table
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.storage.witnessing import LogIncident


@click.command()
@click.argument("peer", required=False)
@pass_shell
def cosign(shell: Shell, peer: str | None) -> None:
    """Exchange checkpoints with PEER now and cosign each other's; without PEER with the witness
    of the settings. The server does both daily."""
    from psihash.node.oversight import cosigning, witnesses

    with shell.node() as node:
        if peer is None:
            found: dict[str, Any] = asdict(witnesses.submit(node))
        else:
            found = asdict(cosigning.exchange(node, peer))
    shell.show(found, ["The log is cosigned.", "", *facts(found.items())])


@click.group()
def incident() -> None:
    """Contradictions between heads of a log: see the evidence, decide."""


@incident.command("list")
@click.option("--open", "open_only", is_flag=True, help="Only those that nobody has decided.")
@pass_shell
def list_(shell: Shell, open_only: bool) -> None:
    """What was found, when, and who decided. Sessions with that agency wait for a decision."""
    from psihash.node.oversight import heads

    with shell.node() as node:
        found = heads.incidents(node, open_only=open_only)
    columns = ["incident", "agency", "kind", "shown by", "found", "decided"]
    rows = [(i.id, i.agency, i.kind, i.via, i.found, i.resolved) for i in found]
    lines = list(table(columns, rows)) or ["There are none."]
    shell.show({"incidents": [_document(each) for each in found]}, lines)


@incident.command()
@click.argument("incident")
@click.option("--reason", metavar="TEXT", required=True, help="Why sessions may go on.")
@click.option(
    "--take-shown",
    is_flag=True,
    help="Go on from the head that was shown, not from the one held: after a restored backup.",
)
@pass_shell
def resolve(shell: Shell, incident: str, reason: str, take_shown: bool) -> None:
    """Decide an INCIDENT: from here on sessions with that agency may run again."""
    from psihash.node.oversight import heads

    with shell.node() as node:
        decided = heads.resolve(node, incident, reason, take_shown=take_shown)
    lines = [f"Sessions with {decided.agency} may run again. The log says who decided, and why."]
    shell.show(_document(decided), lines)


def _document(found: LogIncident) -> dict[str, Any]:
    values = asdict(found)
    return values | {name: values[name].decode() for name in ("held", "shown")}
