# ruff: noqa: S608 - every name put into a statement is a constant of this package
"""What an import reports, and the counts that stand beside each collection."""

from __future__ import annotations

from psihash.hashset.model import ImportReport
from psihash.storage.merge import ALGORITHMS, Merge


def fill(report: ImportReport, merge: Merge) -> None:
    """Complete the report of an import into a collection, after its merge."""
    groups = f"SELECT DISTINCT {merge.item} AS id FROM {merge.temp}.import_groups g"
    if not merge.distinct:
        groups = groups.replace("DISTINCT ", "")
    counts = ", ".join(f"count(i.{algorithm})" for algorithm in ALGORITHMS)
    row = merge.row(f"SELECT count(*), {counts} FROM ({groups}) AS f JOIN items i ON i.id = f.id")
    report.items = row[0]
    for algorithm, count in zip(ALGORITHMS, row[1:], strict=True):
        if count:
            report.coverage[algorithm] = count
    report.items_new = merge.scalar(
        "SELECT count(*) FROM memberships WHERE collection_id = :cid AND source_id = :sid"
    )
    if merge.has_others:
        for kind, count in merge.rows(
            f"SELECT o.kind, count(DISTINCT o.item_id) FROM item_other o"
            f" WHERE o.item_id IN ({groups}) GROUP BY o.kind ORDER BY o.kind"
        ):
            report.other_coverage[kind] = count
    if merge.some("item_extra"):
        report.conflicts_sha1 = merge.scalar(
            f"SELECT count(DISTINCT e.item_id) FROM item_extra e JOIN items i ON i.id = e.item_id"
            f" WHERE e.algorithm = 'sha1' AND i.md5 IS NOT NULL AND e.item_id IN ({groups})"
        )
    if merge.has_verdicts:
        report.conflicts_category = merge.scalar(
            f"SELECT count(DISTINCT c.item_id) FROM (SELECT item_id FROM item_verdicts"
            f" WHERE category IS NOT NULL AND item_id IN ({groups})"
            f" GROUP BY item_id, dialect HAVING count(DISTINCT category) > 1) AS c"
        )


def news(merge: Merge) -> int:
    """How many memberships and verdicts this import was the first to state."""
    own = "WHERE collection_id = :cid AND source_id = :sid"
    return merge.scalar(f"SELECT count(*) FROM memberships {own}") + merge.scalar(
        f"SELECT count(*) FROM item_verdicts {own}"
    )


def recount(merge: Merge, report: ImportReport, *, everything: bool) -> None:
    """Bring the counts of this collection, or of all, up to date."""
    whole = "SELECT count(*) FROM memberships WHERE collection_id = :cid"
    if not everything and merge.scalar(whole) == report.items:
        # The file is all that the collection holds, and it has been counted.
        counted = {f"with_{a}": report.coverage[a] for a in ALGORITHMS}
        assign = ", ".join(f"{name} = :{name}" for name in counted)
        merge.run(
            f"UPDATE collections SET items = :items, {assign} WHERE id = :cid",
            items=report.items,
            **counted,
        )
        return
    counts = ", ".join(f"count(i.{a}) AS with_{a}" for a in ALGORITHMS)
    which = "1 = 1" if everything else "id = :cid"
    zero = ", ".join(f"with_{algorithm} = 0" for algorithm in ALGORITHMS)
    merge.run(f"UPDATE collections SET items = 0, {zero} WHERE {which}")
    assign = ", ".join(f"with_{algorithm} = x.with_{algorithm}" for algorithm in ALGORITHMS)
    merge.run(
        f"UPDATE collections SET items = x.items, {assign} FROM (SELECT m.collection_id AS cid,"
        f" count(*) AS items, {counts} FROM memberships m JOIN items i ON i.id = m.item_id"
        f" WHERE {'1 = 1' if everything else 'm.collection_id = :cid'}"
        f" GROUP BY m.collection_id) AS x WHERE x.cid = collections.id"
    )
