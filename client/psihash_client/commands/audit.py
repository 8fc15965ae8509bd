"""``psihash audit``: reading and verifying the log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from psihash_client.audit_words import bundle_lines, comparison_lines, log_lines
from psihash_client.commands.audit_log import cosign, incident
from psihash_client.options import path
from psihash_client.output import facts
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.audit.trust import Trust

_IN_HEAD = ("seq", "time", "event")

_TRUST = click.option(
    "--trust",
    metavar="CARD_OR_KEY",
    multiple=True,
    help="A card file or verifier key to trust; repeat it. Default: what the home trusts.",
)
_WITNESSED = click.option(
    "--witnessed",
    metavar="NOTE",
    multiple=True,
    help="A file with a checkpoint of that log that someone else holds; repeat it.",
)


@click.group()
def audit() -> None:
    """The log: read it, verify it, hand it on, compare it with a partner's."""


audit.add_command(cosign)
audit.add_command(incident)


@audit.command()
@click.option("--session", metavar="ID", help="Only the entries of one session.")
@pass_shell
def show(shell: Shell, session: str | None) -> None:
    """Print the entries of the log, oldest first."""
    from psihash.node.oversight import auditing

    with shell.node() as node:
        entries = auditing.read(node, session)
        if not shell.json:
            for entry in entries:
                shell.show(entry, _lines(entry))
            return
        shell.show({"entries": list(entries)}, ())


@audit.command()
@click.argument("bundle", required=False)
@_TRUST
@_WITNESSED
@pass_shell
def verify(
    shell: Shell, bundle: str | None, trust: tuple[str, ...], witnessed: tuple[str, ...]
) -> None:
    """Re-hash the whole log, or a BUNDLE of any agency, and check every signature.

    A bundle is verified without a home, store or network against what --trust names. A changed,
    removed, reordered or missing entry ends with exit code 7 and names the place.
    """
    from psihash.node.oversight import auditing, verifying

    if bundle is not None:
        verdict = verifying.verify_file(path(bundle), _trust(shell, trust, witnessed))
        shell.show(verdict, bundle_lines(verdict))
        return
    if trust or witnessed:
        raise click.UsageError("--trust and --witnessed go with a BUNDLE")
    with shell.node() as node:
        verdict = auditing.verify(node)
    shell.show(verdict, log_lines(verdict))


@audit.command()
@click.option("--out", metavar="BUNDLE", required=True, help="The file to write; it must be new.")
@click.option("--since", metavar="TIME", help="Only entries from this time (UTC) on.")
@click.option("--peer", metavar="AGENCY", help="Only what is common with this peer, to hand over.")
@click.option("--session", metavar="ID", help="Only one session, with its documents.")
@pass_shell
def export(
    shell: Shell, out: str, since: str | None, peer: str | None, session: str | None
) -> None:
    """Write the log, or a part of it, as a bundle that can be verified anywhere."""
    from psihash.node.oversight import bundles
    from psihash.node.peering import peers

    if session is not None and (peer or since):
        raise click.UsageError("--session stands alone")
    with shell.node() as node:
        if peer is not None:
            peers.require(node, peer)
        scope = bundles.Scope(_time(since), peer, session)
        written = bundles.export(node, path(out), scope)
    shell.show(written, ["The bundle is written.", "", *facts(written.items())])


@audit.command()
@click.argument("ours")
@click.argument("theirs")
@_TRUST
@pass_shell
def compare(shell: Shell, ours: str, theirs: str, trust: tuple[str, ...]) -> None:
    """Prove that two agencies' bundles tell the same of their common sessions.

    Prints the first difference in words and ends with exit code 7 where they do not.
    """
    from psihash.node.oversight import verifying

    verdict = verifying.compare_files(path(ours), path(theirs), _trust(shell, trust, ()))
    shell.show(verdict, comparison_lines(verdict))


@audit.command()
@click.argument("session")
@click.option("--out", metavar="BUNDLE", help="Write the evidence to this file; it must be new.")
@click.option("--recompute", is_flag=True, help="Hash the sealed set again, compare its roots.")
@pass_shell
def session(shell: Shell, session: str, out: str | None, recompute: bool) -> None:
    """The evidence of one SESSION: entries, agreement, receipts, proofs."""
    from psihash.node.oversight import verifying

    with shell.node() as node:
        found = verifying.session_evidence(
            node, session, None if out is None else path(out), recompute=recompute
        )
    shell.show(found, bundle_lines(found))


def _trust(shell: Shell, given: tuple[str, ...], witnessed: tuple[str, ...]) -> Trust:
    """What is named, else what the home trusts."""
    from psihash.node.home.settings import FILE_NAME
    from psihash.node.oversight import verifying

    named = verifying.anchors(given, witnessed)
    if given or not (shell.home / FILE_NAME).exists():
        return named
    from psihash.audit.trust import joined

    with shell.node() as node:
        return joined([verifying.home_trust(node), named])


def _time(text: str | None) -> str | None:
    """A date or a time in the form of the log."""
    if text is None:
        return None
    import datetime as dt

    from psihash.node.clock import milliseconds

    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is no time; 2026-01-31 or 2026-01-31T12:00:00Z is", param_hint="--since"
        ) from None
    return milliseconds(moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC))


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
