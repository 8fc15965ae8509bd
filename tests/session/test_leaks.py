"""A session tells nothing about items that do not match: every decrypted message is searched."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from psihash.agreement.state import Agreement
from psihash.audit.entry import StoredEntry
from psihash.hashset.model import Verdict
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.node.running import preflight, sessions
from psihash.psi.engines import openmined_library
from psihash.session import messages as m
from psihash.terms import AlgorithmId, CollectionKind, Rung, is_size_class
from psihash.testing.pump import Fault, Script, pump
from psihash.wire.codec import ProtobufCodec
from tests.session.lists import MD5, SHA1, SHA256, bench, digest
from tests.session.needles import Needles, traces
from tests.session.nodes import Homes, agree, carry_annexes, hold, meet, row

pytestmark = pytest.mark.skipif(
    openmined_library.available() is not None, reason=str(openmined_library.available())
)

ALL = (MD5, SHA1, SHA256)
FALCON, UNMATCHED, HERON = "Operation Amber Falcon", "Zaak Onraakbaar", "Affaire Blue Heron"
LISTS = {
    "nl-police": {FALCON: range(1, 338), UNMATCHED: range(5_001, 5_104)},
    "be-police": {HERON: range(281, 652), "Dossier Nulle Part": range(7_001, 7_093)},
}
MATCHING = frozenset(range(281, 338))
SIZES = {337, 103, 371, 92, 337 + 103, 371 + 92}
"""Exact sizes of collections and of whole lists: none is a class or a number of matches."""
CASE = "CASE 2026/17"


class Recorder(ProtobufCodec):
    """Keeps every message of one side in clear."""

    def __init__(self) -> None:
        self.sent: list[tuple[m.Greeting | m.Sealed, bytes]] = []

    def encode_greeting(self, message: m.Greeting) -> bytes:
        data = super().encode_greeting(message)
        self.sent.append((message, data))
        return data

    def encode(self, message: m.Sealed) -> bytes:
        data = super().encode(message)
        self.sent.append((message, data))
        return data

    def bodies(self, *kinds: type) -> list[bytes]:
        return [data for message, data in self.sent if not kinds or isinstance(message, kinds)]


@dataclass
class Recording:
    """All that two agencies said to each other in several sessions."""

    nodes: tuple[Node, Node]
    agreement: Agreement
    sent: dict[Rung, tuple[Recorder, Recorder]] = field(default_factory=dict)

    def recorders(self) -> list[Recorder]:
        return [each for pair in self.sent.values() for each in pair]


def numbers(agency: str) -> list[int]:
    return [number for part in LISTS[agency].values() for number in part]


def digests_of(items: set[int]) -> Iterator[tuple[AlgorithmId, bytes]]:
    return ((name, digest(name, number)) for number in items for name in ALL)


@pytest.fixture(scope="module")
def everything_else() -> Needles:
    """Traces of every item that does not match, on either side."""
    held = {number for agency in LISTS for number in numbers(agency)}
    return Needles.of(digests_of(held - MATCHING))


@pytest.fixture(scope="module")
def matching() -> Needles:
    return Needles.of(digests_of(set(MATCHING)))


@pytest.fixture(scope="module")
def recording(homes: Homes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """Sessions at records (three algorithms), items and count, recorded."""
    nodes = homes.open(tmp_path_factory.mktemp("leaks"))
    for node in nodes:
        for name, items in LISTS[node.agency].items():
            verdict = Verdict(series=(f"series of {name}",), victim_identified=True)
            if name == UNMATCHED:
                import_as_file(node, name, items, tmp_path_factory.mktemp("list"))
            else:
                hold(node, name, [row(n, ALL, verdict) for n in items])
    ours, theirs = (list(LISTS[node.agency]) for node in nodes)
    agreement = agree(*nodes, ours, theirs, rung=Rung.RECORDS, algorithms=ALL, case=CASE)
    made = Recording(nodes, agreement)
    for rung, algorithms in ((Rung.RECORDS, ALL), (Rung.ITEMS, (MD5,)), (Rung.COUNT, (SHA1,))):
        made.sent[rung] = codecs = (Recorder(), Recorder())
        first, _ = meet(*nodes, agreement, rung, algorithms=algorithms, codecs=codecs).results()
        assert first.algorithms[algorithms[0]].matched == len(MATCHING)
    yield made
    for node in nodes:
        node.close()


def import_as_file(node: Node, name: str, items: range, folder: Path) -> None:
    """Through the importer, so that its log entry is searched too."""
    lines = ["MD5,SHA1,SHA256"]
    lines += [",".join(digest(a, number).hex() for a in ALL) for number in items]
    path = folder / "list.csv"
    path.write_text("\n".join(lines) + "\n")
    (report,) = holdings.import_files(node, [path], name, CollectionKind.CASE)
    assert report.items == len(items)


# -- the search itself can find things -----------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 500])
def test_the_search_finds_a_trace_in_every_spelling(place: int) -> None:
    planted = MD5, digest(MD5, 4711)
    needles = Needles.of([planted])
    noise = hashlib.shake_256(b"noise").digest(1000)
    assert needles.found_in(noise) == set()
    for trace in traces(*planted):
        for text in (
            trace[:8],
            trace,
            trace.hex().encode(),
            trace.hex().upper().encode(),
            base64.b64encode(trace),
            base64.urlsafe_b64encode(trace),
        ):
            assert needles.found_in(noise[:place] + text + noise[place:]), text


# -- messages ------------------------------------------------------------------------------------


def test_no_message_holds_a_trace_of_an_item_that_does_not_match(
    recording: Recording, everything_else: Needles
) -> None:
    total = 0
    for recorder in recording.recorders():
        for data in recorder.bodies():
            assert everything_else.found_in(data) == set()
            total += len(data)
    assert total > 200_000  # so that the search did not look at nothing


def test_no_message_but_a_record_holds_a_trace_of_an_item_at_all(
    recording: Recording, matching: Needles
) -> None:
    """Matched items are named by their place in an order that both know, never by a digest."""
    for recorder in recording.recorders():
        for data in recorder.bodies():
            assert matching.found_in(data) == set()


def whole_numbers(value: Any) -> Iterator[int]:
    """Every number in a message or a document, however deep."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from whole_numbers(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from whole_numbers(inner)
    elif is_dataclass(value):
        for each in fields(value):
            yield from whole_numbers(getattr(value, each.name))


