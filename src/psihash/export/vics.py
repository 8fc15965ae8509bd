"""VICS 2.0 JSON (a ``#Media`` hash set), so that a match goes back into Griffeye and its like.

Written after the VICS 2.0 data model (EDMX, namespace CEModel). What this agency said of an item
stands in the item's own properties; what the peer said stands in ``Tags`` and ``Comments`` only,
so that taking the file back never overwrites an own verdict with somebody else's.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, BinaryIO, Final

from psihash.casework.handling import Handling
from psihash.export.report import (
    NO_MD5,
    ExportReport,
    LeftOut,
    any_says,
    first_things_first,
    one_line,
)
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.session.result import MatchedItem, PeerRecord, SessionResult
from psihash.terms import AlgorithmId

CONTEXT: Final = (
    "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/{dialect}/$metadata#Media"
)
DIALECT_SEGMENTS: Final = {
    Dialect.US: "US",
    Dialect.UK: "UK",
    Dialect.DEFAULT: "Default",
    Dialect.CUSTOM: "CUSTOM",
}
"""The path segment of the context is the category dialect; other dialects have no place in VICS."""

MAX_COMMENT: Final = 2000
"""Characters of a comment: an item in a hundred collections of the peer must not flood a form."""

MAX_TAG: Final = 100

_ALTERNATIVE: Final = (
    AlgorithmId.SHA224,
    AlgorithmId.SHA256,
    AlgorithmId.SHA384,
    AlgorithmId.SHA512,
)
_MIME = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def write_vics(
    result: SessionResult, stream: BinaryIO, handling: Handling | None = None
) -> ExportReport:
    """Write the hash set; items without MD5 cannot be in it and are listed in the report."""
    dialect = _file_dialect(result)
    context = json.dumps(CONTEXT.format(dialect=DIALECT_SEGMENTS[dialect]))
    written = stream.write(f'{{"@odata.context":{context},"value":['.encode())
    media_id = 0
    left_out: list[LeftOut] = []
    uncategorised = 0
    for position, item in first_things_first(result):
        if AlgorithmId.MD5 not in item.digests:
            left_out.append(LeftOut(position, NO_MD5))
            continue
        media_id += 1
        media = _media(result, item, media_id, dialect)
        if handling is not None:
            media["Tags"] += f";psihash:handling={handling.code};psihash:tlp={handling.tlp}"
        if "Category" not in media and any(v.category for _, v in item.verdicts):
            uncategorised += 1
        text = json.dumps(media, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        written += stream.write((",\n" if media_id > 1 else "\n").encode() + text.encode())
    written += stream.write(b"\n]}\n")
    left_out.sort(key=lambda entry: entry.position)
    return ExportReport("vics", media_id, written, tuple(left_out), uncategorised)


def _file_dialect(result: SessionResult) -> Dialect:
    """One file speaks one dialect: the one in which most items have an agreed category."""
    votes = Counter(
        category.dialect
        for item in result.items
        if (category := _agreed_category(item)) is not None
    )
    return max(DIALECT_SEGMENTS, key=lambda dialect: votes[dialect]) if votes else Dialect.DEFAULT


def _agreed_category(item: MatchedItem) -> Category | None:
    """The category that all own verdicts share, if VICS can write it (a byte, a VICS dialect)."""
    stated = [v.category for _, v in item.verdicts if v.category is not None]
    if len({(category.dialect, category.code) for category in stated}) != 1:
        return None
    category = stated[0]
    code = category.code
    writable = code.isascii() and code.isdigit() and len(code) <= 3 and int(code) <= 255
    return category if writable and category.dialect in DIALECT_SEGMENTS else None


def _media(
    result: SessionResult, item: MatchedItem, media_id: int, dialect: Dialect
) -> dict[str, Any]:
    """One ``Media`` entity. Properties that are not stated are absent, never false or null."""
    verdicts = [verdict for _, verdict in item.verdicts]
    md5 = item.digests[AlgorithmId.MD5].upper()
    sha1 = item.digests.get(AlgorithmId.SHA1)
    category = _agreed_category(item)
    optional: dict[str, Any] = {
        "Category": int(category.code) if category and category.dialect is dialect else None,
        "SHA1": sha1.upper() if sha1 else None,
        "VictimIdentified": any_says(v.victim_identified for v in verdicts),
        "OffenderIdentified": any_says(v.offender_identified for v in verdicts),
        "IsDistributed": any_says(v.distributed for v in verdicts),
        "Series": _series(verdicts),
        "MediaSize": item.size,
        "DateUpdated": _date_updated(verdicts),
        "PrecategorizationSource": _source(verdicts),
        "MimeType": _mime_type(item.media_type),
        "AlternativeHashes": _alternative_hashes(item, md5) or None,
    }
    return {
        "MediaID": media_id,
        "MD5": md5,
        "IsPrecategorized": False,
        **{name: value for name, value in optional.items() if value is not None},
        "Tags": ";".join(_tags(result, item)),
        "Comments": _comment(result, item),
    }


def _alternative_hashes(item: MatchedItem, md5: str) -> list[dict[str, str]]:
    found = [(name, item.digests[name]) for name in _ALTERNATIVE if name in item.digests]
    return [
        {"MD5": md5, "HashName": name.value.upper(), "HashValue": text.upper()}
        for name, text in (*found, *item.further_digests)
    ]


def _mime_type(media_type: str | None) -> str | None:
    return media_type if media_type and _MIME.fullmatch(media_type) else None


def _date_updated(verdicts: list[Verdict]) -> str | None:
    """The latest own date. The model wants date and time, so a bare date gets midnight UTC."""
    latest = max((v.dated for v in verdicts if v.dated), default=None)
    if latest is not None and _DATE.fullmatch(latest):
        return latest + "T00:00:00Z"
    return latest


def _tags(result: SessionResult, item: MatchedItem) -> list[str]:
    """Words to filter by. Semicolons, and in some tools commas, part tags: no tag may hold one."""
    told = [verdict for record in item.records for verdict in record.verdicts]
    tags = ["psihash", f"psihash:peer={result.peer}", f"psihash:session={result.session[:12]}"]
    if any_says(v.victim_identified for v in told):
        tags.append("psihash:identified-there")
    if item.identified_there_open_here:
        tags.append("psihash:identified-there-open-here")
    tags += [f"psihash:country={country}" for country in _sorted(v.country for v in told)]
    tags += [
        f"psihash:category-there={category}"
        for category in _sorted(_category_text(v.category) for v in told)
    ]
    return [re.sub("[;,]", " ", one_line(tag))[:MAX_TAG] for tag in tags]


def _category_text(category: Category | None) -> str | None:
    return f"{category.dialect.value}:{category.code or category.label}" if category else None


def _comment(result: SessionResult, item: MatchedItem) -> str:
    parts = [f"psihash: also held by {result.peer}, session {result.session[:12]}, {result.closed}"]
    if item.records:
        parts += [_record_text(record) for record in item.records]
    elif item.peer_collections:
        parts.append("there in " + ", ".join(item.peer_collections))
    text = one_line("; ".join(parts))
    return text if len(text) <= MAX_COMMENT else text[: MAX_COMMENT - 4] + " ..."


def _record_text(record: PeerRecord) -> str:
    facts = [f"there in {record.collection} ({record.kind.value})"]
    facts += [
        f"category {text}" for text in _sorted(_category_text(v.category) for v in record.verdicts)
    ]
    identified = any_says(v.victim_identified for v in record.verdicts)
    if identified is not None:
        facts.append("victim identified" if identified else "victim not identified")
    facts += [f"series {label}" for label in _sorted(s for v in record.verdicts for s in v.series)]
    facts += [
        f"likely country {country}" for country in _sorted(v.country for v in record.verdicts)
    ]
    facts.append(f"votes {len(record.verdicts)}")
    if record.contact:
        facts.append(f"contact {record.contact}")
    return ", ".join(facts)


def _sorted(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value})


def _series(verdicts: list[Verdict]) -> str | None:
    """VICS has room for one text: several labels stand in it with bars between, as psihash reads
    them back."""
    labels = (one_line(label).replace("|", "/") for v in verdicts for label in v.series)
    return "|".join(dict.fromkeys(labels)) or None


def _source(verdicts: list[Verdict]) -> str | None:
    sources = _sorted(v.source for v in verdicts)
    return one_line(sources[0]) if len(sources) == 1 else None
