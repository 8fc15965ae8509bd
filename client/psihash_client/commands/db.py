"""``psihash db``."""

from __future__ import annotations

from dataclasses import asdict

import click

from psihash_client.shell import Shell, pass_shell


@click.group()
def db() -> None:
    """The store: which schema it has, and bringing an older one up to date."""


@db.command()
@pass_shell
def status(shell: Shell) -> None:
    """Say which schema the store has, and which one this version works with."""
    from psihash.node.home import upgrading

    found = upgrading.status(shell.home)
    lines = [f"Store: {found.store}, schema {found.schema or 'not made yet'}."]
    if found.is_current:
        lines.append("It is up to date.")
    else:
        lines.append(f"This version works with schema {found.newest}.")
        lines.append("Make a backup, stop `psihash serve`, then run `psihash db upgrade`.")
    shell.show(asdict(found) | {"is_current": found.is_current}, lines)


@db.command()
@pass_shell
def upgrade(shell: Shell) -> None:
    """Bring the store to the schema of this version.

    Make a backup first, and stop `psihash serve`: the version before cannot open the store
    afterwards. It is one transaction; where it fails nothing was changed.
    """
    from psihash.node.home import upgrading

    shell.confirm("Is there a backup of the store, and is `psihash serve` stopped?")
    made = upgrading.upgrade(shell.home)
    changed = made.before != made.after
    line = f"The store went from schema {made.before} to {made.after}."
    shell.show(
        asdict(made) | {"changed": changed},
        [line if changed else f"The store has schema {made.after}: nothing to do."],
    )
