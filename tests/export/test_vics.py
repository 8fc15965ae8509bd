"""VICS 2.0: valid under the published data model, true to the own verdicts, readable again."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given

from psihash.export import NO_MD5, ExportReport, LeftOut, write
from psihash.hashset.formats import by_name, sniff
from psihash.hashset.model import Category, Dialect, Row, Verdict
from psihash.session.result import MatchedItem, SessionResult
from psihash.testing import results
from psihash.testing.results import MD5, SHA1, SHA256, any_result

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def exported(result: SessionResult) -> tuple[dict[str, Any], ExportReport, bytes]:
    stream = io.BytesIO()
    report = write(result, "vics", stream)
    value: dict[str, Any] = json.loads(stream.getvalue())
    assert report.records == len(value["value"])
    return value, report, stream.getvalue()


def media_of(*items: MatchedItem) -> list[dict[str, Any]]:
    media: list[dict[str, Any]] = exported(results.result(items=items))[0]["value"]
    return media


def context(*items: MatchedItem) -> str:
    text: str = exported(results.result(items=items))[0]["@odata.context"]
    return text


def said(dialect: Dialect, code: str, **more: Any) -> Verdict:
    return Verdict(category=Category(dialect, code), **more)


# --- the data model -----------------------------------------------------------------------------


class Model:
    """Property names, types and nullability, read from the EDMX."""

    def __init__(self, path: Path) -> None:
        self.entities: dict[str, dict[str, tuple[str, bool]]] = {}
        self.links: dict[str, dict[str, str]] = {}
        for entity in ElementTree.parse(path).iter(EDM + "EntityType"):
            name = entity.attrib["Name"]
            self.entities[name] = {
                p.attrib["Name"]: (p.attrib["Type"], p.get("Nullable") != "false")
                for p in entity.iter(EDM + "Property")
            }
            self.links[name] = {
                p.attrib["Name"]: p.attrib["Type"] for p in entity.iter(EDM + "NavigationProperty")
            }

    def check(self, entity: str, value: dict[str, Any]) -> None:
        for name, inner in value.items():
            if name in self.links[entity]:
                kind = re.fullmatch(r"Collection\(CEModel\.(\w+)\)", self.links[entity][name])
                assert kind is not None
                for one in inner:
                    self.check(kind[1], one)
            else:
                assert CHECKS[self.entities[entity][name][0]](inner), (name, inner)
        for name, (_, nullable) in self.entities[entity].items():
            assert nullable or value.get(name) is not None, name


def _whole(bits: int) -> Any:
    limit = 2 ** (bits - 1)
    return lambda v: type(v) is int and -limit <= v < limit


CHECKS = {
    "Edm.String": lambda v: type(v) is str,
    "Edm.Boolean": lambda v: type(v) is bool,
    "Edm.Byte": lambda v: type(v) is int and 0 <= v <= 255,
    "Edm.Int32": _whole(32),
    "Edm.Int64": _whole(64),
    "Edm.DateTimeOffset": lambda v: re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)", v
    ),
}


@pytest.fixture(scope="session")
def model(shared_data: Path) -> Model:
    return Model(shared_data / "vics" / "ProjectVicDataModel.2.0.xml")


@given(result=any_result)
def test_every_media_is_valid_under_the_model(model: Model, result: SessionResult) -> None:
    value, report, _ = exported(result)
    assert value["@odata.context"].endswith("/$metadata#Media")
    for number, media in enumerate(value["value"], 1):
        model.check("Media", media)
        assert media["MediaID"] == number
        assert re.fullmatch("[0-9A-F]{32}", media["MD5"])
    without = [n for n, item in enumerate(result.items) if MD5 not in item.digests]
    assert [(entry.position, entry.reason) for entry in report.left_out] == [
        (position, NO_MD5) for position in without
    ]


def test_the_published_example_passes_the_same_check_of_names(
    model: Model, shared_data: Path
) -> None:
    """Guards the checker itself. The example's booleans are strings, so types are not compared."""
    example = json.loads((shared_data / "vics" / "vics-2.0-example.json").read_text())
    for media in example["value"]:
        known = model.entities["Media"] | model.links["Media"]
        assert set(media) <= set(known)
        with pytest.raises(AssertionError):
            model.check("Media", media)


# --- what is written ----------------------------------------------------------------------------


def test_hashes_go_where_vics_keeps_them() -> None:
    (media,) = media_of(results.item(3))
    digests = results.digests(3)
    assert media["MD5"] == digests[MD5].upper()
    assert media["SHA1"] == digests[SHA1].upper()
    assert media["AlternativeHashes"] == [
        {"MD5": media["MD5"], "HashName": "SHA256", "HashValue": digests[SHA256].upper()}
    ]
    assert media["IsPrecategorized"] is False
    assert not {"Category", "VictimIdentified", "OffenderIdentified", "IsDistributed"} & set(media)


def test_without_md5_an_item_is_reported_and_none_is_invented() -> None:
    items = (results.item(1), results.item(2, digests=results.digests(2, SHA1)))
    value, report, data = exported(results.result(items=items))
    assert len(value["value"]) == 1
    assert report.left_out == (LeftOut(1, NO_MD5),)
    assert results.digests(2)[MD5].upper().encode() not in data
    only = exported(results.result(items=items[1:]))
    assert only[0]["value"] == []


