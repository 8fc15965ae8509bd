"""What an exclusion list takes out, told step by step; ``oracle.py`` has the rules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from psihash.hashset.model import Digest, Row
from psihash.storage.database import Database
from psihash.storage.holdings import Holdings

from .integrity import check
from .lists import MD5, SHA1, SHA256, category, digest, exclude, row, take_in

_LISTED = row(1, SHA256)
_BEST = row(1, MD5, SHA1, verdict=category("1"))
_WORSE = row(1, SHA1, SHA256, verdict=category("2"))


@pytest.fixture
def holdings(database: Database) -> Iterator[Holdings]:
    yield Holdings(database)
    check(database)


def says(holdings: Holdings, wanted: Digest) -> set[tuple[str, str]]:
    """(collection, code) of every verdict of the item that carries a digest."""
    item = holdings.lookup(wanted)
    pairs = item.verdicts if item else ()
    return {(name, verdict.category.code) for name, verdict in pairs if verdict.category}


def test_a_listed_digest_takes_out_all_that_was_joined(holdings: Holdings) -> None:
    take_in(holdings, "a", [_BEST, row(2, MD5, SHA1)])
    take_in(holdings, "b", [_WORSE])
    report = exclude(holdings, "nsrl", [_LISTED])
    assert report.items_removed == 1
    assert holdings.lookup(digest(MD5, 1)) is None
    assert [info.items for info in holdings.collections()] == [1, 0]


def test_an_import_takes_out_nothing_that_is_held(holdings: Holdings) -> None:
    """Else a wrong or hostile list could erase the verdicts of every other collection."""
    take_in(holdings, "a", [_BEST])
    exclude(holdings, "nsrl", [_LISTED])
    hostile = [Row((digest(MD5, 1), digest(SHA256, 1)), category("3")), _WORSE]
    for name in ("b", "a"):
        report = take_in(holdings, name, hostile, sha256="2")
        assert (report.items, report.exclusions) == (0, 2)
        assert says(holdings, digest(MD5, 1)) == {("a", "1")}
        assert holdings.lookup(digest(SHA256, 1)) is None


def test_rows_of_one_identity_are_left_out_together(holdings: Holdings) -> None:
    """What a list itself says is one item is in or out; what is held of that item stays."""
    take_in(holdings, "a", [_BEST])
    exclude(holdings, "nsrl", [_LISTED])
    rows = [row(1, MD5, verdict=category("2")), row(1, MD5, SHA256), row(2, MD5)]
    report = take_in(holdings, "a", rows, sha256="2")
    assert (report.items, report.exclusions) == (1, 1)
    assert says(holdings, digest(MD5, 1)) == {("a", "1")}


def test_rows_of_another_identity_stay(holdings: Holdings) -> None:
    """The one difference that it makes whether the exclusion or the list came first."""
    exclude(holdings, "nsrl", [_LISTED])
    report = take_in(holdings, "a", [_BEST, _WORSE])
    assert (report.items, report.exclusions) == (1, 1)
    assert says(holdings, digest(SHA1, 1)) == {("a", "1")}
    assert exclude(holdings, "nsrl", [_LISTED]).unchanged


def test_what_is_out_is_forgotten(holdings: Holdings) -> None:
    take_in(holdings, "a", [_BEST], sha256="1")
    take_in(holdings, "a", [_WORSE], sha256="2")
    exclude(holdings, "nsrl", [_LISTED])
    assert take_in(holdings, "a", [_BEST], sha256="1").items_new == 1
    assert take_in(holdings, "a", [_WORSE], sha256="2").exclusions == 1
    assert says(holdings, digest(MD5, 1)) == {("a", "1")}


def test_of_contradicting_items_only_the_listed_one_goes(holdings: Holdings) -> None:
    """A row without an MD5 went with the older of two items that carry its SHA-1. The other one
    carries it still, so the digest is found, without that row's verdict."""
    other = Row((digest(MD5, 2), digest(SHA1, 1)), category("3"))
    take_in(holdings, "a", [_BEST, other], sha256="1")
    weak = [row(1, SHA1, verdict=category("2"))]
    take_in(holdings, "a", weak, sha256="2")
    assert says(holdings, digest(MD5, 1)) | says(holdings, digest(MD5, 2)) == {
        ("a", "1"),
        ("a", "2"),
        ("a", "3"),
    }
    oldest = holdings.lookup(digest(SHA1, 1))
    assert oldest is not None
    exclude(holdings, "nsrl", [Row(oldest.digests[:1])])
    assert len(says(holdings, digest(SHA1, 1))) == 1
    assert not take_in(holdings, "a", weak, sha256="2").unchanged
    assert ("a", "2") in says(holdings, digest(SHA1, 1))
