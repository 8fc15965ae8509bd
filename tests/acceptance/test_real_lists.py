"""Real lists, matched through the command line, give exactly their intersection in clear text.

Each case is two lists. With every set of algorithms that they hold, one side opens a session at
``count`` and one at ``records``, the other side one at ``items``. The intersection comes from
``cleartext``, which knows nothing of psihash.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance import cleartext
from tests.acceptance.agencies import (
    OWN_COLLECTION,
    OWN_KIND,
    Document,
    Seen,
    agree,
    import_list,
    match,
)
from tests.acceptance.cleartext import Entry
from tests.cli.homes import Home

MD5, SHA1, SHA256, BOTH = ("md5",), ("sha1",), ("sha256",), ("md5", "sha1")
RUNGS = ("count", "items", "records")

List = tuple[Path, list[Entry]]
"""A file, and what stands in it."""


@dataclass(frozen=True)
class Case:
    """Two lists; how many digests they have in common, as the test's writer counted them."""

    nl: List
    de: List
    common: int
    algorithms: Sequence[tuple[str, ...]] = (MD5,)


Maker = Callable[[Path, Path], Case]
"""From the shared data and a folder to write to."""


def caid(data: Path, name: str) -> List:
    path = data / f"vics/NSRL-CAID-{name}.json"
    return path, cleartext.read_vics(path)


def only(algorithms: Sequence[str], entries: Sequence[Entry]) -> list[Entry]:
    return [{name: entry[name] for name in algorithms} for entry in entries]


def shuffled(entries: Sequence[Entry]) -> list[Entry]:
    return random.Random(17).sample(entries, len(entries))


def a_part_and_others(data: Path, to: Path) -> Case:
    """1,713 sounds against 400 of them between 95 films, in VICS 2.0 and capitals."""
    sounds, films = caid(data, "WAV"), caid(data, "WMV")
    mixed = shuffled(sounds[1][600:1_000] + films[1])
    return Case(sounds, (cleartext.write_vics(to / "mixed.json", mixed), mixed), 400, [BOTH])


def two_halves(data: Path, to: Path) -> Case:
    """Of 300 bitmaps one side has the first 200, the other the last 200."""
    _, all_ = caid(data, "BMP")
    first, last = all_[:200], shuffled(all_[100:300])
    return Case(
        (cleartext.write_vics(to / "first.json", first), first),
        (cleartext.write_csv(to / "last.csv", last), last),
        100,
        [BOTH],
    )


def the_same_in_capitals(data: Path, to: Path) -> Case:
    """718 bitmaps in VICS 1.2 and small letters, and in VICS 2.0 and capitals, shuffled."""
    path, entries = caid(data, "BMP")
    other = shuffled(entries)
    return Case((path, entries), (cleartext.write_vics(to / "new.json", other), other), 718, [BOTH])


def one_element(data: Path, to: Path) -> Case:
    """A list of one file against it among others."""
    one, others = caid(data, "ART"), caid(data, "PSD")
    mixed = only(MD5, others[1] + one[1])
    return Case(one, (cleartext.write_plain_md5(to / "mixed.txt", mixed), mixed), 1)


def md5_against_both(data: Path, to: Path) -> Case:
    """One side's list states no SHA-1: then nothing can match by it, and MD5 matches as ever."""
    films = caid(data, "WMV")
    some = only(MD5, films[1][:40] + caid(data, "PSD")[1])
    return Case(films, (cleartext.write_plain_md5(to / "some.txt", some), some), 40, [BOTH])


def nothing_in_common(data: Path, to: Path) -> Case:
    return Case(caid(data, "PSD"), caid(data, "AVI"), 0, [BOTH])


def two_tools(data: Path, to: Path) -> Case:
    """ILook 3 and 4 over the same files."""
    columns = {"HashSHA1": "sha1"}
    lists = [
        (path, cleartext.read_columns(path, columns | {f"{version}Hash": "md5"}))
        for version in ("V3", "V4")
        for path in [data / f"lists/ilook{version.lower()}.hsh"]
    ]
    return Case(lists[0], lists[1], 5, [MD5, SHA1, BOTH])


