"""``psihash serve``."""

from __future__ import annotations

import click

from psihash_client.shell import Shell, pass_shell


@click.command()
@click.option("--listen", metavar="HOST:PORT", help="Overrides 'listen' in psihash.toml.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How it tells on standard error what it does.",
)
@pass_shell
def serve(shell: Shell, listen: str | None, log_format: str) -> None:
    """Answer peers until interrupted. One reachable side is enough for everything."""
    from psihash_server import logs
    from psihash_server import main as server

    from psihash.node.home import checks

    with shell.node() as node:
        where = listen or node.settings.listen
        if slow := checks.slow_group(node):
            click.echo(slow, err=True)
        logs.set_up(log_format)
        server.serve(node, where)
    shell.show({"agency": node.agency, "listen": where, "ended": True}, ["The server has ended."])
