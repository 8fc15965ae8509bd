"""``psihash audit``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from psihash_client.output import facts
from psihash_client.shell import Shell, pass_shell

_IN_HEAD = ("seq", "time", "event")


@click.group()
def audit() -> None:
    """The log: read it, and verify that it is whole and unedited."""


@audit.command()
@click.option("--session", metavar="ID", help="Only the entries of one session.")
@pass_shell
def show(shell: Shell, session: str | None) -> None:
    """Print the entries of the log, oldest first."""
    from psihash.node import auditing

    with shell.node() as node:
        entries = auditing.show(node, session)
        if not shell.json:
            for entry in entries:
                shell.show(entry, _lines(entry))
            return
        shell.show({"entries": list(entries)}, ())


@audit.command()
@pass_shell
def verify(shell: Shell) -> None:
    """Re-hash the whole log and compare it with every checkpoint, our own and cosigned ones.

    A changed, removed, reordered or missing entry ends with exit code 7 and names the place.
    """
    from psihash.node import auditing

    with shell.node() as node:
        verdict = auditing.verify(node)
    lines = ["The log is whole and unedited.", ""]
    shell.show(verdict, [*lines, *facts(_flat(verdict))])


def _lines(entry: Mapping[str, Any]) -> Iterator[str]:
    head = [str(entry[name]) for name in _IN_HEAD if name in entry]
    yield "  ".join(head)
    for name, value in _flat({n: v for n, v in entry.items() if n not in _IN_HEAD}):
        yield f"    {name}: {value}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", json.dumps(value, default=str)
        elif value is not None:
            yield f"{prefix}{name}", value
