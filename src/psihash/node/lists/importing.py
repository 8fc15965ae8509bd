"""Importing lists into a collection or onto the exclusion list.

Every change is in the log, in the transaction that makes it visible. No entry holds a digest, not
even that of a list's file: anyone who has the same list could recognise it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from psihash import errors
from psihash.audit import guard
from psihash.audit.event import Event
from psihash.hashset.model import ImportReport
from psihash.hashset.store import CollectionInfo, ImportRun
from psihash.node.lists.sources import AUTO, Meter, OnProgress, Source, new_hash, recognised
from psihash.node.node import Node
from psihash.node.people.roles import use_case
from psihash.terms import CollectionKind

KIND_DIFFERS = errors.define(
    "kind-differs", "an import that adds to a collection names another kind than it has"
)
NO_TARGET = errors.define(
    "no-target", "an import needs a collection or a reason for exclusion, and not both"
)
NAME_LIKE_DIGEST = errors.define(
    "name-like-digest", "a collection or reason is called like a digest, which no log may hold"
)

WITHHELD: Final = "(withheld: it has the shape of a digest)"
"""Stands in the log for the name of a file that is called like a digest."""


class PartlyImportedError(errors.InputError):
    """A file could not be imported when others already were; the code is that file's own."""

    def __init__(self, fault: errors.InputError, imported: Sequence[ImportReport]) -> None:
        count = len(imported)
        before = "the file before it is" if count == 1 else f"the {count:,} files before it are"
        again = "import the rest again; what is in already brings nothing new"
        hint = f"{fault.hint}; then {again}" if fault.hint else again
        super().__init__(fault.code, f"{fault.message}; {before} in", hint=hint)
        self.imported = tuple(imported)
        """The reports of the files that are in."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Where an import goes, how it begins, and what the log says about it."""

    begin: Callable[[], ImportRun]
    facts: dict[str, Any]
    is_new: Callable[[], bool]


@use_case("import")
def import_files(
    node: Node,
    paths: Sequence[Path],
    collection: str | None,
    kind: CollectionKind | None = None,
    *,
    fmt: str = AUTO,
    replace: bool = False,
    dry_run: bool = False,
    exclude: str | None = None,
    progress: OnProgress | None = None,
) -> list[ImportReport]:
    """Read lists into ``collection``, or onto the exclusion list under the reason ``exclude``.

    All files are recognised before anything changes. Without ``replace`` each file is then one
    change with one report, and a damaged file ends the import before it changes anything itself;
    where others were imported before it, the error is a PartlyImportedError.
    With ``replace`` the files together become the collection, in one change with one report whose
    ``source_sha256`` is over the files' bytes one after the other.

    Raises InputError (``cannot-read-list``, ``unknown-format``, ``truncated-list``, ``no-target``,
    ``kind-differs`` ...) or StorageError.
    """
    target = _target(node, collection, kind, replace=replace, dry_run=dry_run, exclude=exclude)
    with recognised(paths, fmt) as sources:
        meter = Meter(sum(source.size for source in sources), progress)
        batches = [sources] if replace else [[source] for source in sources]
        reports: list[ImportReport] = []
        for batch in batches:
            try:
                reports.append(_import(node, target, batch, meter))
            except errors.InputError as fault:
                if dry_run or not reports:
                    raise
                raise PartlyImportedError(fault, reports) from None
        return reports


def loggable(text: str) -> str:
    """``text``, or :data:`WITHHELD` where the log would refuse it as a digest."""
    try:
        guard.assert_no_digest({"text": text})
    except errors.StateError:
        return WITHHELD
    return text


def _target(
    node: Node,
    collection: str | None,
    kind: CollectionKind | None,
    *,
    replace: bool,
    dry_run: bool,
    exclude: str | None,
) -> _Target:
    if (collection is None) == (exclude is None) or (exclude is not None and (replace or kind)):
        raise errors.InputError(
            NO_TARGET,
            "say where the lists go: into a collection, or onto the exclusion list, which has no "
            "kind and is only added to",
            hint="--collection NAME, or --exclusions REASON",
        )
    store, now = node.stores.holdings, node.stamp()
    if exclude is not None:
        reason = _checked_name(exclude)
        return _Target(
            lambda: store.begin_exclusion_import(reason, dry_run=dry_run, now=now),
            {"exclusion_list": reason},
            lambda: reason not in store.statistics()["exclusions"],
        )
    name = _checked_name(collection or "")
    chosen = _kind(_held(node, name), kind, replace=replace)
    return _Target(
        lambda: store.begin_import(name, chosen, replace=replace, dry_run=dry_run, now=now),
        {"collection": name, "kind": chosen.value, "replace": replace},
        lambda: _held(node, name) is None,
    )


def _held(node: Node, name: str) -> CollectionInfo | None:
    return next((each for each in node.stores.holdings.collections() if each.name == name), None)


def _kind(
    held: CollectionInfo | None, kind: CollectionKind | None, *, replace: bool
) -> CollectionKind:
    if held is None or (replace and kind is not None):
        return kind or CollectionKind.CASE
    if kind not in (None, held.kind):
        raise errors.InputError(
            KIND_DIFFERS,
            f"the collection '{held.name}' is of kind '{held.kind.value}'",
            hint="leave out --kind, choose another name, or change the kind with --replace",
        )
    return held.kind


def _checked_name(text: str) -> str:
    """The store checks names itself; here only what the log could not hold."""
    if loggable(text) != text:
        raise errors.InputError(
            NAME_LIKE_DIGEST, "a name of this shape could be a digest", hint="choose another name"
        )
    return text


def _import(node: Node, target: _Target, sources: Sequence[Source], meter: Meter) -> ImportReport:
    run, sha256 = target.begin(), new_hash()
    try:
        for source in sources:
            run.add(source.rows(sha256, meter))
        with node.stores.database.transaction():
            event = Event.COLLECTION if target.is_new() else Event.ALTERATION
            report = run.finish(
                " + ".join(source.name for source in sources),
                sha256.hexdigest(),
                sum(source.bytes_read for source in sources),
                " + ".join(dict.fromkeys(source.format for source in sources)),
            )
            if not (report.dry_run or report.unchanged):
                node.record(event, target.facts | _figures(report))
    finally:
        run.abandon()
    return report


def _figures(report: ImportReport) -> dict[str, Any]:
    return {
        "source": loggable(report.source_name),
        "source_bytes": report.source_bytes,
        "format": report.format,
        "rows": report.rows,
        "items": report.items,
        "items_new": report.items_new,
        "items_removed": report.items_removed,
        "excluded": report.exclusions,
        "coverage": {name.value: count for name, count in report.coverage.items()},
        "refusals": {reason.value: count for reason, count in report.refusals.items()},
    }
