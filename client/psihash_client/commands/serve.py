"""``psihash serve``."""

from __future__ import annotations

import click

from psihash_client.shell import Shell, pass_shell


@click.command()
@click.option("--listen", metavar="HOST:PORT", help="Overrides 'listen' in psihash.toml.")
@pass_shell
def serve(shell: Shell, listen: str | None) -> None:
    """Answer peers until interrupted. One reachable side is enough for everything."""
    from psihash_server import main as server

    with shell.node() as node:
        where = listen or node.settings.listen
        server.serve(node, where)
    shell.show({"agency": node.agency, "listen": where, "ended": True}, ["The server has ended."])
