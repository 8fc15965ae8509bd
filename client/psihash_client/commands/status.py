"""``psihash status``, ``psihash doctor`` and ``psihash renew``: is this node in order?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from psihash import errors
from psihash_client.output import facts, wrapped
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.home.health import Finding
    from psihash.node.home.renewal import Renewal


@click.command()
@pass_shell
def status(shell: Shell) -> None:
    """Show this node at a glance: holdings, peers, agreements, log, certificate, engines."""
    from psihash.node.home import health

    with shell.node() as node:
        document = health.status(node)
    shell.show(document, facts(_flat(document)))


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Examine this node and its way to each peer; name what is wrong and what to do.

    Ends with exit code 4 if anything is found that must be repaired.
    """
    from psihash.node.home import health

    shell = ctx.ensure_object(Shell)
    findings = health.doctor(shell.home, shell.ask)
    ok = all(each.level != health.ERROR for each in findings)
    shell.show({"findings": [asdict(each) for each in findings], "ok": ok}, _findings(findings, ok))
    if not ok:
        ctx.exit(errors.StateError.exit_code)


@click.command()
@click.option("--name", help="A new full name on the card.")
@click.option("--endpoint", metavar="HOST:PORT", help="A new endpoint on the card; '' removes it.")
@click.option("--contact", metavar="TEXT", help="A new contact on the card; '' removes it.")
@pass_shell
def renew(shell: Shell, name: str | None, endpoint: str | None, contact: str | None) -> None:
    """Renew the TLS key and certificate, and sign a new card where something on it changes.

    Needs the certificate authority's key, HOME/keys/ca.key. A new card reaches the peers with the
    next contact; they need no new fingerprint.
    """
    from psihash.node.home import renewal

    with shell.node() as node:
        renewed = renewal.renew(node, shell.ask, name=name, endpoint=endpoint, contact=contact)
    shell.show(asdict(renewed), _renewed(renewed))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        label = f"{prefix}{name.replace('_', ' ')}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{label}: ")
        elif isinstance(value, list | tuple):
            yield label, ", ".join(map(str, value)) or "none"
        else:
            yield label, value


def _findings(findings: Sequence[Finding], ok: bool) -> Iterator[str]:
    width = max((len(each.subject) for each in findings), default=0)
    for each in findings:
        indent = 7 + 2 + width + 2
        first, *rest = wrapped(each.message, indent)
        yield f"{each.level:<7}  {each.subject:<{width}}  {first}"
        yield from rest
        if each.hint:
            hint, *rest = wrapped(f"-> {each.hint}", indent)
            yield " " * indent + hint
            yield from rest
    yield ""
    warnings = sum(each.level == "warning" for each in findings)
    if not ok:
        yield "Something must be repaired."
    elif warnings:
        yield "This node works; mind the warnings."
    else:
        yield "This node is in order."


def _renewed(renewed: Renewal) -> Iterator[str]:
    yield f"The new TLS certificate is valid until {renewed.certificate_until}."
    yield "Restart `psihash serve`, so that it shows the new certificate."
    if renewed.card_changed:
        yield ""
        yield f"Card version {renewed.card_version}, fingerprint {renewed.fingerprint}."
        if renewed.peers_to_tell:
            told = ", ".join(renewed.peers_to_tell)
            yield f"It goes to {told} with the next contact, signed by the key they know."
        else:
            yield "There is no peer yet that has to learn of it."
        yield "Agreements that nobody has approved yet name the old card: propose them again."
