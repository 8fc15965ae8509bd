"""Results in columns and as they are sealed: always the same items as a plain list of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.hashset.model import Verdict
from psihash.session.result import MatchedItem, MatchedItems, SessionResult
from psihash.terms import AlgorithmId
from psihash.testing import results

MD5, SHA1 = AlgorithmId.MD5, AlgorithmId.SHA1

some_items = results.any_result.map(lambda result: tuple(result.items))
further = st.lists(st.tuples(st.sampled_from(list(AlgorithmId)), st.text(max_size=4)), max_size=2)


@given(some_items, st.lists(further, max_size=5))
def test_columns_are_the_items(
    items: tuple[MatchedItem, ...], more: list[list[tuple[AlgorithmId, str]]]
) -> None:
    items = tuple(
        item._replace(further_digests=tuple(texts))
        for item, texts in zip(items, [*more, *[[]] * len(items)], strict=False)
    )
    columns = MatchedItems.of(items)
    assert len(columns) == len(items)
    assert tuple(columns) == items
    assert columns == items
    assert items == columns
    assert columns == MatchedItems.of(list(items))
    assert [columns[place] for place in range(-len(items), len(items))] == [*items, *items]
    assert columns[1:3] == items[1:3]
    assert columns[::-1] == items[::-1]
    assert columns[:2] + columns[2:] == items
    assert columns + columns == items + items
    assert (columns == items[1:]) is (not items)
    with pytest.raises(IndexError):
        columns[len(items)]


@given(results.any_result | results.any_count_result, st.integers(0, 5))
def test_what_is_sealed_comes_back(result: SessionResult, kept: int) -> None:
    result = replace(result, items=result.items[:kept], quarantined=result.items[kept:])
    data = result.to_json()
    assert data.isascii()
    back = SessionResult.from_json(data)
    assert back == result
    assert tuple(back.items) == tuple(result.items)
    assert back.to_json() == data


def test_what_items_share_is_sealed_once_and_shared_again() -> None:
    verdict = Verdict(series=("Series seven",))
    records = (results.record(verdict),)
    items = [
        results.item(n, verdicts=(("a", verdict),), records=records, collections=("Seizure nine",))
        for n in range(200)
    ]
    data = results.result(items=items).to_json()
    assert data.count(b"Series seven") == data.count(b"Seizure nine") == 1
    back = SessionResult.from_json(data).items
    assert back == items
    assert (
        len({id(each) for each in back.verdicts}) == len({id(each) for each in back.records}) == 1
    )


def test_a_result_of_version_1_is_read() -> None:
    verdict = {
        "category": {"dialect": "uk", "code": "1", "label": "one"},
        "victim_identified": True,
        "offender_identified": None,
        "distributed": False,
        "series": ["s"],
        "dated": "2026-01-01",
        "submissions": 3,
        "country": "NL",
        "source": "x",
    }
    old = {
        "version": 1,
        "session": "ab" * 32,
        "peer": "nl-police",
        "agreement": "cd" * 32,
        "engine": "ecdh-ristretto255/1",
        "case": "1",
        "peer_case": "2",
        "opened": "2026-01-01T00:00:00Z",
        "closed": "2026-01-01T00:00:01Z",
        "matched_items": 1,
        "matched_items_min": 1,
        "matched_items_max": 1,
        "receipt": "",
        "role": "responder",
        "rung": "records",
        "learn": "both",
        "algorithms": {"md5": {"own": 5, "matched": 1}},
        "links": [["mine", "theirs", 1]],
        "items": [
            {
                "digests": {"md5": "ab" * 16, "sha1": "cd" * 20},
                "matched_by": ["md5"],
                "collections": ["mine"],
                "verdicts": [["mine", verdict]],
                "peer_collections": ["theirs"],
                "records": [
                    {
                        "collection": "theirs",
                        "kind": "series",
                        "verdicts": [verdict],
                        "contact": "desk",
                    }
                ],
                "media_type": "Image",
                "size": 7,
                "further_digests": [["sha1", "ef" * 20]],
            }
        ],
    }
    result = SessionResult.from_json(json.dumps(old).encode())
    (item,) = result.items
    assert item.digests == {MD5: "ab" * 16, SHA1: "cd" * 20}
    assert item.further_digests == ((SHA1, "ef" * 20),)
    assert item.verdicts[0][1] == item.records[0].verdicts[0]
    assert item.verdicts[0][1].category is not None
    assert (item.media_type, item.size, item.matched_by) == ("Image", 7, (MD5,))
    assert item.found_by == ((MD5, "ab" * 16),)
    assert (result.links[0].matched, result.algorithms[MD5].own) == (1, 5)
    assert SessionResult.from_json(result.to_json()) == result


def test_what_matched_of_several_digests_is_kept_through_all_forms() -> None:
    several = results.item(
        0,
        matched_by=(MD5, SHA1),
        digests={MD5: "ab" * 16, SHA1: "cd" * 20},
        further_digests=((SHA1, "ef" * 20),),
        matched_digests=((SHA1, "ef" * 20),),
    )
    assert several.found_by == ((MD5, "ab" * 16), (SHA1, "ef" * 20))
    items = MatchedItems.of([results.item(1), several])
    assert [each.matched_digests for each in items.at([1, 0])] == [several.matched_digests, ()]
    both = items + MatchedItems.of([results.item(2), several])
    assert list(both) == [results.item(1), several, results.item(2), several]
    assert SessionResult.from_json(results.result(items=both).to_json()).items == both


def test_a_result_of_version_2_names_no_digest_of_several() -> None:
    several = results.item(
        matched_by=(MD5, SHA1), further_digests=((SHA1, "ef" * 20),),
        matched_digests=((SHA1, "ef" * 20),),
    )  # fmt: skip
    value = json.loads(results.result(items=[several]).to_json())
    del value["items"]["matched_digests"]
    (item,) = SessionResult.from_json(json.dumps(value | {"version": 2}).encode()).items
    assert item.found_by == ((MD5, several.digests[MD5]),), "either SHA-1 may have matched"


def test_a_result_of_a_later_version_is_refused_in_words() -> None:
    value = json.loads(results.result().to_json())
    with pytest.raises(errors.StateError) as caught:
        SessionResult.from_json(json.dumps(value | {"version": 4}).encode())
    assert caught.value.code == "result-form"
