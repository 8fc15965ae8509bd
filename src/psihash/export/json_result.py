"""JSON for programs: everything that the result holds, in stable fields (``psihash-result/1``).

Plain UTF-8 JSON with one item a line, not canonical: nothing is signed here. The fields are
documented in ``docs/exports.md``; new ones may be added, none is renamed within a version.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO, Final

from psihash.casework.handling import Handling
from psihash.export.report import (
    ExportReport,
    first_things_first,
    identified_there_open_here,
    link_bounds,
)
from psihash.session.result import Link, MatchedItem, SessionResult, verdict_dict

SCHEMA: Final = "psihash-result/1"


def write_json(
    result: SessionResult, stream: BinaryIO, handling: Handling | None = None
) -> ExportReport:
    """Write the document; memory is bounded by one item and the links."""
    told = {"handling": None if handling is None else handling.to_dict()}
    head = _text(_head(result) | told).removesuffix("}")
    written = stream.write((head + ',"items":[').encode())
    separator = "\n"
    for _, item in first_things_first(result):
        written += stream.write((separator + _text(_item(result, item))).encode())
        separator = ",\n"
    written += stream.write(b"\n]}\n")
    return ExportReport("json", len(result.items), written)


def _text(value: dict[str, Any]) -> str:
    return _ENCODER.encode(value)


# ASCII escapes keep marks that reverse text from acting in whatever shows the file.
_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def _head(result: SessionResult) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "session": result.session,
        "peer": result.peer,
        "agreement": result.agreement,
        "role": result.role.value,
        "rung": result.rung.value,
        "learn": result.learn.value,
        "engine": result.engine,
        "case": result.case,
        "peer_case": result.peer_case,
        "opened": result.opened,
        "closed": result.closed,
        "receipt": result.receipt,
        "algorithms": {
            name.value: {"own": part.own, "matched": part.matched}
            for name, part in result.algorithms.items()
        },
        "matched_items": result.matched_items,
        "matched_items_min": result.matched_items_min,
        "matched_items_max": result.matched_items_max,
        "quarantined_items": len(result.quarantined),
        "links": [_link(result, link) for link in result.links],
    }


def _link(result: SessionResult, link: Link) -> dict[str, Any]:
    least, most = link_bounds(result, link)
    return {
        "own": link.own,
        "peer": link.peer,
        "matched": least if least == most else None,
        "matched_min": least,
        "matched_max": most,
    }


def _item(result: SessionResult, item: MatchedItem) -> dict[str, Any]:
    return {
        "identified_there_open_here": identified_there_open_here(result, item),
        "digests": {name.value: text for name, text in item.digests.items()},
        "further_digests": [
            {"algorithm": name.value, "digest": text} for name, text in item.further_digests
        ],
        "matched_by": [name.value for name in item.matched_by],
        "media_type": item.media_type,
        "size": item.size,
        "collections": list(item.collections),
        "verdicts": [{"collection": name} | verdict_dict(v) for name, v in item.verdicts],
        "peer_collections": list(item.peer_collections),
        "records": [
            {
                "collection": record.collection,
                "kind": record.kind.value,
                "votes": len(record.verdicts),
                "verdicts": [verdict_dict(verdict) for verdict in record.verdicts],
                "contact": record.contact,
            }
            for record in item.records
        ],
    }
