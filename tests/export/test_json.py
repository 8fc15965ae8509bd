"""The JSON export: every field, once, in a form that any program reads."""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import given

from psihash.export import write
from psihash.hashset.model import Verdict
from psihash.session.result import AlgorithmResult, Link, SessionResult, verdict_dict
from psihash.terms import Rung
from psihash.testing import results
from psihash.testing.results import MD5, SHA1, any_count_result, any_result


def document(result: SessionResult) -> dict[str, Any]:
    stream = io.BytesIO()
    report = write(result, "json", stream)
    value: dict[str, Any] = json.loads(stream.getvalue().decode("ascii"))
    assert value["schema"] == "psihash-result/1"
    assert report.records == len(value["items"])
    return value


def test_nothing_matched() -> None:
    value = document(results.result())
    assert value["items"] == []
    assert value["peer"] == "nl-police"
    assert value["algorithms"] == {"md5": {"own": 10, "matched": 0}}


def test_a_small_cell_is_a_range_and_what_may_not_be_learned_is_null() -> None:
    value = document(
        results.result(
            rung=Rung.SERIES,
            algorithms={SHA1: AlgorithmResult(9, None)},
            links=(Link("a", "c1", 3), Link("a", "c2", 5)),
        )
    )
    assert value["algorithms"]["sha1"]["matched"] is None
    assert value["links"] == [
        {"own": "a", "peer": "c1", "matched": None, "matched_min": 1, "matched_max": 4},
        {"own": "a", "peer": "c2", "matched": 5, "matched_min": 5, "matched_max": 5},
    ]


def test_records_and_votes() -> None:
    told = results.record(Verdict(victim_identified=True), Verdict(country="BR"))
    items = (results.item(1), results.item(2, records=(told,)))
    first, second = document(results.result(items=items))["items"]
    assert first["digests"]["md5"] == results.digests(2)[MD5]
    assert first["identified_there_open_here"] is True
    assert first["records"][0]["votes"] == 2
    assert first["records"][0]["contact"] == "desk@example.org"
    assert second["identified_there_open_here"] is False


@given(any_result)
def test_nothing_is_lost(result: SessionResult) -> None:
    value = document(result)
    assert len(value["items"]) == len(result.items)
    by_digests = {json.dumps(one["digests"]): one for one in value["items"]}
    for item in result.items:
        key = json.dumps({name.value: text for name, text in item.digests.items()})
        found = by_digests[key]
        if sum(one.digests == item.digests for one in result.items) > 1:
            continue
        expected = [{"collection": name} | verdict_dict(v) for name, v in item.verdicts]
        assert found["verdicts"] == expected
        assert [r["verdicts"] for r in found["records"]] == [
            [verdict_dict(v) for v in r.verdicts] for r in item.records
        ]
        known = found["identified_there_open_here"]
        assert known is (item.identified_there_open_here if result.rung is Rung.RECORDS else None)


@given(any_count_result)
def test_any_count_result(result: SessionResult) -> None:
    value = document(result)
    assert [link["own"] for link in value["links"]] == [link.own for link in result.links]
    assert value["matched_items"] == result.matched_items
