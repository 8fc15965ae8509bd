"""``psihash init``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from psihash_client.options import path
from psihash_client.output import facts
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.home.opening import MadeHome


@click.command()
@click.option("--agency", metavar="ID", required=True, help="Short id, such as nl-police.")
@click.option("--name", required=True, help="The agency's full name.")
@click.option("--country", metavar="CC", required=True, help="Country, ISO 3166-1 alpha-2.")
@click.option("--endpoint", metavar="HOST:PORT", help="Where peers reach this node, if they can.")
@click.option("--contact", metavar="TEXT", help="Whom to ask: mailbox, telephone, SIENA address.")
@click.option(
    "--passphrase-file",
    metavar="FILE",
    help="First line: passphrase of the signing key. Without it, and without a terminal to ask "
    "on, a random one is written to HOME/passphrase.",
)
@pass_shell
def init(
    shell: Shell,
    agency: str,
    name: str,
    country: str,
    endpoint: str | None,
    contact: str | None,
    passphrase_file: str | None,
) -> None:
    """Make this agency's home: keys, certificates, card and an empty store.

    The home is the directory named by --home or PSIHASH_HOME. Nothing that exists is overwritten.
    """
    from psihash.node.home import files, opening

    given = None if passphrase_file is None else path(passphrase_file)
    new = opening.NewHome(agency, name, country, endpoint, contact, given)
    made = opening.create(shell.home, new, ask=shell.ask)
    card = shell.home / files.CARD
    secret = made.passphrase_written or given
    document = {
        "agency": made.card.agency,
        "home": str(shell.home.resolve()),
        "fingerprint": made.fingerprint,
        "card": str(card.resolve()),
        "passphrase_file": None if secret is None else str(secret.resolve()),
    }
    shell.show(document, _lines(document, made))


def _lines(document: dict[str, str | None], made: MadeHome) -> Iterator[str]:
    yield f"The home of {made.card.agency} is ready."
    yield ""
    yield from facts([(name.replace("_", " "), value) for name, value in document.items()])
    yield ""
    if made.passphrase_written is not None:
        yield "A random passphrase for the signing key was written to that file, readable by its"
        yield "owner alone. Whoever has both the file and the home can act for this agency."
    yield "Next: give `psihash peer card` to the other agency and read the fingerprint to them by"
    yield "another channel, such as the telephone."
