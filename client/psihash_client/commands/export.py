"""``psihash export``."""

from __future__ import annotations

from dataclasses import asdict

import click

from psihash_client.labels import plural, short
from psihash_client.options import path
from psihash_client.output import table
from psihash_client.shell import Shell, pass_shell

STANDARD_STREAM = "-"


@click.command()
@click.argument("id_", metavar="ID", required=False)
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["csv", "json", "vics"], case_sensitive=False),
    help="csv for spreadsheets, json for programs, vics for Griffeye and the like.",
)
@click.option("--out", metavar="FILE", help="The file to write or replace.")
@click.option(
    "--include-quarantined", is_flag=True, help="Also write items that match too much to mean much."
)
@click.option(
    "--list", "listing", is_flag=True, help="List the exports that were made, of ID or of all."
)
@pass_shell
def export(
    shell: Shell,
    id_: str | None,
    fmt: str | None,
    out: str | None,
    include_quarantined: bool,
    listing: bool,
) -> None:
    """Write the result of session ID for another tool, or the hits of watch ID that stand.

    The export is logged and registered.
    """
    if listing:
        _list(shell, id_)
        return
    for value, name in ((id_, "ID"), (fmt, "--format"), (out, "--out")):
        if value is None:
            raise click.UsageError(f"Missing '{name}'.")
    _write(shell, str(id_), str(fmt), str(out), include_quarantined)


def _write(shell: Shell, id_: str, fmt: str, out: str, include_quarantined: bool) -> None:
    from psihash import errors
    from psihash.node import outfile
    from psihash.node.records import exporting

    if out == STANDARD_STREAM:
        raise errors.InputError(
            outfile.EXPORT_NOT_A_FILE,
            "an export goes to a file, not to standard output",
            hint="--out FILE; './-' is a file of that name",
        )
    if path(out).exists():
        shell.confirm(f"{out} exists. Write over it?")
    with shell.node() as node:
        report = exporting.write(node, id_, fmt, path(out), include_quarantined=include_quarantined)
    lines = [f"{plural(report.records, 'record')} written to {report.path}."]
    if report.replaced:
        lines.append("It replaced the file that was there.")
    lines += [
        f"Left out: {plural(count, 'item')} ({reason})."
        for reason, count in report.left_out.items()
    ]
    if report.quarantined:
        lines.append(
            f"Left out: {plural(report.quarantined, 'item')} (quarantined; --include-quarantined)."
        )
    if report.corrected:
        lines.append(
            f"Left out: {plural(report.corrected, 'item')} (corrected by the peer; "
            "`psihash correction list`)."
        )
    shell.show(asdict(report), lines)


def _list(shell: Shell, id_: str | None) -> None:
    from psihash.node.records import exports

    with shell.node() as node:
        found = exports.listing(node, id_)
    rows = [
        (
            each.time[:16].replace("T", " "),
            short(each.session),
            each.peer,
            each.format,
            each.records,
            each.actor,
            each.path,
        )
        for each in found
    ]
    headers = ("time (UTC)", "session", "peer", "format", "records", "by", "file")
    document = {"exports": [asdict(each) for each in found]}
    shell.show(
        document, table(headers, rows, elastic=(6,)) if rows else ["Nothing was exported yet."]
    )
