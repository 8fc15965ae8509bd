"""``psihash witness``."""

from __future__ import annotations

import click

from psihash_client.output import note
from psihash_client.shell import Shell, pass_shell


@click.command()
@click.option(
    "--listen", metavar="HOST:PORT", required=True, help="Where logs' owners ask for cosignatures."
)
@pass_shell
def witness(shell: Shell, listen: str) -> None:
    """Cosign the logs of this home's active peers for whoever asks, until interrupted.

    Speaks HTTP as c2sp.org/tlog-witness says; put a TLS proxy in front where the network is not
    trusted. The verifier key that it prints goes into the agencies' settings.
    """
    from psihash_server import witness as server

    from psihash.node.oversight.witnesses import NodeWitness

    with shell.node() as node:
        note(f"witness_key = {NodeWitness(node).verifier_key}")
        server.serve(node, listen)
    shell.show({"agency": node.agency, "listen": listen, "ended": True}, ["The witness has ended."])