def with_and_without_sizes(data: Path, to: Path) -> Case:
    lists = [
        (path, cleartext.read_found(path, "md5", 32))
        for path in (data / "lists/md5deep.txt", data / "lists/md5deep-size.txt")
    ]
    return Case(lists[0], lists[1], 4)


def bsd_and_a_plain_list(data: Path, to: Path) -> Case:
    path = data / "lists/bsd-hashes.txt"
    entries = cleartext.read_found(path, "md5", 32)
    some = entries[1:4] + cleartext.read_found(data / "lists/md5deep.txt", "md5", 32)
    return Case((path, entries), (cleartext.write_plain_md5(to / "some.txt", some), some), 3)


def hashdeep_and_a_table(data: Path, to: Path) -> Case:
    path = data / "lists/hashdeep.txt"
    entries = cleartext.read_hashdeep(path)
    table = cleartext.write_csv(to / "table.csv", shuffled(entries))
    return Case((path, entries), (table, entries), 3, [MD5, SHA256, ("md5", "sha256")])


def hashkeeper_and_capitals(data: Path, to: Path) -> Case:
    """Two windows of a list of 6,994: rows 0 to 599 and 300 to 899."""
    all_ = cleartext.read_columns(data / "lists/hashkeeper-Z00236.hsh", {"hash": "md5"})
    distinct = [{"md5": text} for text in dict.fromkeys(entry["md5"] for entry in all_)]
    first, second = distinct[:600], distinct[300:900]
    return Case(
        (cleartext.write_hashkeeper(to / "keeper.hsh", first), first),
        (cleartext.write_plain_md5(to / "capitals.txt", second), second),
        300,
    )


def the_empty_file_does_not_count(data: Path, to: Path) -> Case:
    """The NSRL sample holds the empty file, and so does the other list: it is no match."""
    path = data / "lists/nsrl-2.0-short.txt"
    entries = cleartext.read_columns(path, {"MD5": "md5", "SHA-1": "sha1"})
    other = [*entries, *caid(data, "ART")[1]]
    return Case((path, entries), (cleartext.write_nsrl(to / "more.txt", other), other), 1, [BOTH])


CASES: list[Maker] = [
    a_part_and_others,
    two_halves,
    the_same_in_capitals,
    one_element,
    md5_against_both,
    nothing_in_common,
    two_tools,
    with_and_without_sizes,
    bsd_and_a_plain_list,
    hashdeep_and_a_table,
    hashkeeper_and_capitals,
    the_empty_file_does_not_count,
]

WRITERS: dict[str, tuple[Callable[[Path, Sequence[Entry]], Path], tuple[str, ...]]] = {
    "vics": (cleartext.write_vics, BOTH),
    "plain md5": (cleartext.write_plain_md5, MD5),
    "plain sha1": (cleartext.write_plain_sha1, SHA1),
    "hashdeep": (cleartext.write_hashdeep, BOTH),
    "bsd md5": (cleartext.write_bsd, MD5),
    "bsd sha1": (cleartext.write_bsd, SHA1),
    "csv": (cleartext.write_csv, BOTH),
    "nsrl": (cleartext.write_nsrl, BOTH),
    "hashkeeper": (cleartext.write_hashkeeper, MD5),
}
"""How to write a list in each format, and which digests it holds then."""


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_the_intersection(
    make: Maker, pair: tuple[Home, Home], shared_data: Path, tmp_path: Path
) -> None:
    nl, de = pair
    case = make(shared_data, tmp_path)
    import_list(nl, case.nl[0])
    import_list(de, case.de[0])
    for algorithms in case.algorithms:
        common = cleartext.digests(case.nl[1], algorithms[0]) & cleartext.digests(
            case.de[1], algorithms[0]
        )
        assert len(common) == case.common
        agreement = agree(nl, de, algorithms)
        check(case, algorithms, "count", match(nl, de, agreement, "count"))
        check(swapped(case), algorithms, "items", match(de, nl, agreement, "items"))
        check(case, algorithms, "records", match(nl, de, agreement, "records"))


