"""The lists of publications by themselves: whatever is published, holders find it and nobody else,
held against sets and dicts."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psihash import errors
from psihash.central import derive, lookup
from psihash.central.layout import (
    ENTRY_BYTES,
    Part,
    check_order,
    list_root,
    page_starts,
    pages,
    tag_numbers,
)
from psihash.central.manifest import ListFacts, Manifest
from psihash.central.publishing import (
    MAX_LABELS,
    Change,
    Entries,
    Place,
    bounded,
    change,
    first_slots,
    make_lists,
)
from psihash.central.questions import Questions, batch_sizes
from psihash.central.records import CANARY_TEXT
from psihash.psi import encoding, groups
from psihash.psi.group import Group, Rows
from psihash.psi.voprf import Mode, Server
from psihash.terms import AlgorithmId, is_size_class

CENTRE, EPOCH = "be-centre", 3
TEXTS = {0: CANARY_TEXT, 1: '{"one":true}', 2: '{"two":true}', 3: '{"three":true}'}
Pairs = frozenset[tuple[int, int]]
NO_ITEMS = np.empty(0, np.int64)


class Made:
    """A publication in memory. Implements :class:`psihash.central.lookup.Pages`."""

    def __init__(self, place: Place, lists: dict[Part, Rows]) -> None:
        self.lists = lists
        self._pages = {part: pages(part, body) for part, body in lists.items()}
        facts = {
            part: ListFacts(len(body), list_root(self._pages[part])) for part, body in lists.items()
        }
        self.manifest = Manifest(
            place.centre,
            place.epoch,
            place.delta,
            b"",
            bytes(32),
            (AlgorithmId.MD5,),
            facts,
            "2026-01-01T00:00:00Z",
            "2026-01-02T00:00:00Z",
        )

    def starts(self) -> npt.NDArray[np.uint32]:
        return page_starts(self._pages[Part.ADDITIONS])

    def read(self, part: Part, numbers: Sequence[int]) -> list[bytes]:
        return [self._pages[part][number] for number in numbers]


def roots_of(count: int) -> Rows:
    source = np.random.default_rng(7)
    return source.integers(0, 256, (count, 32), dtype=np.uint8)


class Centre:
    """Publishes what it is told stands, one publication after the other."""

    def __init__(self, items: int) -> None:
        self.roots = roots_of(items)
        self.every, self.gone = Entries.none(), Entries.none()
        self.made: list[Made] = []

    def publish(self, held: Pairs) -> Change:
        pairs = sorted(held)
        items = np.array([item for item, _ in pairs], np.int64)
        labels = np.array([label for _, label in pairs], np.int64)
        found = change(self.every, self.gone, (items, labels), (NO_ITEMS, 0), len(self.roots))
        place = Place(CENTRE, EPOCH, len(self.made))
        roots = self.roots.__getitem__
        lists = make_lists(place, roots, found, TEXTS, bytes(32), np.random.bytes)
        self.every = Entries.joined([self.every, found.added])
        self.gone = Entries.joined([self.gone, found.removed])
        self.made.append(Made(place, lists))
        return found


class Member:
    """Holds some items and follows all publications."""

    def __init__(self, centre: Centre, items: Sequence[int]) -> None:
        self._centre, self._items = centre, list(items)
        self._reach = np.zeros(len(self._items), np.int64)
        self._open: dict[bytes, tuple[int, str]] = {}
        self._seen = 0

    def follow(self) -> Pairs:
        roots = self._centre.roots[self._items]
        for made in self._centre.made[self._seen :]:
            gone = lookup.marks_in(made.manifest, made, list(self._open))
            for mark in gone:
                del self._open[mark]
            found, self._reach = lookup.find(made.manifest, made, roots, self._reach)
            for each in found:
                self._open[each.mark] = (self._items[each.item], each.text)
        self._seen = len(self._centre.made)
        numbers = {text: label for label, text in TEXTS.items()}
        return frozenset((item, numbers[text]) for item, text in self._open.values())


stands = st.frozensets(st.tuples(st.integers(0, 39), st.integers(1, 3)), max_size=60)


@given(
    nights=st.lists(stands, min_size=1, max_size=5),
    held=st.frozensets(st.integers(0, 59), max_size=40),
    skipped=st.integers(0, 3),
)
def test_a_holder_finds_what_stands_and_nothing_else(
    nights: list[Pairs], held: frozenset[int], skipped: int
) -> None:
    centre = Centre(60)
    member = Member(centre, sorted(held))
    for number, night in enumerate(nights):
        centre.publish(night)
        if number % (skipped + 1) == 0 or number == len(nights) - 1:
            assert member.follow() == {(item, label) for item, label in night if item in held}


@given(nights=st.lists(stands, min_size=2, max_size=5))
def test_a_change_holds_what_changed(nights: list[Pairs]) -> None:
    centre, before = Centre(60), frozenset[tuple[int, int]]()
    for night in nights:
        found = centre.publish(night)
        added = set(zip(found.added.items.tolist(), found.added.labels.tolist(), strict=True))
        removed = set(zip(found.removed.items.tolist(), found.removed.labels.tolist(), strict=True))
        assert added == night - before
        assert removed == before - night
        slots = list(zip(centre.every.items.tolist(), centre.every.slots.tolist(), strict=True))
        assert len(set(slots)) == len(slots)
        before = night


@given(nights=st.lists(stands, min_size=1, max_size=3))
def test_lists_are_full_and_in_order(nights: list[Pairs]) -> None:
    centre = Centre(60)
    for number, night in enumerate(nights):
        centre.publish(night)
        made = centre.made[-1]
        check_order(made.read(Part.ADDITIONS, range(len(made.starts()))))
        for part, body in made.lists.items():
            if part is Part.REMOVALS and not number:
                assert not len(body)
            else:
                assert is_size_class(len(body))


def test_slots_follow_each_other() -> None:
    items = np.array([3, 1, 3, 3, 0, 1])
    assert first_slots(items, np.array([0, 5, 0, 2])).tolist() == [2, 5, 3, 4, 0, 6]


def test_entries_of_one_tag_may_go_over_pages() -> None:
    """Two thousand entries of one tag among others: all of them are candidates."""
    body = np.random.default_rng(3).integers(0, 256, (8192, ENTRY_BYTES), dtype=np.uint8)
    body[1000:3000, :3] = (9, 9, 9)
    order = np.argsort(tag_numbers(body), kind="stable")
    made = Made(Place(CENTRE, 1, 0), dict.fromkeys((Part.ADDITIONS,), body[order]) | _rest())
    which, found = lookup.candidates(made, np.array([0x090909, 5], np.uint32))
    assert len(which) >= 2000
    assert set(tag_numbers(found).tolist()) == {0x090909}
    body[:, :3] = (9, 9, 9)
    made = Made(Place(CENTRE, 1, 0), {Part.ADDITIONS: body} | _rest())
    with pytest.raises(errors.ProtocolError) as caught:
        lookup.candidates(made, np.array([0x090909], np.uint32))
    assert caught.value.code == "central-crowded-tags"


def _rest() -> dict[Part, Rows]:
    return {
        Part.REMOVALS: np.empty((0, 16), np.uint8),
        Part.SERIES: np.zeros((64, 384), np.uint8),
    }


# -- both implementations of the group ---------------------------------------------------------

GROUPS = [groups.load(name) for name in ("native", "sodium")]


def test_both_groups_give_the_same_roots() -> None:
    tokens = encoding.dummies(40, np.random.bytes)
    found = []
    for group in GROUPS:
        key = derive.epoch_key(group, CENTRE, EPOCH, bytes(range(32)))
        found.append((key.public, derive.own_roots(group, key, CENTRE, EPOCH, tokens).tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("asks", GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("answers", GROUPS, ids=lambda group: group.name)
def test_asked_is_what_the_centre_computes(asks: Group, answers: Group) -> None:
    """Over both implementations in either role, in several batches."""
    tokens = encoding.dummies(30, np.random.bytes)
    key = derive.epoch_key(answers, CENTRE, EPOCH, bytes(range(32)))
    questions = Questions(asks, CENTRE, EPOCH, key.public, tokens, 64, np.random.bytes)
    for batch in questions.ask():
        evaluated, proof = Server(answers, Mode.VOPRF, key).blind_evaluate(batch)
        questions.take(np.ascontiguousarray(evaluated).tobytes(), proof)
    own = derive.own_roots(answers, key, CENTRE, EPOCH, tokens)
    assert questions.roots().tobytes() == own.tobytes()


def test_another_centre_or_epoch_has_other_inputs() -> None:
    tokens = encoding.dummies(5, np.random.bytes)
    found = {
        derive.inputs(centre, epoch, tokens).tobytes()
        for centre in (CENTRE, "other")
        for epoch in (1, 2)
    }
    assert len(found) == 4


@settings(max_examples=20)
@given(count=st.integers(0, 50_000))
def test_batches_cover_a_run(count: int) -> None:
    sizes = batch_sizes(count)
    assert sum(sizes) == count
    assert all(0 < size <= 8_192 for size in sizes)


def test_an_unanswered_run_has_no_roots() -> None:
    group = GROUPS[0]
    tokens = encoding.dummies(3, random.randbytes)
    made = Questions(group, CENTRE, 1, group.new_secret().public, tokens, 64, np.random.bytes)
    with pytest.raises(errors.ProtocolError):
        made.roots()
    with pytest.raises(errors.ProtocolError):
        made.take(bytes(64 * 32), bytes(64))


def test_nobody_gives_one_item_more_labels_than_there_may_be() -> None:
    items = np.array([3] * 200 + [1, 0, 1], np.int64)
    labels = np.array([*range(199, -1, -1), 7, 7, 8], np.int64)
    (kept, said), left_out = bounded(items, labels)
    assert left_out == 200 - MAX_LABELS
    assert sorted(said[kept == 3].tolist()) == list(range(MAX_LABELS))
    assert sorted(zip(kept[kept != 3].tolist(), said[kept != 3].tolist(), strict=True)) == [
        (0, 7),
        (1, 7),
        (1, 8),
    ]
    few = bounded(items[200:], labels[200:])
    assert few[1] == 0
    assert few[0][0].tolist() == [1, 0, 1]


def test_slots_do_not_run_over() -> None:
    """A slot is two bytes on the way into tag, mask and mark; a number above would repeat one."""
    full = np.arange(derive.MAX_SLOT + 1, dtype=np.int64)
    none = np.zeros(0, np.int64)
    every = Entries(np.zeros(len(full), np.int64), full, np.full(len(full), 5, np.int64))
    held = np.zeros(1, np.int64), np.array([9], np.int64)
    with pytest.raises(errors.StateError) as caught:
        change(every, every, held, (none, 1), 1)
    assert caught.value.code == "central-slots-full"
