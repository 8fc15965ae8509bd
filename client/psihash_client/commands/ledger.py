"""``psihash ledger``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from psihash_client.labels import plural, short
from psihash_client.output import facts, table
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.records.ledger import AgreementUse, Budget


@click.command()
@click.argument("peer", required=False)
@click.option("--agreement", metavar="ID", help="Only this agreement.")
@click.option(
    "--since", metavar="TIME", help="Totals from this time on, such as 2026-01-31T00:00:00Z."
)
@pass_shell
def ledger(shell: Shell, peer: str | None, agreement: str | None, since: str | None) -> None:
    """Show what sessions were charged, against what the agreements allow.

    A session is charged in full when it is accepted, for every collection on both sides, whatever
    came of it. The period slides: what a session used comes back when it has left the period.
    """
    from psihash.node.records import ledger as ledgers

    with shell.node() as node:
        uses = ledgers.view(node, peer, agreement=agreement, since=since)
    document = {"agreements": [_document(use) for use in uses]}
    shell.show(document, _lines(uses) if uses else ["There is no agreement yet."])


def _document(use: AgreementUse) -> dict[str, object]:
    document = asdict(use)
    for name, budget in (("sessions", use.sessions), ("elements", use.elements)):
        document[name]["left"] = budget.left
    return document


def _lines(uses: list[AgreementUse]) -> Iterator[str]:
    for number, use in enumerate(uses):
        if number:
            yield ""
        yield f"Agreement {short(use.agreement)} with {use.peer} ({use.status})"
        yield from facts(
            (
                (f"sessions in {use.period_days} days", _budget(use.sessions)),
                (f"elements in {use.period_days} days", _budget(use.elements)),
                ("next renewal (UTC)", _renewal(use)),
                ("in all" if use.since is None else f"since {use.since}", _total(use)),
            )
        )
        headers = ("collection", "of", "runs", "elements", "runs in all", "elements in all")
        rows = [
            (
                each.name or each.id,
                each.owner,
                each.period.runs,
                each.period.elements,
                each.total.runs,
                each.total.elements,
            )
            for each in use.collections
        ]
        yield from table(headers, rows, elastic=(0,))


def _budget(budget: Budget) -> str:
    return f"{budget.used:,} of {budget.allowed:,} used, {budget.left:,} left"


def _renewal(use: AgreementUse) -> str | None:
    if use.renewal is None:
        return None
    back = use.renewal
    at = back.at.replace("T", " ").removesuffix("Z")
    return f"{at}: {plural(back.sessions, 'session')} and {plural(back.elements, 'element')}"


def _total(use: AgreementUse) -> str:
    total = use.total
    return ", ".join(
        (
            plural(total.sessions, "session"),
            plural(total.runs, "run"),
            plural(total.elements, "element"),
        )
    )
