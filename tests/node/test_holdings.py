"""Importing, looking up and erasing: what becomes visible, and what the log says about it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psihash import errors
from psihash.audit.event import Event
from psihash.node.home import opening
from psihash.node.lists import holdings
from psihash.node.lists.importing import WITHHELD
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.storage.commitments import CommitmentKey, Leaves
from psihash.terms import AlgorithmId, CollectionKind
from tests.cli import homes
from tests.cli.homes import Home, digests, write_list


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    homes.quick_keys(monkeypatch)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return homes.make(tmp_path_factory.mktemp("home") / "nl", "nl-police", "NL")


@pytest.fixture
def node(prepared: Home, tmp_path: Path) -> Iterator[Node]:
    opened = opening.open_node(prepared.copied(tmp_path / "home").path)
    yield opened
    opened.close()


def entries(node: Node) -> list[dict[str, Any]]:
    """What the log says after the home was made."""
    return list(auditing.show(node))[1:]


def test_the_first_import_is_a_collection_and_the_next_an_alteration(
    node: Node, tmp_path: Path
) -> None:
    one = write_list(tmp_path / "one.txt", [*digests(5), "no digest"])
    two = write_list(tmp_path / "two.txt", digests(5, 3))
    for path in (one, two, two):
        holdings.import_files(node, [path], "A", CollectionKind.CASE)
    first, second = entries(node)  # the third import brought nothing and is not in the log
    assert (first["event"], first["operation"]) == ("collection", "collection")
    assert (second["event"], second["operation"]) == ("alteration", "alteration")
    assert first["local"] | {"actor": 0} == {
        "actor": 0,
        "operation": "collection",
        "collection": "A",
        "kind": "case",
        "replace": False,
        "source": "one.txt",
        "source_bytes": one.stat().st_size,
        "format": "plain",
        "rows": 6,
        "items": 5,
        "items_new": 5,
        "items_removed": 0,
        "excluded": 0,
        "coverage": {"md5": 5},
        "refusals": first["local"]["refusals"],
    }
    assert sum(first["local"]["refusals"].values()) == 1


def test_the_log_holds_no_digest_of_a_list(node: Node, tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.txt", digests(5))
    (report,) = holdings.import_files(node, [path], "A")
    assert report.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert report.source_sha256 not in repr(entries(node))


@pytest.mark.parametrize("name", ["d41d8cd98f00b204e9800998ecf8427e.txt", "\udce9t\udce9.txt"])
def test_a_file_may_be_called_anything(node: Node, tmp_path: Path, name: str) -> None:
    path = write_list(tmp_path / name, digests(2))
    (report,) = holdings.import_files(node, [path], "A")
    report.source_name.encode()
    (entry,) = entries(node)
    assert entry["local"]["source"] == (WITHHELD if name.startswith("d41d") else "?t?.txt")


def test_a_hash_is_over_the_whole_file_and_over_all_files_of_a_replacement(
    node: Node, tmp_path: Path
) -> None:
    paths = [write_list(tmp_path / f"{n}.txt", digests(70_000, n * 9)) for n in range(2)]
    reports = holdings.import_files(node, paths, "A")
    assert [each.source_sha256 for each in reports] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    ]
    (joined,) = holdings.import_files(node, paths, "A", replace=True)
    both = b"".join(path.read_bytes() for path in paths)
    assert joined.source_sha256 == hashlib.sha256(both).hexdigest()
    assert joined.source_bytes == len(both)
    assert joined.source_name == "0.txt + 1.txt"
    assert joined.items_removed == 0


def test_progress_counts_every_byte_once(node: Node, tmp_path: Path) -> None:
    paths = [write_list(tmp_path / f"{n}.txt", digests(9_000, n)) for n in range(3)]
    total = sum(path.stat().st_size for path in paths)
    told: list[tuple[int, int]] = []
    holdings.import_files(node, paths, "A", progress=lambda *at: told.append(at))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (total, total)
    assert {each[1] for each in told} == {total}


def test_a_pipe_can_be_imported(node: Node, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = write_list(tmp_path / "list", digests(9_000)).read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    (report,) = holdings.import_files(node, [pipe], "A")
    writer.join()
    assert report.items == 9_000
    assert report.source_sha256 == hashlib.sha256(content).hexdigest()


def test_an_rdsv3_database_is_read_from_its_path(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "nsrl.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE FILE (sha256 TEXT, sha1 TEXT, md5 TEXT, file_size INTEGER)")
        made.execute("INSERT INTO FILE VALUES (?, ?, ?, 7)", ("11" * 32, "22" * 20, "33" * 16))
    made.close()
    (report,) = holdings.import_files(node, [path], None, exclude="NSRL")
    assert (report.format, report.items) == ("nsrl-rdsv3", 1)
    assert report.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    (entry,) = entries(node)
    assert entry["local"]["exclusion_list"] == "NSRL"


def test_without_its_log_entry_an_import_does_not_happen(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_list(tmp_path / "list.txt", digests(5))

    def fail(*_args: object, **_kwargs: object) -> None:
        raise errors.StorageError("log-contended", "no")

    monkeypatch.setattr(Node, "record", fail)
    with pytest.raises(errors.StorageError):
        holdings.import_files(node, [path], "A")
    assert holdings.collections(node) == []
    monkeypatch.undo()
    holdings.import_files(node, [path], "A")
    monkeypatch.setattr(Node, "record", fail)
    with pytest.raises(errors.StorageError):
        holdings.remove_collection(node, "A")
    with pytest.raises(errors.StorageError):
        holdings.lookup(node, f"{1:032x}")
    assert holdings.collection(node, "A").items == 5


def test_a_list_that_breaks_off_changes_nothing(node: Node, tmp_path: Path) -> None:
    good = write_list(tmp_path / "good.txt", digests(3))
    holdings.import_files(node, [good], "A")
    cut = tmp_path / "cut.json"
    head = '{"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/'
    cut.write_text(head + '$metadata#Media","value":[{"MediaID":1,"MD5":"' + "1" * 32 + '"},{"Me')
    with pytest.raises(errors.InputError) as caught:
        holdings.import_files(node, [cut], "A", replace=True)
    assert caught.value.code == "truncated-list"
    assert caught.value.message.startswith("cut.json: ")
    assert holdings.collection(node, "A").items == 3
    assert len(entries(node)) == 1


def test_all_files_are_recognised_before_one_is_imported(node: Node, tmp_path: Path) -> None:
    good = write_list(tmp_path / "good.txt", digests(3))
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.4")
    for second in (bad, tmp_path, tmp_path / "none"):
        with pytest.raises(errors.InputError):
            holdings.import_files(node, [good, second], "A")
    assert holdings.collections(node) == []


def test_a_thousand_files_need_no_thousand_open_files(node: Node, tmp_path: Path) -> None:
    paths = [write_list(tmp_path / f"{n}", digests(1, n)) for n in range(1_100)]
    holdings.import_files(node, paths, "A", replace=True)
    assert holdings.collection(node, "A").items == 1_100


def test_the_kind_of_a_collection_changes_only_with_a_replacement(
    node: Node, tmp_path: Path
) -> None:
    path = write_list(tmp_path / "list.txt", digests(3))
    holdings.import_files(node, [path], "A", CollectionKind.LIBRARY)
    with pytest.raises(errors.InputError) as caught:
        holdings.import_files(node, [path], "A", CollectionKind.CASE)
    assert caught.value.code == "kind-differs"
    holdings.import_files(node, [path], "A", CollectionKind.LIBRARY)
    holdings.import_files(node, [path], "A", replace=True)
    assert holdings.collection(node, "A").kind is CollectionKind.LIBRARY
    other = write_list(tmp_path / "other.txt", digests(4))
    holdings.import_files(node, [other], "A", CollectionKind.CASE, replace=True)
    assert holdings.collection(node, "A").kind is CollectionKind.CASE


def test_a_dry_run_leaves_no_trace(node: Node, tmp_path: Path) -> None:
    path = write_list(tmp_path / "list.txt", digests(3))
    (report,) = holdings.import_files(node, [path], "A", dry_run=True)
    assert (report.items_new, report.dry_run) == (3, True)
    assert holdings.collections(node) == []
    assert entries(node) == []


def test_lookup_is_recorded_with_and_without_a_find(node: Node, tmp_path: Path) -> None:
    holdings.import_files(node, [write_list(tmp_path / "list.txt", digests(3))], "A")
    answer = holdings.lookup(node, f" {1:032x}\n")
    digest, item = answer.digest, answer.item
    assert (digest.algorithm, digest.raw) == (AlgorithmId.MD5, (1).to_bytes(16))
    assert item is not None
    assert item.collections == ("A",)
    assert holdings.lookup(node, "e" * 40).item is None
    found, missed = entries(node)[1:]
    assert found["event"] == missed["event"] == Event.CONSULTATION
    assert (found["local"]["held"], missed["local"]["held"]) == (True, False)
    with pytest.raises(errors.InputError):
        holdings.lookup(node, "f" * 39)
    assert len(entries(node)) == 3


def test_an_erased_collection_leaves_no_digest_in_the_store(node: Node, tmp_path: Path) -> None:
    marks = [hashlib.md5(b"mark %d" % n).hexdigest() for n in range(50)]
    holdings.import_files(node, [write_list(tmp_path / "list.txt", marks)], "A")
    now, raws = node.stamp(), [bytes.fromhex(mark) for mark in marks]
    node.stores.agreements.add("ab" * 32, "de-bka", b"{}", "open", now)
    key = CommitmentKey("ab" * 32, "c-1", AlgorithmId.MD5)
    node.stores.commitments.create(key, b"seed", now)
    digests = np.frombuffer(b"".join(raws), dtype=np.uint8).reshape(-1, 16)
    leaves = Leaves(bytes(32 * 50), np.ones(50, dtype=np.bool_), digests)
    node.stores.commitments.append(key, 0, leaves, bytes(32), now)
    node.stores.commitments.erase("ab" * 32)
    removed = holdings.remove_collection(node, "A")
    assert (removed.items, removed.items_erased, removed.revoked) == (50, 50, [])
    node.close()
    for path in node.home.glob("psihash.db*"):
        content = path.read_bytes()
        assert not any(raw in content for raw in raws), path.name


def test_what_is_not_held_is_answered_with_the_nearest_name(node: Node, tmp_path: Path) -> None:
    holdings.import_files(node, [write_list(tmp_path / "list.txt", digests(1))], "Ängel")
    for wrong, hint in {
        "ängel": "did you mean 'Ängel'?",
        "x": "run `psihash collection list`",
    }.items():
        for use in (holdings.collection, holdings.remove_collection):
            with pytest.raises(errors.NotFoundError) as caught:
                use(node, wrong)
            assert (caught.value.code, caught.value.hint) == ("unknown-collection", hint)


def test_a_file_that_is_no_list_is_refused_before_anything_changes(
    node: Node, tmp_path: Path
) -> None:
    good = write_list(tmp_path / "good.txt", digests(3))
    hke = write_list(tmp_path / "set.hke", ["hashset_id,name,vendor,num_of_files", "1,a,b,3"])
    cut = tmp_path / "cut.json"
    cut.write_text('{"odata.metadata": "x", "value": [{"MediaID": 1, "MD5": "')
    for bad in (hke, cut):
        with pytest.raises(errors.InputError, match=bad.name) as caught:
            holdings.import_files(node, [good, bad], "A")
        assert not isinstance(caught.value, holdings.PartlyImportedError)
        assert holdings.collections(node) == []


def test_a_later_damaged_file_says_what_is_in_already(node: Node, tmp_path: Path) -> None:
    good = [write_list(tmp_path / f"{n}.txt", digests(3, n)) for n in range(2)]
    cut = tmp_path / "cut.json"
    media = ",".join(f'{{"MediaID": {n}, "MD5": "{n:032x}"}}' for n in range(1, 3000))
    cut.write_text('{"odata.metadata": "x", "value": [' + media)
    with pytest.raises(holdings.PartlyImportedError, match=r"cut\.json.*2 files before") as caught:
        holdings.import_files(node, [*good, cut], "A")
    assert caught.value.code == "truncated-list"
    assert [each.source_name for each in caught.value.imported] == ["0.txt", "1.txt"]
    assert holdings.collection(node, "A").items == 4
    with pytest.raises(errors.InputError) as dry:
        holdings.import_files(node, [*good, cut], "B", dry_run=True)
    assert not isinstance(dry.value, holdings.PartlyImportedError)


def test_lookup_tells_what_is_excluded_and_takes_named_digests(node: Node, tmp_path: Path) -> None:
    listed = write_list(tmp_path / "known.txt", digests(2))
    holdings.import_files(node, [listed], None, exclude="NSRL")
    for text in (f"md5:{1:032x}", f"MD5={1:032X}", f"{1:032x}"):
        found = holdings.lookup(node, text)
        assert (found.item, found.excluded) == (None, "NSRL")
    assert holdings.lookup(node, f"{9:032x}").excluded is None
    assert holdings.lookup(node, "SHA-1:" + hashlib.sha1(b"").hexdigest()).excluded == "empty-file"
    spaced = ":".join(["ab"] * 16)
    assert holdings.lookup(node, spaced).digest == holdings.lookup(node, f"md5:{spaced}").digest
    for wrong in (f"sha1:{1:032x}", f"name:{1:032x}", "md5:"):
        with pytest.raises(errors.InputError) as caught:
            holdings.lookup(node, wrong)
        assert caught.value.code == "bad-digest"
