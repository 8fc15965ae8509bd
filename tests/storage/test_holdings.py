"""The contract of the holdings, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from psihash import errors
from psihash.hashset.model import (
    Dialect,
    Digest,
    Reason,
    Refusal,
    Row,
    Verdict,
)
from psihash.hashset.store import HoldingsStore
from psihash.storage.database import Database
from psihash.storage.holdings import Holdings
from psihash.terms import AlgorithmId, CollectionKind

from .integrity import check
from .lists import LATER, MD5, NOW, SHA1, SHA256, category, digest, exclude, row, take_in


@pytest.fixture
def holdings(database: Database) -> Iterator[Holdings]:
    yield Holdings(database)
    check(database)


def raws(holdings: Holdings, algorithm: AlgorithmId, *collections: str) -> list[bytes]:
    chunks = list(holdings.digests(algorithm, collections))
    assert all(c.shape[1] == algorithm.digest_bytes and c.dtype == np.uint8 for c in chunks)
    return [line.tobytes() for chunk in chunks for line in chunk]


def sorted_raws(algorithm: AlgorithmId, *names: object) -> list[bytes]:
    return sorted(digest(algorithm, name).raw for name in names)


def test_is_the_port(database: Database) -> None:
    store: HoldingsStore = Holdings(database)
    assert store.collections() == []


def test_report_of_a_first_import(holdings: Holdings) -> None:
    rows: list[Row | Refusal] = [
        row(1, MD5, SHA256, verdict=category("1")),
        row(1, MD5, SHA256, verdict=category("2")),
        row(2, MD5),
        Row((digest(MD5, 3), digest(SHA1, 3)), other=(("photodna", "x"),), size=5),
        Row((digest(MD5, 3), digest(SHA1, "other")), media_type="image/jpeg"),
        Refusal(Reason.BAD_LENGTH, 6),
        *(Refusal(Reason.NO_DIGEST, line) for line in range(10, 20)),
    ]
    report = take_in(holdings, "case", rows)
    assert (report.rows, report.items, report.items_new, report.items_removed) == (16, 3, 3, 0)
    assert report.coverage == {MD5: 3, SHA1: 1, SHA256: 1}
    assert report.other_coverage == {"photodna": 1}
    assert report.refusals == {Reason.BAD_LENGTH: 1, Reason.NO_DIGEST: 10}
    assert report.refusal_examples[Reason.NO_DIGEST] == [10, 11, 12, 13, 14]
    assert (report.conflicts_sha1, report.conflicts_category) == (1, 1)
    assert (report.source_name, report.source_bytes, report.format) == ("list.txt", 1, "plain")
    assert not report.unchanged
    assert not report.dry_run
    info = holdings.collection("case")
    assert (info.items, info.coverage) == (3, {MD5: 3, SHA1: 1, SHA256: 1})
    assert (info.created, info.updated, info.kind) == (NOW, NOW, CollectionKind.CASE)


def test_nothing_a_row_says_is_dropped(holdings: Holdings) -> None:
    verdicts = [
        Verdict(victim_identified=True, offender_identified=False, series=("a", "ä\0\ud800")),
        Verdict(distributed=False, dated="2020-01-01", submissions=3, country="NL", source="x"),
        category("", Dialect.TEXT),
        category("1"),
    ]
    rows = [
        Row((digest(MD5, 1),), verdict, (("pdq", f"{n}"),), "video/mp4", 2**62)
        for n, verdict in enumerate(verdicts)
    ]
    rows.append(
        Row(
            (
                digest(MD5, 1),
                digest(SHA1, 1),
                digest(SHA1, 1)._replace(algorithm=SHA256, raw=b"x" * 32),
            )
        )
    )
    rows[0] = replace(rows[0], further=(replace(category("9"), source="DB: other"),))
    take_in(holdings, "a", rows[:3])
    take_in(holdings, "b", rows[2:])
    item = holdings.lookup(digest(MD5, 1))
    assert item is not None
    assert item.collections == ("a", "b")
    assert {(c, v) for c, v in item.verdicts} == {
        ("a", verdicts[0]),
        ("a", replace(category("9"), source="DB: other")),
        ("a", verdicts[1]),
        ("a", verdicts[2]),
        ("b", verdicts[2]),
        ("b", verdicts[3]),
    }
    assert item.digests == (digest(MD5, 1), digest(SHA1, 1), Digest(SHA256, b"x" * 32))
    assert item.other == tuple(("pdq", f"{n}") for n in range(4))
    assert (item.media_type, item.size) == ("video/mp4", 2**62)


def test_a_verdict_that_states_nothing_is_none(holdings: Holdings) -> None:
    take_in(holdings, "a", [Row((digest(MD5, 1),), Verdict())])
    item = holdings.lookup(digest(MD5, 1))
    assert item is not None
    assert item.verdicts == ()


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_sha1_joins_in_either_order(
    holdings: Holdings, order: tuple[int, int], *, together: bool
) -> None:
    rows = [row(1, SHA1, verdict=category("1")), row(1, MD5, SHA1, verdict=category("2"))]
    rows = [rows[n] for n in order]
    if together:
        report = take_in(holdings, "a", rows)
        assert (report.items, report.items_new) == (1, 1)
    else:
        take_in(holdings, "a", rows[:1])
        report = take_in(holdings, "a", rows[1:])
        assert (report.items, report.items_new) == (1, 0)
    assert report.conflicts_category == 1
    assert holdings.collection("a").items == 1
    item = holdings.lookup(digest(SHA1, 1))
    assert item is not None
    assert item.digests == (digest(MD5, 1), digest(SHA1, 1))
    assert len(item.verdicts) == 2


def test_items_that_share_any_digest_are_one_unless_they_contradict(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(1, SHA1, SHA256, verdict=category("1")), row(1, MD5)], sha256="1")
    rows = [row(1, SHA256, verdict=category("2")), row(1, MD5, SHA256)]
    assert take_in(holdings, "b", rows, sha256="2").items == 1
    assert take_in(holdings, "b", rows, sha256="2").unchanged
    assert [info.items for info in holdings.collections()] == [1, 1]
    item = holdings.lookup(digest(MD5, 1))
    assert item is not None
    assert set(item.digests) == {digest(a, 1) for a in (MD5, SHA1, SHA256)}
    assert set(item.verdicts) == {("a", category("1")), ("b", category("2"))}
    other = Row((digest(SHA1, 2), digest(SHA256, 1)))
    assert take_in(holdings, "c", [other]).items_new == 1
    assert holdings.statistics()["items"] == 2


def test_joining_reaches_over_collections(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(1, SHA256, verdict=category("1")), row(2, MD5)])
    take_in(holdings, "b", [row(1, SHA1, SHA256)])
    take_in(holdings, "c", [row(1, MD5, SHA1)])
    assert holdings.statistics()["items"] == 2
    item = holdings.lookup(digest(SHA256, 1))
    assert item is not None
    assert item.collections == ("a", "b", "c")
    assert raws(holdings, MD5, "a") == sorted_raws(MD5, 1, 2)
    assert holdings.collection("a").coverage == {MD5: 2, SHA1: 1, SHA256: 1}


def test_one_md5_with_two_sha1s_is_one_item_and_a_conflict(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(1, MD5, SHA1)])
    report = take_in(holdings, "b", [Row((digest(MD5, 1), digest(SHA1, 2)))])
    assert (report.items, report.conflicts_sha1) == (1, 1)
    for name in (1, 2):
        item = holdings.lookup(digest(SHA1, name))
        assert item is not None
        assert item.digests[0] == digest(MD5, 1)
        assert set(item.digests[1:]) == {digest(SHA1, 1), digest(SHA1, 2)}
    assert raws(holdings, SHA1, "a") == sorted_raws(SHA1, 1, 2)


def test_two_items_may_share_a_digest(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(1, MD5, SHA1), Row((digest(MD5, 2), digest(SHA1, 1)))])
    take_in(holdings, "b", [Row((digest(MD5, 2),))])
    both, none = holdings.held_items(SHA1, [digest(SHA1, 1).raw, digest(SHA1, 9).raw], ["a", "b"])
    assert {item.digests[0] for item in both} == {digest(MD5, 1), digest(MD5, 2)}
    assert none == []
    assert raws(holdings, SHA1, "a") == sorted_raws(SHA1, 1)
    (only,) = holdings.held_items(SHA1, [digest(SHA1, 1).raw], ["b"])
    assert [item.collections for item in only] == [("b",)]


def test_same_file_twice_changes_nothing(holdings: Holdings) -> None:
    rows = [row(n, MD5, SHA1, verdict=category("1")) for n in range(50)] + [row("x", SHA1)]
    first = take_in(holdings, "a", rows)
    again = take_in(holdings, "a", rows, now=LATER)
    assert again.unchanged
    assert (again.items, again.items_new) == (51, 0)
    assert replace(again, items_new=51, unchanged=False) == first
    assert holdings.collection("a").updated == NOW
    replaced = take_in(holdings, "a", rows, now=LATER, replace=True)
    assert replaced.unchanged
    assert holdings.collection("a").updated == NOW
    assert not take_in(holdings, "b", rows).unchanged


def test_same_file_as_another_kind_is_a_change(holdings: Holdings) -> None:
    rows = [row(1, MD5, verdict=category("1"))]
    take_in(holdings, "a", rows)
    added = take_in(holdings, "a", rows, now=LATER, kind=CollectionKind.SERIES)
    assert added.unchanged, "only a replacement changes the kind"
    dry = take_in(
        holdings, "a", rows, now=LATER, replace=True, kind=CollectionKind.SERIES, dry_run=True
    )
    assert not dry.unchanged
    assert holdings.collection("a").kind is CollectionKind.CASE
    report = take_in(holdings, "a", rows, now=LATER, replace=True, kind=CollectionKind.SERIES)
    assert replace(report, dry_run=True) == dry
    assert (report.items, report.items_new, report.items_removed) == (1, 0, 0)
    info = holdings.collection("a")
    assert (info.kind, info.updated) == (CollectionKind.SERIES, LATER)
    assert take_in(holdings, "a", rows, replace=True, kind=CollectionKind.SERIES).unchanged


def test_same_file_after_a_replacement_is_a_change(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(1, MD5)], sha256="1")
    take_in(holdings, "a", [row(2, MD5)], sha256="2", replace=True)
    report = take_in(holdings, "a", [row(1, MD5)], sha256="1")
    assert (report.unchanged, report.items_new) == (False, 1)


def test_a_newer_export_adds(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(n, MD5) for n in range(5)], sha256="1")
    report = take_in(holdings, "a", [row(n, MD5, SHA1) for n in range(3, 8)], sha256="2", now=LATER)
    assert (report.items, report.items_new, report.items_removed) == (5, 3, 0)
    assert raws(holdings, MD5, "a") == sorted_raws(MD5, *range(8))
    assert raws(holdings, SHA1, "a") == sorted_raws(SHA1, *range(3, 8))
    info = holdings.collection("a")
    assert (info.created, info.updated) == (NOW, LATER)


def test_replace(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(n, MD5, verdict=category("1")) for n in range(5)], sha256="1")
    take_in(holdings, "b", [row(0, MD5, verdict=category("5"))])
    new = [row(n, MD5, verdict=category("2")) for n in range(3, 8)]
    report = take_in(
        holdings, "a", new, sha256="2", replace=True, kind=CollectionKind.SERIES, now=LATER
    )
    assert (report.items, report.items_new, report.items_removed) == (5, 3, 3)
    assert raws(holdings, MD5, "a") == sorted_raws(MD5, *range(3, 8))
    assert holdings.lookup(digest(MD5, 1)) is None
    kept, other = holdings.lookup(digest(MD5, 3)), holdings.lookup(digest(MD5, 0))
    assert kept is not None
    assert other is not None
    assert kept.verdicts == (("a", category("2")),)
    assert other.verdicts == (("b", category("5")),)
    assert holdings.collection("a").kind is CollectionKind.SERIES


def test_replace_by_nothing_empties(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(1, MD5)], sha256="1")
    report = take_in(holdings, "a", [], sha256="2", replace=True)
    assert (report.items, report.items_removed) == (0, 1)
    assert holdings.collection("a").items == 0
    assert holdings.statistics()["items"] == 0


def test_dry_run_has_the_same_figures_and_changes_nothing(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(1, SHA1), row(2, MD5)], sha256="1")
    before = holdings.collections(), holdings.statistics()
    rows: list[Row | Refusal] = [
        row(1, MD5, SHA1, verdict=category("1")),
        row(3, MD5),
        Refusal(Reason.TOO_LONG, 1),
    ]
    for replacing in (False, True):
        dry = take_in(holdings, "a", rows, sha256="2", dry_run=True, replace=replacing)
        assert (holdings.collections(), holdings.statistics()) == before
    wet = take_in(holdings, "a", rows, sha256="2", replace=True)
    assert replace(dry, dry_run=False) == wet
    assert take_in(holdings, "new", rows, dry_run=True).items_new == 2
    with pytest.raises(errors.NotFoundError):
        holdings.collection("new")


def test_trivial_digests_leave_the_item_out(holdings: Holdings) -> None:
    empty = Digest(MD5, bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e"))
    zero = Digest(SHA1, bytes(20))
    rows = [Row((empty,)), Row((empty, digest(SHA1, 1))), row(1, MD5), Row((digest(MD5, 1), zero))]
    report = take_in(holdings, "a", rows)
    assert (report.items, report.exclusions) == (1, 1)
    assert holdings.lookup(empty) is None
    assert holdings.lookup(zero) is None
    assert holdings.statistics()["excluded"] == {"empty-file": 1}
    assert take_in(holdings, "only", [Row((empty,))]).exclusions == 1
    assert holdings.collection("only").items == 0


def test_exclusion_list_applies_to_later_imports(holdings: Holdings) -> None:
    report = exclude(holdings, "nsrl", [row(1, MD5, SHA256), row(2, SHA1), row(2, SHA1)])
    assert (report.rows, report.items, report.items_new, report.items_removed) == (3, 2, 2, 0)
    rows = [
        Row((digest(MD5, "renamed"), digest(SHA256, 1))),  # by its SHA-256
        row(2, MD5, SHA1),
        row(3, MD5),
        Row((digest(MD5, 4), digest(SHA1, 4))),
        Row((digest(MD5, 4), digest(SHA1, 2))),  # the item's other SHA-1 is listed
        Row((digest(MD5, 4), digest(SHA1, 5))),
    ]
    report = take_in(holdings, "a", rows)
    assert (report.items, report.exclusions) == (1, 3)
    assert raws(holdings, MD5, "a") == sorted_raws(MD5, 3)
    assert raws(holdings, SHA1, "a") == []
    assert holdings.statistics()["exclusions"] == {"nsrl": 3}
    assert holdings.statistics()["excluded"] == {"nsrl": 3}


def test_exclusion_list_applies_to_what_is_held(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(n, MD5, SHA1, verdict=category("1")) for n in range(4)])
    take_in(holdings, "b", [row(1, MD5), row(9, MD5)])
    dry = exclude(holdings, "nsrl", [row(1, SHA1), row(2, MD5), row(7, MD5)], dry_run=True)
    assert holdings.statistics()["items"] == 5
    report = exclude(holdings, "nsrl", [row(1, SHA1), row(2, MD5), row(7, MD5)])
    assert (report.items_new, report.items_removed) == (3, 2)
    assert replace(dry, dry_run=False) == report
    assert raws(holdings, MD5, "a", "b") == sorted_raws(MD5, 0, 3, 9)
    assert [c.items for c in holdings.collections()] == [2, 1]
    assert holdings.statistics()["excluded"] == {"nsrl": 3}
    assert exclude(holdings, "nsrl", [row(1, SHA1), row(2, MD5), row(7, MD5)]).unchanged


def test_remove_collection(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(n, MD5, SHA1, verdict=category("1")) for n in range(4)])
    take_in(holdings, "b", [Row((digest(MD5, 1), digest(SHA1, "x")), category("2"))])
    assert holdings.remove_collection("a") == 3
    assert [c.name for c in holdings.collections()] == ["b"]
    item = holdings.lookup(digest(MD5, 1))
    assert item is not None
    assert item.verdicts == (("b", category("2")),)
    assert item.collections == ("b",)
    assert holdings.lookup(digest(SHA1, 0)) is None
    with pytest.raises(errors.NotFoundError) as caught:
        holdings.remove_collection("a")
    assert caught.value.code == "unknown-collection"
    assert holdings.remove_collection("b") == 1
    assert holdings.statistics() == {"items": 0, "collections": 0, "exclusions": {}, "excluded": {}}
    assert take_in(holdings, "a", [row(1, MD5)]).items_new == 1


def test_digests_are_the_sorted_union_in_chunks(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(n, MD5) for n in range(300)])
    take_in(holdings, "b", [row(n, MD5, SHA1) for n in range(200, 500)])
    assert raws(holdings, MD5, "a") == sorted_raws(MD5, *range(300))
    assert raws(holdings, MD5, "b", "a") == sorted_raws(MD5, *range(500))
    assert raws(holdings, SHA1, "a", "b") == sorted_raws(SHA1, *range(200, 500))
    assert raws(holdings, SHA256, "a") == []
    assert raws(holdings, MD5) == []
    with pytest.raises(errors.NotFoundError):
        raws(holdings, MD5, "a", "nowhere")


def test_digests_do_not_disturb_and_do_not_see_later_changes(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(n, MD5) for n in range(10)])
    chunks = holdings.digests(MD5, ["a"])
    first = next(chunks)
    take_in(holdings, "a", [row(n, MD5) for n in range(10, 20)])
    assert len(first) + sum(map(len, chunks)) == 10


def test_items_name_their_collections_in_the_order_asked(holdings: Holdings) -> None:
    for name, numbers in (("a", (1, 2)), ("b", (2, 3)), ("c", (1, 2, 3))):
        take_in(holdings, name, [row(n, MD5) for n in numbers])
    asked = [digest(MD5, n).raw for n in (3, 1, 9, 2, 3)]
    found = holdings.held_items(MD5, asked, ["b", "a"])
    assert [[item.collections for item in items] for items in found] == [
        [("b",)],
        [("a",)],
        [],
        [("b", "a")],
        [("b",)],
    ]
    assert holdings.held_items(SHA1, asked[:0], ["a"]) == []
    assert holdings.held_items(SHA1, [bytes(20)], ["a"]) == [[]]
    with pytest.raises(ValueError, match="wrong length"):
        holdings.held_items(SHA1, asked[:1], ["a"])


def test_many_digests_at_once(holdings: Holdings) -> None:
    take_in(holdings, "a", [row(n, MD5, SHA1, verdict=category("1")) for n in range(1_300)])
    asked = [digest(SHA1, n).raw for n in range(1_400)]
    found = holdings.held_items(SHA1, asked, ["a"])
    assert [len(items) for items in found] == [1] * 1_300 + [0] * 100
    assert all(items[0].digests[0] == digest(MD5, n) for n, items in enumerate(found[:1_300]))


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0", "x" * 201])
def test_bad_names(holdings: Holdings, name: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        take_in(holdings, name, [])
    assert caught.value.code == "bad-collection-name"


def test_abandoned_and_broken_imports_leave_nothing(holdings: Holdings, database: Database) -> None:
    run = holdings.begin_import("a", CollectionKind.CASE, replace=False, dry_run=False, now=NOW)
    run.add([row(1, MD5)])
    run.abandon()
    run.abandon()
    with pytest.raises(ValueError):
        take_in(holdings, "a", [Row((Digest(MD5, b"short"),))])
    with pytest.raises(ValueError):
        take_in(holdings, "a", [Row((digest(SHA1, 1), digest(MD5, 1)))])
    assert holdings.collections() == []
    assert list(database.spool.glob("psihash-import-*")) == []


def test_import_commits_with_the_outer_transaction(holdings: Holdings, database: Database) -> None:
    def both(*, fail: bool) -> None:
        run = holdings.begin_import("a", CollectionKind.CASE, replace=False, dry_run=False, now=NOW)
        run.add([row(1, MD5)])
        with database.transaction():
            run.finish("f", "s", 1, "plain")
            take_in(holdings, "b", [row(2, MD5)], dry_run=True)
            if fail:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        both(fail=True)
    assert holdings.collections() == []
    both(fail=False)
    assert [c.name for c in holdings.collections()] == ["a"]


def test_imports_side_by_side(holdings: Holdings) -> None:
    runs = [
        holdings.begin_import(name, CollectionKind.CASE, replace=False, dry_run=False, now=NOW)
        for name in ("a", "b", "a")
    ]
    for number, run in enumerate(runs):
        run.add([row(number, MD5), row("same", MD5)])
    reports = [run.finish("f", str(n), 1, "plain") for n, run in enumerate(runs)]
    assert [r.items_new for r in reports] == [2, 2, 1]
    assert [c.items for c in holdings.collections()] == [3, 2]
