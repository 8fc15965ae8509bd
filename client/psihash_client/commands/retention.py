"""``psihash retention``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from psihash_client.labels import plural, short
from psihash_client.output import table
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.records.retention import Due, Report

_NEXT = 10
"""Sessions that end next, as far as a terminal shows them."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what is due; erase nothing.")
@pass_shell
def retention(shell: Shell, dry_run: bool) -> None:
    """Erase what may no longer be kept: results, commitments, bodies of old log entries.

    `psihash serve` does the same by itself. A result ends with the retention of its agreement: its
    key is destroyed. What was erased cannot be brought back.
    """
    from psihash.node.records import retention as keeping

    with shell.node() as node:
        plan = keeping.plan(node)
        if not dry_run:
            if _anything(plan):
                shell.confirm(f"{' '.join(_summary(plan, 'to be erased'))} Erase for good?")
            done = keeping.carry_out(node)
    report = plan if dry_run else done
    document = asdict(report) | {"dry_run": dry_run}
    document["log"]["entries"] = report.log.entries
    document["following"] = [asdict(each) for each in plan.following]
    shell.show(document, _lines(report, plan, "due" if dry_run else "erased"))


def _anything(report: Report) -> bool:
    return bool(report.sessions or report.agreements or report.log.ranges)


def _lines(report: Report, plan: Report, word: str) -> Iterator[str]:
    if _anything(report):
        yield from _summary(report, word)
    else:
        yield "Nothing is due."
    if report.sessions:
        yield ""
        yield from _table(report.sessions)
    if plan.following:
        yield ""
        yield "What ends next:"
        yield from _table(plan.following[:_NEXT])


def _summary(report: Report, word: str) -> Iterator[str]:
    yield f"Results {word}: {len(report.sessions):,}."
    yield f"Commitments of agreements that are over, {word}: {len(report.agreements):,}."
    yield f"Bodies of log entries from before {report.log.before[:10]}, {word}: " + (
        f"{report.log.entries:,}; {plural(report.log.kept, 'entry', 'entries')} of that time "
        "still needed."
    )


def _table(dues: tuple[Due, ...]) -> Iterator[str]:
    headers = ("session", "peer", "agreement", "state", "kept until (UTC)")
    rows = [
        (
            short(due.session),
            due.peer,
            short(due.agreement),
            due.state,
            due.until.replace("T", " ").removesuffix("Z"),
        )
        for due in dues
    ]
    yield from table(headers, rows)
