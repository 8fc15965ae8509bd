"""Attacks D4 to D9 on the central set, played by a member that asks for more than it may, or that
works on what it downloaded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from psihash import errors
from psihash.bulk import hash_rows, rows, sorted_distinct
from psihash.canonical import framed
from psihash.central import derive, lookup
from psihash.central.canaries import SECRET
from psihash.central.layout import ENTRY_BYTES, RECORD_BYTES, Part, tag_numbers
from psihash.central.manifest import parse_manifest
from psihash.central.publishing import Place
from psihash.central.records import series_keys
from psihash.identity import signatures
from psihash.node.central import building, centre, matching, publishing, setting_up
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.psi import encoding
from psihash.psi.group import Rows
from psihash.terms import AlgorithmId, is_size_class, size_class
from psihash.wire import central_codec as codec
from tests.central.meeting import MD5, LaterClock, Meeting, put
from tests.node.keeping import places_of
from tests.session.lists import digest
from tests.session.nodes import agree

Two = tuple[Node, Node]
IDENTITY = bytes(32)
NOT_CANONICAL = b"\xff" * 32


@pytest.fixture
def meeting(two: Two) -> Meeting:
    put(two[0], "theirs", range(60))
    put(two[1], "ours", range(30, 90))
    made = Meeting.of(*two)
    made.publish()
    return made


def opening(meeting: Meeting, **changes: Any) -> codec.Opening:
    """A run of one class that the member signs."""
    fields: dict[str, Any] = {
        "agreement": meeting.agreement.id,
        "run": b"\x01" * 32,
        "epoch": 1,
        "classes": {MD5: 64},
        "signature": b"",
    }
    made = codec.Opening(**(fields | changes))
    key, context = meeting.member.keys.signing, signatures.Context.CENTRAL_RUN
    return replace(made, signature=signatures.sign(key, context, made.signed_bytes()))


def points(count: int) -> bytes:
    group = building.own_group()
    return group.mask(group.new_secret(), encoding.dummies(count, np.random.bytes)).tobytes()


def evaluate(meeting: Meeting, elements: bytes, number: int = 0) -> tuple[bytes, bytes]:
    batch = codec.Batch(b"\x01" * 32, number, elements)
    return centre.evaluate(meeting.centre, meeting.member.agency, batch)


def code_of(call: Any) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        call()
    return caught.value.code


# -- more than was admitted -----------------------------------------------------------------------


def test_d9_more_elements_than_were_charged(meeting: Meeting) -> None:
    centre.open_run(meeting.centre, meeting.member.agency, opening(meeting))
    evaluate(meeting, points(64))
    evaluate(meeting, points(SECRET), 1)
    assert code_of(lambda: evaluate(meeting, points(1), 2)) == "central-run-used-up"


def test_d9_a_batch_is_answered_once(meeting: Meeting) -> None:
    centre.open_run(meeting.centre, meeting.member.agency, opening(meeting))
    first = points(10)
    answer = evaluate(meeting, first)
    assert evaluate(meeting, first)[0] == answer[0]  # the reply was lost: the same again
    assert evaluate(meeting, first)[1] != answer[1]  # under a fresh nonce
    assert code_of(lambda: evaluate(meeting, points(10))) == "central-batch-differs"


def test_d9_a_run_is_charged_when_it_is_admitted(meeting: Meeting) -> None:
    """Before anything is answered, once, and without refund."""
    for _ in range(3):
        centre.open_run(meeting.centre, meeting.member.agency, opening(meeting))
    charges = meeting.centre.stores.ledger.charges()
    assert [(row.session, row.elements) for row in charges] == [("01" * 32, 64)]
    other = opening(meeting, classes={MD5: 77})
    assert (
        code_of(lambda: centre.open_run(meeting.centre, meeting.member.agency, other))
        == "central-no-such-run"
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"classes": {MD5: 100}}, "annex-mismatch"),  # no size class
        ({"classes": {MD5: 2**20}}, "annex-mismatch"),  # more than the annex offers
        ({"classes": {}}, "annex-mismatch"),
        ({"classes": {AlgorithmId.SHA1: 64}}, "annex-mismatch"),
        ({"epoch": 2}, "central-epoch-over"),
        ({"agreement": "00" * 32}, "no-such-agreement"),
    ],
)
def test_d9_runs_outside_of_what_was_agreed(
    meeting: Meeting, changes: dict[str, Any], code: str
) -> None:
    asked = opening(meeting, **changes)
    assert code_of(lambda: centre.open_run(meeting.centre, meeting.member.agency, asked)) == code


def test_d9_a_thief_of_the_tls_key_opens_no_run(meeting: Meeting) -> None:
    asked = replace(opening(meeting), signature=bytes(64))
    run = lambda: centre.open_run(meeting.centre, meeting.member.agency, asked)  # noqa: E731
    assert code_of(run) == "bad-signature"


def test_d9_a_run_of_somebody_else(meeting: Meeting) -> None:
    centre.open_run(meeting.centre, meeting.member.agency, opening(meeting))
    batch = codec.Batch(b"\x01" * 32, 0, points(3))
    assert code_of(lambda: centre.evaluate(meeting.centre, "xx", batch)) == "central-no-such-run"


@pytest.mark.parametrize("bad", [IDENTITY, NOT_CANONICAL, b"\x01" + bytes(31)])
def test_d9_points_that_are_none(meeting: Meeting, bad: bytes) -> None:
    centre.open_run(meeting.centre, meeting.member.agency, opening(meeting))
    assert code_of(lambda: evaluate(meeting, points(3) + bad)) == "psi-bad-point"
    evaluate(meeting, points(4))  # and nothing was used up


def test_d9_every_element_has_a_blind_of_its_own(meeting: Meeting) -> None:
    """The same questions twice: no point comes again, within a batch or between runs."""
    asked: list[bytes] = []

    def tamper(method: str, request: Any, reply: Any) -> Any:
        if method == "Evaluate":
            data = request.elements
            asked.extend(data[at : at + 32] for at in range(0, len(data), 32))
        return reply

    meeting.tamper = tamper
    meeting.run()
    meeting.member.stores.copies.forget(meeting.agreement.id)
    meeting.run()
    assert len(asked) == 2 * (128 + SECRET)
    assert len(set(asked)) == len(asked)


def test_d5_the_order_and_number_of_questions_say_nothing(two: Two) -> None:
    """Any two lists of one size class are asked with as many points."""
    put(two[0], "theirs", range(10))
    put(two[1], "few", range(70))
    put(two[1], "more", range(200, 283))
    setting_up.init(two[0])
    counts = []
    for name in ("few", "more"):
        meeting = Meeting(*two, agree(two[1], two[0], [name], ["theirs"]))
        meeting.publish()
        counts.append(meeting.run(name).asked)
    assert counts == [size_class(70 + 64) + SECRET] * 2


# -- what the download lets one test --------------------------------------------------------------


def _lists(meeting: Meeting) -> Iterator[tuple[Part, Rows]]:
    store = meeting.centre.stores.publications
    place = Place(meeting.centre.agency, 1, 0)
    for part in Part:
        every = list(store.every(place, part, store.held(place, part)))
        yield part, rows(b"".join(every), part.width)


def test_d7_without_evaluation_a_guess_is_as_good_as_any_other(two: Two) -> None:
    """A dictionary that has every item of the centre, put through everything that a member can
    compute by itself, fits the tags as often as random bytes do."""
    put(two[0], "theirs", range(20_000))
    put(two[1], "ours", range(3))
    meeting = Meeting.of(*two)
    meeting.publish()
    lists = dict(_lists(meeting))
    held = np.zeros(2**24, np.bool_)
    held[tag_numbers(lists[Part.ADDITIONS])] = True
    guesses = np.frombuffer(b"".join(digest(MD5, n) for n in range(20_000)), np.uint8)
    tokens = encoding.tokens(MD5, guesses.reshape(-1, 16))
    inputs = derive.inputs(meeting.centre.agency, 1, tokens)
    zero = np.zeros(len(tokens), np.uint16)
    group = building.own_group()
    computed = {
        "the token": tokens,
        "the input": inputs,
        "the token as a root": derive.tags(tokens, zero),
        "the input as a root": derive.tags(inputs, zero),
        "a hash of it": hash_rows(framed(b"psihash/central/tag/1"), inputs),
        "its point": group.mask(group.new_secret(), inputs),
        "under another key": derive.tags(
            derive.own_roots(group, group.new_secret(), meeting.centre.agency, 1, tokens), zero
        ),
    }
    chance = held.mean()
    for what, guessed in computed.items():
        share = held[tag_numbers(guessed)].mean()
        assert abs(share - chance) < 6 * (chance / len(tokens)) ** 0.5, what
    # While an evaluation finds each of them.
    row = two[0].stores.central.in_state("current")
    assert row is not None
    key = derive.epoch_key(group, two[0].agency, 1, publishing.secrets_of(two[0], row).key_seed)
    roots = derive.own_roots(group, key, two[0].agency, 1, tokens)
    assert held[tag_numbers(derive.tags(roots, zero))].all()


def test_d7_nothing_of_the_lists_lies_in_the_download(meeting: Meeting) -> None:
    joined = b"".join(body.tobytes() for _, body in _lists(meeting))
    for number in range(60):
        raw = digest(MD5, number)
        for secret in (raw, raw.hex().encode(), encoding.token(MD5, raw)[:16]):
            assert secret not in joined
    assert b"theirs" not in joined


def test_d4_sizes_are_classes(meeting: Meeting) -> None:
    """Also of a delta with one addition and one removal."""
    put(meeting.centre, "theirs", range(1, 61), replace=True)
    meeting.publish()
    rows_ = meeting.centre.stores.publications.of_epoch(meeting.centre.agency, 1)
    for row in rows_:
        facts = parse_manifest(row.manifest).lists
        assert all(is_size_class(each.count) for part, each in facts.items() if each.count)
    assert parse_manifest(rows_[1].manifest).lists[Part.REMOVALS].count == 64


def test_d2_no_two_publications_share_a_key(meeting: Meeting) -> None:
    """The same label on the same items, in every publication anew: masks, series keys and records
    have nothing in common."""
    stores = meeting.centre.stores
    for numbers in (range(1), range(60)):
        put(meeting.centre, "theirs", numbers, replace=True)
        meeting.publish()
    items = stores.values.find(1, sorted_distinct(np.array(stores.values.tokens(1))))
    roots, slots = stores.values.roots(1, items), np.zeros(len(items), np.uint16)
    masks = [derive.masks(meeting.centre.agency, 1, delta, roots, slots) for delta in (0, 1, 2)]
    made = [derive.tags(roots, slots), derive.marks(roots, slots), *masks]
    heads = {row[:3].tobytes() for each in made for row in each}
    assert len(heads) > 0.99 * sum(map(len, made))  # 24 bits coincide now and then
    seed = publishing.secrets_of(meeting.centre, stores.central.epochs()[0]).label_seed
    keys = [series_keys(seed, delta, 64) for delta in (0, 1, 2)]
    assert len({row.tobytes() for each in keys for row in each}) == 3 * 64
    sealed: list[bytes] = []
    for delta in (0, 1, 2):
        place = Place(meeting.centre.agency, 1, delta)
        body = rows(b"".join(stores.publications.every(place, Part.SERIES, 2)), RECORD_BYTES)
        sealed += [row.tobytes() for row in body]
    assert len(set(sealed)) == len(sealed) == 3 * 64


def test_d4_an_entry_is_never_published_twice_alike(meeting: Meeting) -> None:
    """An item that leaves and comes back has another tag, another mask and another mark."""
    two = []
    for numbers in (range(1), range(60)):
        put(meeting.centre, "theirs", numbers, replace=True)
        meeting.publish()
    stores = meeting.centre.stores
    items = stores.values.find(1, sorted_distinct(np.array(stores.values.tokens(1))))
    every, _ = stores.entries.of(1, items)
    known = stores.central.labels(np.unique(every.labels).tolist())
    plain = [label for label, text in known.items() if "canary" not in text]
    chosen = np.isin(every.labels, plain)
    roots = stores.values.roots(1, every.items[chosen])
    slots = every.slots[chosen].astype(np.uint16)
    for width, made in ((3, derive.tags), (16, derive.marks)):
        two.append(len(np.unique(made(roots, slots).reshape(-1, width), axis=0)))
    assert two[1] == int(chosen.sum()) == 60 + 59


def test_d5_a_tag_alone_is_no_hit(two: Two) -> None:
    """24 bits fit by chance now and then; a record opens for nobody but a holder."""
    put(two[0], "theirs", range(30_000))
    put(two[1], "ours", range(100_000, 130_000))
    meeting = Meeting.of(*two)
    meeting.publish()
    assert meeting.run().matched_items == 0
    with two[1].stores.database.reading() as connection:
        tags = [tag for (tag,) in connection.exec_driver_sql("SELECT tag FROM central_asked")]
    pages = matching.StoredPages(two[1].stores.publications, Place(two[0].agency, 1, 0))
    which, entries = lookup.candidates(pages, np.array(tags, np.uint32))
    assert entries.shape[1] == ENTRY_BYTES
    assert len(which) > 20  # some fifty, by chance


# -- erasure, and keys that are gone --------------------------------------------------------------


def test_d4_an_erasure_ends_the_key(meeting: Meeting) -> None:
    """A copy of yesterday cannot be asked about any more, and the key is nowhere."""
    node = meeting.centre
    row = node.stores.central.in_state("current")
    assert row is not None
    assert row.sealed_secrets is not None
    sealed = row.sealed_secrets
    meeting.run()
    holdings.remove_collection(node, "theirs", force=True)
    put(node, "again", range(10))
    assert meeting.publish().reason == "erasure"
    assert not places_of(node, sealed)
    meeting = replace(meeting, agreement=agree(meeting.member, node, ["ours"], ["again"]))
    asked = opening(meeting, run=b"\x02" * 32)
    run = lambda: centre.open_run(node, meeting.member.agency, asked)  # noqa: E731
    assert code_of(run) == "central-epoch-over"
    wanted = codec.PagesWanted(meeting.agreement.id, 1, 0, Part.ADDITIONS, 0, 1)
    fetch = lambda: centre.pages(node, meeting.member.agency, wanted)  # noqa: E731
    assert code_of(fetch) == "central-epoch-over"


def test_d4_an_erasure_does_not_wait_longer_than_two_days(meeting: Meeting) -> None:
    put(meeting.centre, "more", range(5))
    meeting.publish()
    holdings.remove_collection(meeting.centre, "more")
    assert meeting.run().matched_items == 30
    meeting.centre.clock = meeting.member.clock = LaterClock(dt.timedelta(hours=49))
    assert code_of(meeting.run) == "central-rotation-due"
    meeting.publish()
    assert meeting.run().matched_items == 30


def test_d7_a_member_keeps_no_copy_of_an_epoch_that_is_over(meeting: Meeting) -> None:
    meeting.run()
    publishing.rotate(meeting.centre, "test")
    meeting.run()
    store = meeting.member.stores.publications
    assert store.held(Place(meeting.centre.agency, 1, 0), Part.ADDITIONS) == 0
    assert not meeting.member.stores.copies.opened(meeting.agreement.id, 1)
