"""``psihash import`` and ``psihash formats``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from psihash.terms import CollectionKind
from psihash_client import failures
from psihash_client.labels import algorithm_name, correction_hint
from psihash_client.options import path, words
from psihash_client.output import Ticker, facts, number, table
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.hashset.model import ImportReport

_TOTALS = ("rows", "items", "items_new", "items_removed", "exclusions")


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--collection", metavar="NAME", help="The collection that the lists go into.")
@click.option(
    "--kind",
    type=words(CollectionKind),
    help="What a new collection is (default case). A collection of kind series is one series.",
)
@click.option(
    "--format", "fmt", metavar="FORMAT", default="auto", show_default=True,
    help="A name from `psihash formats`; auto looks at the content.",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="The files together become the whole collection.")
@click.option("--dry-run", is_flag=True, help="Read and report; change nothing.")
@click.option(
    "--exclusions",
    metavar="REASON",
    help="Instead of --collection: put the digests on the exclusion list (NSRL and the like).",
)
@pass_shell
def import_(
    shell: Shell,
    files: tuple[str, ...],
    collection: str | None,
    kind: str | None,
    fmt: str,
    replace: bool,
    dry_run: bool,
    exclusions: str | None,
) -> None:
    """Read hash lists into a collection: VICS, ICSE, Griffeye, NSRL, CSV, hashdeep and more.

    All files are recognised before anything changes; then each is imported whole or not at all,
    one after the other. A row that cannot be used is counted and left out.
    """
    from psihash.node.casework import corrections
    from psihash.node.lists import holdings

    try:
        with shell.node() as node, Ticker() as ticker:
            reports = holdings.import_files(
                node,
                [path(name) for name in files],
                collection,
                None if kind is None else CollectionKind(kind),
                fmt=fmt,
                replace=replace,
                dry_run=dry_run,
                exclude=exclusions,
                progress=_progress(ticker),
            )
            removed = not dry_run and any(each.items_removed for each in reports)
            matched = removed and corrections.may_have_matched(node, collection or "")
    except holdings.PartlyImportedError as fault:
        raise failures.Detailed(fault, imported=list(map(_document, fault.imported))) from None
    totals = {name: sum(getattr(each, name) for each in reports) for name in _TOTALS}
    document = {
        "collection": collection,
        "exclusions_reason": exclusions,
        "dry_run": dry_run,
        "imports": [_document(report) for report in reports],
        **totals,
        "may_have_matched": matched,
    }
    lines = _lines(reports, collection or f"exclusions '{exclusions}'")
    shell.show(document, chain(lines, correction_hint(collection or "") if matched else ()))


@click.command()
@pass_shell
def formats(shell: Shell) -> None:
    """List the formats that import reads. It looks at the content, never at a file's name."""
    from psihash.node.lists import holdings

    views = holdings.formats()
    rows = [(view.name, view.title, " ".join(view.suffixes)) for view in views]
    document = {"formats": [asdict(view) for view in views]}
    shell.show(document, table(("format", "what it is", "usual endings"), rows))


def _progress(ticker: Ticker) -> Callable[[int, int], None]:
    def say(done: int, total: int) -> None:
        share = f"{100 * done // total} %" if total else f"{number(done)} bytes"
        ticker.say(f"reading {share}" if done < total or not total else "merging into the store")

    return say


def _document(report: ImportReport) -> dict[str, Any]:
    """``dataclasses.asdict`` cannot copy the counters that a report holds."""
    values = {each.name: getattr(report, each.name) for each in fields(report)}
    return {n: dict(v) if isinstance(v, Mapping) else v for n, v in values.items()}


def _lines(reports: Sequence[ImportReport], target: str) -> Iterator[str]:
    for report in reports:
        yield f"{report.source_name} -> {target}" + (" (dry run)" if report.dry_run else "")
        if report.unchanged:
            yield "  unchanged: this file was imported before and brings nothing new"
        yield from (f"  {line}" for line in facts(_figures(report)))
        yield ""
    if any(report.dry_run for report in reports):
        yield "Nothing was changed. Leave out --dry-run to import."


def _figures(report: ImportReport) -> Iterator[tuple[str, Any]]:
    yield "format", report.format
    yield "rows", report.rows
    yield "items", report.items
    yield "new items", report.items_new
    yield "removed items", report.items_removed or None
    for algorithm, count in report.coverage.items():
        share = f" ({_share(count, report.items)})" if report.items else ""
        yield f"with {algorithm_name(algorithm)}", number(count) + share
    for kind, count in report.other_coverage.items():
        yield f"with {kind}", f"{number(count)} (kept, cannot be matched)"
    yield "on the exclusion list", report.exclusions or None
    for reason, count in report.refusals.items():
        places = ", ".join(map(str, report.refusal_examples.get(reason, [])))
        more = ", ..." if count > len(report.refusal_examples.get(reason, [])) else ""
        yield f"refused: {reason.value}", f"{number(count)} (line {places}{more})"
    yield "MD5 with several SHA-1", report.conflicts_sha1 or None
    yield "with several categories", report.conflicts_category or None


def _share(part: int, whole: int) -> str:
    return "all" if part == whole else f"{100 * part / whole:.1f} %"
