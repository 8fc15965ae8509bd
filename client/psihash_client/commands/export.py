"""``psihash export``."""

from __future__ import annotations

from dataclasses import asdict

import click

from psihash_client.labels import plural
from psihash_client.options import path
from psihash_client.shell import Shell, pass_shell

STANDARD_STREAM = "-"


@click.command()
@click.argument("id_", metavar="ID")
@click.option(
    "--format",
    "fmt",
    required=True,
    type=click.Choice(["csv", "json", "vics"], case_sensitive=False),
    help="csv for spreadsheets, json for programs, vics for Griffeye and the like.",
)
@click.option("--out", metavar="FILE", required=True, help="The file to write or replace.")
@pass_shell
def export(shell: Shell, id_: str, fmt: str, out: str) -> None:
    """Write the result of session ID for another tool. The export is logged."""
    from psihash import errors
    from psihash.node import exporting

    if out == STANDARD_STREAM:
        raise errors.InputError(
            exporting.EXPORT_NOT_A_FILE,
            "an export goes to a file, not to standard output",
            hint="--out FILE; './-' is a file of that name",
        )
    with shell.node() as node:
        report = exporting.write(node, id_, fmt, path(out))
    lines = [f"{plural(report.records, 'record')} written to {report.path}."]
    if report.replaced:
        lines.append("It replaced the file that was there.")
    lines += [
        f"Left out: {plural(count, 'item')} ({reason})."
        for reason, count in report.left_out.items()
    ]
    shell.show(asdict(report), lines)
