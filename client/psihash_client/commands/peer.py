"""``psihash peer``: cards and peers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from psihash_client.documents import read_document
from psihash_client.labels import plural
from psihash_client.output import facts, table
from psihash_client.shell import Shell, pass_shell
from psihash_client.standing import saying_who

if TYPE_CHECKING:
    from psihash.node.peering.peers import PeerView


@click.group()
def peer() -> None:
    """Cards and peers: show your card, accept theirs, suspend, resume, revoke."""


@peer.command()
@pass_shell
def card(shell: Shell) -> None:
    """Print this agency's card, to give to others: psihash peer card > card.json

    It is JSON with and without --json. The fingerprint in it must reach them by another channel.
    """
    from psihash.node.peering import peers

    with shell.node() as node:
        own = peers.own_card(node)
    click.echo(json.dumps(own, ensure_ascii=True, indent=2))


@peer.command()
@click.argument("card", metavar="CARD")
@click.option("--fingerprint", metavar="F", required=True, help="As they read it to you.")
@pass_shell
def add(shell: Shell, card: str, fingerprint: str) -> None:
    """Accept another agency's card from the file CARD ('-' is standard input).

    Compare the fingerprint by another channel than the one that brought the card. A newer card of
    a known peer is accepted in the same way.
    """
    from psihash import limits
    from psihash.node.peering import peers

    body = read_document(card, limits.MAX_DOCUMENT)
    with shell.node() as node:
        view = peers.add(node, body, fingerprint)
    shell.show(asdict(view), _lines(view))


@peer.command("list")
@pass_shell
def list_(shell: Shell) -> None:
    """List the peers."""
    from psihash.node.peering import peers

    with shell.node() as node:
        views = peers.listing(node)
    document = {"peers": [asdict(view) for view in views]}
    rows = [
        (each.agency, each.status, each.country, each.endpoint, each.card_version, each.name)
        for each in views
    ]
    headers = ("peer", "status", "country", "endpoint", "card", "name")
    empty = ["No peer is known. Accept one with `psihash peer add CARD --fingerprint F`."]
    shell.show(document, table(headers, rows, elastic=(5,)) if rows else empty)


@peer.command()
@click.argument("agency", metavar="ID")
@pass_shell
def sync(shell: Shell, agency: str) -> None:
    """Exchange waiting documents with a peer now: agreements, answers to them, newer cards.

    Every other contact does the same first. A node that nobody can reach from outside gets its
    partners' proposals in this way.
    """
    from psihash.node.peering import contact

    with shell.node() as node, saying_who(node, agency):
        report = contact.sync(node, agency)
    lines = [f"{plural(report.sent, 'document')} sent, {report.received:,} received."]
    if report.refused:
        lines.append(f"Not taken: {', '.join(sorted(set(report.refused)))}.")
    shell.show(asdict(report), lines)


@peer.command()
@click.argument("agency", metavar="ID")
@pass_shell
def suspend(shell: Shell, agency: str) -> None:
    """Refuse a peer for now. It counts at once, for running sessions too."""
    _set(shell, agency, "suspended")


@peer.command()
@click.argument("agency", metavar="ID")
@pass_shell
def resume(shell: Shell, agency: str) -> None:
    """Let a suspended peer in again."""
    _set(shell, agency, "active")


@peer.command()
@click.argument("agency", metavar="ID")
@pass_shell
def revoke(shell: Shell, agency: str) -> None:
    """Refuse a peer for good. This cannot be undone."""
    shell.confirm(f"Revoke {agency} for good?")
    _set(shell, agency, "revoked")


def _set(shell: Shell, agency: str, status: str) -> None:
    from psihash.identity.trust import PeerStatus
    from psihash.node.peering import peers

    with shell.node() as node:
        view = peers.set_status(node, agency, PeerStatus(status))
    shell.show(asdict(view), _lines(view))


def _lines(view: PeerView) -> Iterator[str]:
    yield f"{view.agency} is {view.status}."
    yield ""
    yield from facts((name.replace("_", " "), value) for name, value in asdict(view).items())