def test_sizes_appear_as_classes_only(recording: Recording) -> None:
    for recorder in recording.recorders():
        for message, data in recorder.sent:
            assert not SIZES & set(whole_numbers(message)), type(message)
            if isinstance(message, m.Receipt):
                assert not SIZES & set(whole_numbers(json.loads(message.body)))
            if isinstance(message, m.Offer | m.Accept):
                assert all(is_size_class(each.size_class) for each in message.classes)
            if isinstance(message, m.Accept | m.Confirm):
                assert all(is_size_class(root.size) for root in message.roots)
            # A place of a leaf is any number below its tree's size, and points are random.
            for size in () if isinstance(message, m.Openings | m.EngineFrame) else SIZES:
                assert size.to_bytes(4, "big") not in data
                assert size.to_bytes(8, "little") not in data


def test_blobs_have_the_length_of_a_class_of_lengths(recording: Recording) -> None:
    for recorder in recording.sent[Rung.RECORDS]:
        for kind in (m.Labels, m.Openings, m.Records):
            parts = [message for message, _ in recorder.sent if isinstance(message, kind)]
            length = sum(len(part.blob) for part in parts)
            steps = [-(-int(4096 * 2 ** (k / 4) * 10**6) // 10**6) for k in range(60)]
            assert min(abs(length - step) for step in steps) <= 1


def test_names_of_collections_stay_at_home_unless_a_record_discloses_them(
    recording: Recording,
) -> None:
    names = {agency: [name.encode() for name in LISTS[agency]] for agency in LISTS}
    for rung, pair in recording.sent.items():
        for recorder, agency in zip(pair, ("nl-police", "be-police"), strict=True):
            for message, data in recorder.sent:
                for name in names[agency]:
                    disclosed = isinstance(message, m.Records) and name.decode() in (FALCON, HERON)
                    if disclosed:
                        assert rung is Rung.RECORDS
                        assert name in data
                    else:
                        assert name not in data, (rung, type(message))
                assert b"series of" not in data or isinstance(message, m.Records)
                assert b"series of " + UNMATCHED.encode() not in data


def test_records_are_of_matched_items_only(recording: Recording) -> None:
    for node in recording.nodes:
        rows = node.stores.sessions.all(state="completed")
        (session,) = [each.id for each in rows if each.rung is Rung.RECORDS]
        result = sessions.result(node, session)
        assert len(result.items) == len(MATCHING)
        shown = {record.collection for item in result.items for record in item.records}
        assert shown == {HERON if node.agency == "nl-police" else FALCON}


# -- documents, preflight, log, errors -----------------------------------------------------------


def test_agreement_documents_hold_classes_and_no_names(
    recording: Recording, everything_else: Needles, matching: Needles
) -> None:
    agreement = recording.agreement
    bodies = [agreement.terms.to_bytes(), *(each.to_bytes() for each in agreement.documents)]
    assert len(bodies) >= 5
    for body in bodies:
        assert everything_else.found_in(body) | matching.found_in(body) == set()
        assert not SIZES & set(whole_numbers(json.loads(body)))
        for name in (name for agency in LISTS for name in LISTS[agency]):
            assert name.encode() not in body


def test_preflight_tells_tens_of_percent_and_classes(
    recording: Recording, everything_else: Needles
) -> None:
    for node in recording.nodes:
        said = preflight.own_coverage(node, recording.agreement)
        assert set(said) == set(ALL)
        for part in said.values():
            assert part.percent % 10 == 0
            assert is_size_class(part.size_class)
        for encoded in preflight.encode(said):
            assert everything_else.found_in(encoded.SerializeToString()) == set()


def entries(node: Node) -> list[StoredEntry]:
    return list(node.stores.log.entries(0, node.stores.log.head().size))


def parts_of(entry: StoredEntry) -> tuple[bytes, bytes]:
    """(shared, local) as they are stored."""
    shared, local = entry.shared, entry.local
    return (b"" if shared is None else bytes(shared)), (b"" if local is None else bytes(local))


def test_no_log_entry_holds_a_trace_of_any_item(
    recording: Recording, everything_else: Needles, matching: Needles
) -> None:
    """Neither what is shared nor what stays here, of matched items or others."""
    for node in recording.nodes:
        held = entries(node)
        assert len(held) > 8
        for entry in held:
            for part in (bytes(entry.header), *parts_of(entry)):
                assert everything_else.found_in(part) | matching.found_in(part) == set()


def test_the_shared_part_of_the_log_holds_no_name_and_no_exact_size(recording: Recording) -> None:
    shared = [
        {parts_of(entry)[0] for entry in entries(node) if parts_of(entry)[0]}
        for node in recording.nodes
    ]
    assert shared[0]
    for part in shared[0] | shared[1]:
        assert not SIZES & set(whole_numbers(json.loads(part)))
        for name in (name for agency in LISTS for name in LISTS[agency]):
            assert name.encode() not in part


def test_no_error_tells_of_an_item() -> None:
    needles = Needles.of((MD5, digest(MD5, number)) for number in range(130))
    texts = []
    for fault in Fault:
        for seed in range(6):
            meeting = bench().meet(Rung.RECORDS)
            pump(meeting.pair, Script(seed=seed, rate=0.2, kinds=[fault]))
            for end in (meeting.pair.initiator, meeting.pair.responder):
                for error in (end.error, end.party.failure):
                    if error is not None:
                        texts.append(f"{error} {error.message} {error.hint} {error!r}")
    assert len(texts) > 20
    for text in texts:
        assert needles.found_in(text.encode()) == set()


def test_a_set_that_grows_shows_a_class_of_what_was_added(recording: Recording) -> None:
    nodes = recording.nodes
    hold(nodes[0], FALCON, [row(n, ALL) for n in range(9_001, 9_018)])
    carry_annexes(*nodes)
    codecs = (Recorder(), Recorder())
    meet(*nodes, recording.agreement, Rung.COUNT, algorithms=(SHA1,), codecs=codecs).results()
    (confirm,) = [each for each, _ in codecs[0].sent if isinstance(each, m.Confirm)]
    grown = [root for root in confirm.roots if root.size != root.previous_size]
    assert [root.size - root.previous_size for root in grown] == [64]
    fresh = Needles.of(digests_of(set(range(9_001, 9_018))))
    for recorder in codecs:
        for data in recorder.bodies():
            assert fresh.found_in(data) == set()
