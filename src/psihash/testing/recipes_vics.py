"""Recipes for VICS JSON with the defects that were measured in real exports."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from psihash.hashset.model import Reason
from psihash.terms import AlgorithmId, CollectionKind
from psihash.testing import recipes
from psihash.testing.items import Draw, Item, Statement
from psihash.testing.recipes import Entry, Tally

_CONTEXT_2 = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/{}/$metadata#{}"
_CONTEXT_1 = "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media"


@dataclass(frozen=True, slots=True)
class Vics:
    """VICS 2.0, or 1.3 where ``dialect`` is empty.

    Several entries per MD5 with the verdict on any one of them; ``IsPrecategorized`` true beside a
    null category; SHA1 absent, null or empty; booleans and sizes as strings; dates in two forms;
    a few lower-case digests; the empty file as category 1; ``Miniature`` full of junk.
    """

    name: str
    dialect: str
    shape: str
    """``Media`` (a hash set) or ``Cases`` (a case export)."""
    kind: CollectionKind
    bom: bool
    newline: str

    format: str = "vics"
    suffix: str = ".json"
    states_flags: bool = True

    def algorithms(self, item: Item) -> Sequence[AlgorithmId]:
        stated = [AlgorithmId.MD5]
        if item.draw(Draw.SHA1, 4):
            stated.append(AlgorithmId.SHA1)
        if self.dialect and item.draw(Draw.SHA256, 2):
            stated.append(AlgorithmId.SHA256)
        return stated

    def sha1_conflict(self, item: Item) -> bool:
        has_sha1 = item.draw(Draw.SHA1, 4) != 0
        return has_sha1 and self._entries(item) > 1 and item.draw(Draw.CONFLICT, 20) == 0

    def write(self, stream: BinaryIO, entries: Iterable[Entry]) -> Tally:
        tally = Tally()
        head, tail = self._wrapper()
        stream.write((b"\xef\xbb\xbf" if self.bom else b"") + head.encode())
        separator = self.newline
        for number, record in enumerate(self._records(entries, tally)):
            if self.dialect:
                record = {"MediaID": number, **record}
            text = json.dumps(record, ensure_ascii=False)
            # The serialiser that writes such dates escapes their slashes.
            text = text.replace('"/Date(', '"\\/Date(').replace(')/"', ')\\/"')
            stream.write((separator + text).encode())
            separator = "," + self.newline
        stream.write((self.newline + tail + self.newline).encode())
        return tally

    def _wrapper(self) -> tuple[str, str]:
        if not self.dialect:
            return f'{{"odata.metadata":"{_CONTEXT_1}","value":[', "]}"
        context = _CONTEXT_2.format(self.dialect, self.shape)
        head = f'{{"@odata.context":"{context}","value":['
        if self.shape == "Media":
            return head, "]}"
        case = (
            '{"CaseID":"6f1c9b1e-0000-4000-8000-000000000042","CaseNumber":"2026-0042",'
            '"SourceApplicationName":"synthetic","TotalMediaFiles":1,"CaseMetadata":[],"Media":['
        )
        return head + case, "]}]}"

    def _records(self, entries: Iterable[Entry], tally: Tally) -> Iterator[dict[str, Any]]:
        for position, (item, said) in enumerate(entries):
            for record in self._entries_of(item, said, tally):
                tally.rows += 1
                yield record
            if recipes.damage_after(position):
                yield from self._damaged(item, tally)
        tally.exclude(recipes.EMPTY_MD5)
        yield {
            "MD5": recipes.EMPTY_MD5.upper(),
            "SHA1": recipes.EMPTY_SHA1.upper(),
            "Category": 1,
            "MediaSize": 0,
            "IsPrecategorized": "true",
        }

    def _damaged(self, item: Item, tally: Tally) -> Iterator[dict[str, Any]]:
        tally.refuse(Reason.BAD_LENGTH)
        yield {"MD5": recipes.bad_md5(item, 33), "Category": 1, "IsPrecategorized": "false"}
        tally.refuse(Reason.NO_DIGEST)
        yield {"MD5": "", "Category": 2, "IsPrecategorized": "false"}

    def _entries(self, item: Item) -> int:
        return 1 if item.draw(Draw.ENTRIES, 4) else 2 + item.draw(Draw.VERDICT_ENTRY, 3)

    def _entries_of(self, item: Item, said: Statement, tally: Tally) -> Iterator[dict[str, Any]]:
        count = self._entries(item)
        speaking = item.draw(Draw.VERDICT_ENTRY, count)
        torn = count > 1 and item.draw(Draw.CONFLICT, 10) == 1
        tally.conflicts_category += torn
        tally.conflicts_sha1 += self.sha1_conflict(item)
        for number in range(count):
            record = self._bare(item, number)
            if number == speaking:
                record |= self._verdict(said) | ({"Category": 1} if torn else {})
            elif torn and number == (speaking + 1) % count:
                record["Category"] = 2
            if self.sha1_conflict(item) and number == 1:
                record["SHA1"] = recipes.spelled(item, item.other_sha1.hex())
            yield record

    def _bare(self, item: Item, number: int) -> dict[str, Any]:
        """An entry without a verdict: what a tool writes for each further copy of a file."""
        md5 = recipes.spelled(item, recipes.md5(item))
        bytes_ = recipes.size(item)
        record: dict[str, Any] = {
            "MD5": md5,
            "Category": None,
            "MediaSize": str(bytes_) if item.draw(Draw.NAME, 2) else bytes_,
            "IsPrecategorized": self._flag(True),
            "MimeType": "video/mp4" if recipes.is_video(item) else "image/jpeg",
            "RelativeFilePath": f"Image\\{number}\\{recipes.file_name(item)}",
            "MediaFiles": [
                {
                    "MD5": md5,
                    "MediaFileID": number,
                    "FileName": recipes.file_name(item),
                    "FilePath": f"E:\\Fall 0042\\Träger {number}",
                }
            ],
        }
        self._add_hashes(record, item, md5)
        if not self.dialect:
            record["odata.id"] = f'Media("{md5}")'
            record["Miniature"] = base64.b64encode(item.noise * 4).decode()
        return record

    def _add_hashes(self, record: dict[str, Any], item: Item, md5: str) -> None:
        stated = self.algorithms(item)
        if AlgorithmId.SHA1 in stated:
            record["SHA1"] = recipes.spelled(item, recipes.sha1(item))
        elif item.draw(Draw.NAME, 3):
            record["SHA1"] = "" if item.draw(Draw.NAME, 3) == 1 else None
        if AlgorithmId.SHA256 in stated:
            value = recipes.spelled(item, recipes.sha256(item))
            record["AlternativeHashes"] = [{"MD5": md5, "HashName": "SHA256", "HashValue": value}]
        if item.draw(Draw.OTHER_HASH, 3) == 0:
            record["PhotoDNA"] = base64.b64encode((item.noise * 3)[:144]).decode()

    def _verdict(self, said: Statement) -> dict[str, Any]:
        flags = {
            "VictimIdentified": said.victim_identified,
            "OffenderIdentified": said.offender_identified,
            "IsDistributed": said.distributed,
        }
        # Not stated is absent for one flag and null for another, as exporters differ.
        stated = {
            name: None if flag is None else self._flag(flag)
            for name, flag in flags.items()
            if flag is not None or name == "IsDistributed"
        }
        return stated | {
            "Category": said.category,
            "Series": said.series,
            "Tags": "synthetic;psihash-testing",
            "DateUpdated": self._date(said.dated_ms),
        }

    def _flag(self, flag: bool) -> bool | str:
        if self.shape == "Cases":
            return flag
        return str(flag).lower() if self.dialect else str(flag)

    def _date(self, milliseconds: int) -> str:
        if not self.dialect:
            return f"/Date({milliseconds})/"
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}0Z"
