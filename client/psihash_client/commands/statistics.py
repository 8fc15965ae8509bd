"""``psihash statistics``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from psihash_client.options import path
from psihash_client.output import table
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.export.statistics import Statistics


@click.command()
@click.option("--peer", metavar="PEER", help="Only with this peer.")
@click.option("--since", metavar="TIME", help="From this time on, such as 2026-01-01T00:00:00Z.")
@click.option("--internal", is_flag=True, help="Exact numbers, for use inside this agency.")
@click.option("--csv", "csv_file", metavar="FILE", help="Also write a table for spreadsheets.")
@click.option("--html", "html_file", metavar="FILE", help="Also write a page for reading.")
@pass_shell
def statistics(
    shell: Shell,
    peer: str | None,
    since: str | None,
    internal: bool,
    csv_file: str | None,
    html_file: str | None,
) -> None:
    """Count sessions, hits, follow-ups, corrections, exports, contributions, by peer and purpose.

    Without --internal the numbers may be shared: one from 1 to 4 is shown as 1-4, and a median only
    where it stands for five cases or more.
    """
    from psihash.export.statistics import document
    from psihash.node.records import statistics as counting

    with shell.node() as node:
        found = counting.collect(node, peer, since=since, internal=internal)
        written = {}
        for name, file in (("csv", csv_file), ("html", html_file)):
            if file is not None:
                written[name] = str(counting.write(node, found, name, path(file)))
    shell.show(document(found) | {"written": written}, _lines(found, list(written.values())))


def _lines(found: Statistics, written: list[str]) -> Iterator[str]:
    from psihash.export.statistics import cells, sentences, shown, shown_hours

    headers = ("peer", "purpose", "group", "what", "count", "median hours")
    rows = [
        (
            row.peer,
            row.purpose or "(all)",
            cell.group,
            cell.what,
            shown(found, cell.count),
            shown_hours(found, cell),
        )
        for row, cell in cells(found)
    ]
    if rows:
        yield from table(headers, rows, elastic=(1, 0))
    else:
        yield "Nothing was matched in this time."
    yield from (f"{sentence}." for sentence in sentences(found))
    for file in written:
        yield f"Written to {file}."
