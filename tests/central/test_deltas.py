"""A delta is made from what changed alone; here it is held against a look at everything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import pytest
import sqlalchemy as sa

from psihash.bulk import rows, sorted_distinct
from psihash.central.canaries import all_tokens
from psihash.central.publishing import standing
from psihash.hashset.model import Digest, Row, Verdict
from psihash.node.central import building, making, publishing, setting_up
from psihash.node.central.labels import Labels
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.storage import bulk, central_holdings, holding_changes
from psihash.storage.central_values import PAGE_ITEMS
from psihash.terms import AlgorithmId, CollectionKind
from tests.central.meeting import MD5, SHA1, Meeting, put, verdict
from tests.session.lists import digest
from tests.session.nodes import agree

Two = tuple[Node, Node]
Stands = dict[bytes, set[str]]
NAMES = ("one", "two", "three")
VERDICTS = (None, verdict("1", series="Alpha"), verdict("2", identified=True), verdict(series="B"))


def published(centre: Node) -> Stands:
    """What the entries say: token to records."""
    stores = centre.stores
    epoch = stores.central.in_state("current")
    assert epoch is not None
    tokens = sorted_distinct(np.array(stores.values.tokens(epoch.epoch)))
    items = stores.values.find(epoch.epoch, tokens)
    assert items.min() >= 0
    assert len(set(items.tolist())) == len(items)
    numbers = [stores.central.label_ids(['{"canary":true}'])[0]]
    left = standing(*stores.entries.of(epoch.epoch, items), numbers[0])
    texts = stores.central.labels(np.unique(left.labels).tolist())
    token = {item: row.tobytes() for item, row in zip(items.tolist(), tokens, strict=True)}
    found: Stands = {}
    for item, label in zip(left.items.tolist(), left.labels.tolist(), strict=True):
        assert texts[label] not in found.setdefault(token[item], set())
        found[token[item]].add(texts[label])
    assert epoch.items == len(found)
    return found


def held(centre: Node) -> Stands:
    """The same, from a look at all that is held."""
    setup = centre.stores.central.require()
    labels = Labels(centre, setup.contact)
    none = rows(b"", 32)
    own = all_tokens(centre.agency, publishing.canary_seed(centre, setup), setup.algorithms)
    whole = building.collect(centre, setup, labels, own, none)
    found: Stands = {}
    for row, label in zip(whole.rows.tolist(), whole.labels.tolist(), strict=True):
        found.setdefault(whole.tokens[row].tobytes(), set()).add(labels.texts[label])
    return found


def rows_of(dice: random.Random, numbers: range) -> list[Row]:
    """Items with one digest or two, of which some are another item's: lists that disagree."""
    made = []
    for number in dice.sample(numbers, dice.randint(1, len(numbers) // 2)):
        first = Digest(MD5, digest(MD5, number))
        second = Digest(SHA1, digest(SHA1, number if dice.random() < 0.8 else number // 2))
        carried = dice.choice([(first,), (second,), (first, second), (first, second)])
        made.append(Row(carried, dice.choice(VERDICTS)))
    return made


def change(centre: Node, dice: random.Random) -> None:
    """Something that happens to lists."""
    name, numbers = dice.choice(NAMES), range(120)
    kind = CollectionKind.LIBRARY if dice.random() < 0.1 else CollectionKind.CASE
    what = dice.random()
    if what < 0.1:
        run: Any = centre.stores.holdings.begin_exclusion_import(
            "known", dry_run=False, now=centre.stamp()
        )
        run.add([Row((Digest(MD5, digest(MD5, dice.choice(numbers))),))])
    else:
        run = centre.stores.holdings.begin_import(
            name, kind, replace=what < 0.4, dry_run=0.4 < what < 0.5, now=centre.stamp()
        )
        run.add(rows_of(dice, numbers))
    run.finish("a list", f"{dice.getrandbits(256):064x}", 0, "rows")


@pytest.mark.parametrize("seed", range(2))
def test_what_changed_is_all_that_changed(pair: Two, seed: int) -> None:
    centre, dice = pair[0], random.Random(seed)
    for name in NAMES:
        put(centre, name, range(10))
    setting_up.init(centre, collections=NAMES[:2])
    publishing.publish(centre)
    assert published(centre) == held(centre)
    for _ in range(12):
        for _ in range(dice.randint(0, 3)):
            change(centre, dice)
        before = published(centre)
        made = publishing.publish(centre)
        after = held(centre)
        assert made.reason == "delta"
        assert published(centre) == after
        assert made.items == len(after)
        assert made.added == sum(len(after[t] - before.get(t, set())) for t in after)
        assert made.removed == sum(len(before[t] - after.get(t, set())) for t in before)


@pytest.fixture
def looks() -> Iterator[list[int]]:
    """How many digests were looked up, each time."""
    counts: list[int] = []
    look = bulk.parts

    def counting(algorithm: AlgorithmId, digests: Any) -> Any:
        counts.append(len(digests))
        return look(algorithm, digests)

    with mock.patch.object(central_holdings, "parts", counting):
        yield counts


def test_what_there_is_is_not_read(two: Two, looks: list[int]) -> None:
    """A night with a few new items touches a few, at the centre and at the member."""
    centre, own = two
    put(centre, "theirs", range(30 * PAGE_ITEMS))
    put(own, "ours", range(2_000))
    meeting = Meeting.of(centre, own)
    meeting.publish()
    meeting.run()
    put(centre, "theirs", range(20_000, 20_010))
    put(own, "ours", range(20_000, 20_005))
    read: list[int] = []
    reading = type(centre.stores.values)._read

    def counting(self: Any, epoch: int, name: str, pages: Any, width: int) -> Any:
        read.append(len(pages))
        return reading(self, epoch, name, pages, width)

    with (
        mock.patch.object(type(centre.stores.values), "_read", counting),
        mock.patch.object(making, "collect", side_effect=AssertionError),
        mock.patch.object(type(own.stores.holdings), "digests", side_effect=AssertionError),
    ):
        looks.clear()
        made = meeting.publish()
        assert (made.added, made.items) == (10, 30 * PAGE_ITEMS + 10)
        assert sum(looks) <= 10
        assert sum(read) < 30
        assert meeting.run().new_items == 5
        assert sum(looks) <= 15


def test_what_all_have_seen_is_not_kept(two: Two) -> None:
    centre, own = two
    put(centre, "theirs", range(100))
    put(own, "ours", range(50))
    assert noted(centre) == noted(own) == 0  # nobody follows
    meeting = Meeting.of(centre, own)
    meeting.publish()
    meeting.run()
    for node, name in ((centre, "theirs"), (own, "ours")):
        put(node, name, range(200, 220))
        assert noted(node) == 20
    meeting.publish()
    meeting.run()
    assert noted(centre) == noted(own) == 0


def test_an_erasure_leaves_nothing_noted(two: Two) -> None:
    """What was noted of a collection goes with it; all is looked at then."""
    centre, own = two
    for name in ("theirs", "more", "unpublished"):
        put(centre, name, range(100))
    put(own, "ours", range(50))
    setting_up.init(centre, collections=["theirs", "more"])
    publishing.publish(centre)
    put(centre, "theirs", range(200, 300), verdict("1"))
    holdings.remove_collection(centre, "unpublished")
    assert noted(centre) == 0
    made = publishing.publish(centre)
    assert (made.reason, made.added, made.items) == ("delta", 100, 200)
    assert published(centre) == held(centre)


def test_a_note_that_nobody_reads_does_not_grow(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    centre = two[0]
    put(centre, "theirs", range(10))
    setting_up.init(centre)
    publishing.publish(centre)
    monkeypatch.setattr(holding_changes, "MAX_NOTED", 200 * 16)
    for at in range(0, 500, 100):
        put(centre, "theirs", range(at, at + 100), Verdict())
        assert noted(centre) <= 200
    made = publishing.publish(centre)
    assert made.items == 500
    assert published(centre) == held(centre)


def test_members_find_each_item_of_another_collection(two: Two) -> None:
    """Runs under one agreement about different collections miss nothing of either."""
    centre, own = two
    put(centre, "theirs", range(1_000))
    for name in ("ours", "others"):
        put(own, name, range(10) if name == "ours" else range(20, 30))
    agreement = agree(own, centre, ["ours", "others"], ["theirs"])
    setting_up.init(centre)
    meeting = Meeting(centre, own, agreement)
    meeting.publish()
    assert meeting.run("ours").matched_items == 10
    put(own, "others", range(30, 40))
    assert meeting.run("others").matched_items == 20
    put(own, "others", range(40, 45))
    put(own, "ours", range(40, 50))
    assert meeting.run("ours").matched_items == 20
    assert meeting.run("others").matched_items == 25


def noted(node: Node) -> int:
    """How many digests are noted."""
    with node.stores.database.reading() as connection:
        query = sa.text("SELECT algorithm, digests FROM holding_changes")
        return sum(
            len(digests) // AlgorithmId(name).digest_bytes if name else 0
            for name, digests in connection.execute(query)
        )
