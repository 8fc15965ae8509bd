"""``psihash export``."""

from __future__ import annotations

from dataclasses import asdict

import click

from psihash_client.labels import plural
from psihash_client.options import path
from psihash_client.shell import Shell, pass_shell


@click.command()
@click.argument("id_", metavar="ID")
@click.option(
    "--format",
    "fmt",
    required=True,
    type=click.Choice(["csv", "json", "vics"], case_sensitive=False),
    help="csv for spreadsheets, json for programs, vics for Griffeye and the like.",
)
@click.option("--out", metavar="FILE", required=True, help="The file to write.")
@pass_shell
def export(shell: Shell, id_: str, fmt: str, out: str) -> None:
    """Write the result of session ID for another tool. The export is logged."""
    from psihash.node import exporting

    with shell.node() as node:
        report = exporting.write(node, id_, fmt, path(out))
    lines = [f"{plural(report.records, 'record')} written to {report.path}."]
    lines += [
        f"Left out: {plural(count, 'item')} ({reason})."
        for reason, count in report.left_out.items()
    ]
    shell.show(asdict(report), lines)