def test_category_under_its_own_dialect() -> None:
    item = results.item(
        verdicts=(("a", said(Dialect.UK, "1")), ("b", said(Dialect.UK, "1")), ("c", Verdict()))
    )
    assert context(item).endswith("/DataModels/2.0.xml/UK/$metadata#Media")
    (media,) = media_of(item)
    assert media["Category"] == 1


@pytest.mark.parametrize(
    "verdicts",
    [
        (said(Dialect.UK, "1"), said(Dialect.UK, "2")),
        (said(Dialect.UK, "1"), said(Dialect.US, "1")),
        (said(Dialect.ICSE, "1"),),
        (said(Dialect.TEXT, "KiPo"),),
        (said(Dialect.US, "256"),),
        (said(Dialect.US, "²"),),
    ],
)
def test_no_category_where_the_own_verdicts_do_not_give_one(verdicts: tuple[Verdict, ...]) -> None:
    item = results.item(verdicts=tuple(("a", verdict) for verdict in verdicts))
    value, report, _ = exported(results.result(items=(item,)))
    assert "Category" not in value["value"][0]
    assert report.categories_left_out == 1
    assert value["@odata.context"].endswith("/Default/$metadata#Media")


def test_one_dialect_a_file_and_the_others_keep_silent() -> None:
    items = (
        results.item(1, verdicts=(("a", said(Dialect.US, "0")),)),
        results.item(2, verdicts=(("a", said(Dialect.UK, "2")),)),
        results.item(3, verdicts=(("a", said(Dialect.UK, "3")),)),
    )
    value, report, _ = exported(results.result(items=items))
    assert "/UK/" in value["@odata.context"]
    assert [media.get("Category") for media in value["value"]] == [None, 2, 3]
    assert report.categories_left_out == 1


def test_the_peers_word_never_becomes_the_own_verdict() -> None:
    told = said(Dialect.US, "1", victim_identified=True, country="BR", series=("Op; X",))
    own = Verdict(victim_identified=False, series=("S1", "S2"), dated="2023-06-07", source="me")
    (media,) = media_of(
        results.item(verdicts=(("a", own),), records=(results.record(told),), size=9)
    )
    assert media["VictimIdentified"] is False
    assert "Category" not in media
    assert media["Series"] == "S1|S2"
    assert media["DateUpdated"] == "2023-06-07T00:00:00Z"
    assert media["PrecategorizationSource"] == "me"
    assert media["MediaSize"] == 9
    assert media["Tags"].split(";") == [
        "psihash",
        "psihash:peer=nl-police",
        "psihash:session=" + "ab" * 6,
        "psihash:identified-there",
        "psihash:identified-there-open-here",
        "psihash:country=BR",
        "psihash:category-there=us:1",
    ]
    for word in ("nl-police", "Library", "Op; X", "victim identified", "BR", "desk@example.org"):
        assert word in media["Comments"]


def test_a_peers_label_cannot_forge_a_tag_or_flood_a_form() -> None:
    evil = Verdict(
        category=Category(Dialect.TEXT, "", "x;psihash:identified-there,y\n"),
        series=tuple(f"\u202eSeries {n}" for n in range(5000)),
    )
    (media,) = media_of(results.item(records=(results.record(evil),)))
    assert "psihash:identified-there" not in re.split("[;,]", media["Tags"])
    assert len(media["Comments"]) <= 2000
    assert "\u202e" not in media["Comments"]
    assert "\n" not in media["Tags"] + media["Comments"]


@pytest.mark.parametrize(("media_type", "expected"), [("image/png", "image/png"), ("Image", None)])
def test_only_a_mime_type_is_a_mime_type(media_type: str, expected: str | None) -> None:
    (media,) = media_of(results.item(media_type=media_type))
    assert media.get("MimeType") == expected


# --- reading it back ----------------------------------------------------------------------------


@given(result=any_result)
def test_our_own_reader_finds_the_same_digests_and_verdicts(result: SessionResult) -> None:
    _, _, data = exported(result)
    rows = list(by_name("vics").read(io.BytesIO(data)))
    kept = sorted(result.items, key=lambda item: not item.identified_there_open_here)
    kept = [item for item in kept if MD5 in item.digests]
    assert len(rows) == len(kept)
    for row, item in zip(rows, kept, strict=True):
        assert isinstance(row, Row)
        assert {d.algorithm: d.raw.hex() for d in row.digests} == item.digests
        verdict = row.verdict or Verdict()
        stated = {v.victim_identified for _, v in item.verdicts} - {None}
        assert verdict.victim_identified is (True in stated if stated else None)


def test_it_is_known_for_what_it_is() -> None:
    *_, data = exported(results.result(items=(results.item(1),)))
    assert sniff(data).name == "vics"


def test_no_picture_goes_out() -> None:
    *_, data = exported(results.result(items=(results.item(1),)))
    assert b"Miniature" not in data
    assert base64.b64encode(b"\xff\xd8\xff")[:4] not in data