@pytest.mark.parametrize("form", WRITERS)
def test_the_same_list_in_another_format_overlaps_fully(
    form: str, pair: tuple[Home, Home], shared_data: Path, tmp_path: Path
) -> None:
    nl, de = pair
    write, algorithms = WRITERS[form]
    path, entries = caid(shared_data, "AVI")
    other = only(algorithms, shuffled(entries))
    case = Case((path, entries), (write(tmp_path / "other", other), other), 30)
    import_list(nl, path)
    assert import_list(de, case.de[0])["imports"][0]["refusals"] == {}
    agreement = agree(nl, de, algorithms)
    for rung in RUNGS:
        check(case, algorithms, rung, match(nl, de, agreement, rung))


def swapped(case: Case) -> Case:
    return Case(case.de, case.nl, case.common, case.algorithms)


# -- what a session must have told -----------------------------------------------------------------


def check(case: Case, algorithms: Sequence[str], rung: str, seen: Seen) -> None:
    """``case.nl`` stands for the initiator here."""
    one, other = seen.initiator, seen.responder
    assert (one["role"], other["role"]) == ("initiator", "responder")
    assert one["receipt"] == other["receipt"]
    check_side(one, case.nl[1], case.de[1], algorithms, rung)
    check_side(other, case.de[1], case.nl[1], algorithms, rung)


def check_side(
    seen: Document,
    own: Sequence[Entry],
    peer: Sequence[Entry],
    algorithms: Sequence[str],
    rung: str,
) -> None:
    """Exactly the intersection, and nothing that the rung does not tell."""
    held = {name: cleartext.digests(own, name) for name in algorithms}
    common = {name: held[name] & cleartext.digests(peer, name) for name in algorithms}
    assert seen["rung"] == rung
    assert seen["algorithms"] == {
        name: {"own": len(held[name]), "matched": len(common[name])} for name in algorithms
    }
    counts = [len(found) for found in common.values()]
    if rung == "count":
        exact = counts[0] if len(counts) == 1 else None
        assert seen["items"] == []
        assert seen["matched_items"] == exact
        # Every item of these lists has at most one digest of an algorithm.
        assert seen["matched_items_min"] == max(counts)
        assert seen["matched_items_max"] == (sum(counts) if len(counts) > 1 else exact)
        return
    found = {name: matched(seen["items"], name) for name in algorithms}
    assert found == {name: sorted(common[name]) for name in algorithms}
    rows = [entry for entry in own if any(entry.get(n) in common[n] for n in algorithms)]
    items = len({entry.get("md5", entry.get("sha1")) for entry in rows})
    assert seen["matched_items"] == len(seen["items"]) == items
    check_words(seen, own, rung)


def matched(items: Sequence[Document], name: str) -> list[str]:
    """The digests by which items matched."""
    return sorted(item["digests"][name] for item in items if name in item["matched_by"])


def check_words(seen: Document, own: Sequence[Entry], rung: str) -> None:
    """Collections by name where a record tells it, by pseudonym otherwise; our own digests."""
    theirs = OWN_COLLECTION[seen["peer"]]
    (ours,) = set(OWN_COLLECTION.values()) - {theirs}
    by_md5 = {entry["md5"]: entry for entry in own if "md5" in entry}
    for item in seen["items"]:
        assert item["collections"] == [ours]
        assert len(item["peer_collections"]) == 1
        entry = by_md5.get(item["digests"].get("md5", ""))
        assert entry is None or item["digests"] == entry
        if rung == "items":
            assert item["records"] == []
            assert theirs not in item["peer_collections"]
        else:
            (record,) = item["records"]
            assert item["peer_collections"] == [record["collection"]] == [theirs]
            assert record["kind"] == OWN_KIND[seen["peer"]]
    count = len(seen["items"])
    total = [link["matched"] for link in seen["links"]]
    assert total == ([count] if count else [])
