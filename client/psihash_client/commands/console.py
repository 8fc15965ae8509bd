"""``psihash console``."""

from __future__ import annotations

import click

from psihash_client.options import path
from psihash_client.shell import Shell, pass_shell


@click.command()
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:8844",
    help="Where browsers find it (default 127.0.0.1:8844); other than loopback needs TLS.",
)
@click.option("--tls-certificate", metavar="FILE", help="Certificate that browsers trust, PEM.")
@click.option("--tls-key", metavar="FILE", help="Its private key, PEM, without a passphrase.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How it tells on standard error what it does.",
)
@pass_shell
def console(
    shell: Shell, listen: str, tls_certificate: str | None, tls_key: str | None, log_format: str
) -> None:
    """Web pages for auditors, approvers and analysts, until interrupted.

    Operators log in with their names and passwords; docs/console.md shows the pages.
    """
    from psihash_server import logs
    from psihash_server.console import main as server
    from psihash_server.console import place as places

    if (tls_certificate is None) is not (tls_key is None):
        raise click.UsageError("--tls-certificate and --tls-key belong together.")
    tls = None
    if tls_certificate is not None and tls_key is not None:
        tls = places.Tls(path(tls_certificate), path(tls_key))
    with shell.node() as node:
        place = places.of(listen, tls)
        logs.set_up(log_format)
        server.serve(node, place)
    shell.show({"agency": node.agency, "listen": listen, "ended": True}, ["The console has ended."])
