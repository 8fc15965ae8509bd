"""Recipes for lists in lines: ICSE and Griffeye CSV, other CSV, hashdeep, NSRL, plain digests."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from psihash.hashset.model import Reason
from psihash.terms import AlgorithmId, CollectionKind
from psihash.testing import recipes
from psihash.testing.items import Draw, Item, Statement
from psihash.testing.recipes import Entry, Tally

_MD5, _SHA1, _SHA256 = AlgorithmId.MD5, AlgorithmId.SHA1, AlgorithmId.SHA256


@dataclass(frozen=True, slots=True)
class _Lines:
    """What all line recipes share: one row per item, no second SHA-1."""

    name: str
    format: str
    suffix: str
    kind: CollectionKind
    stated: tuple[AlgorithmId, ...]
    """The digests of every row, unless the recipe leaves some out."""
    states_flags: bool = False

    def algorithms(self, _item: Item, /) -> Sequence[AlgorithmId]:
        return self.stated

    def sha1_conflict(self, _item: Item, /) -> bool:
        return False


def _write(stream: BinaryIO, rows: Iterator[str], encoding: str, newline: str) -> None:
    for row in rows:
        stream.write((row + newline).encode(encoding))


class Icse(_Lines):
    """The 16-column INTERPOL layout: an empty 17th cell, three spellings of a boolean, CRLF."""

    HEADER = (
        "MD5;SHA1;ZZ40;PhotoDNA;Lace;Image ID;Is distributed;Victim identified;Offender identified;"
        "Series name;Investigation name;Agency;Number of submissions;File Available;Media Type;"
        "Baseline;"
    )

    def algorithms(self, item: Item, /) -> Sequence[AlgorithmId]:
        return self.stated if item.draw(Draw.SHA1, 10) else (_MD5,)

    def write(self, stream: BinaryIO, entries: Iterable[Entry]) -> Tally:
        tally = Tally()
        _write(stream, self._rows(entries, tally), "utf-8", "\r\n")
        return tally

    def _rows(self, entries: Iterable[Entry], tally: Tally) -> Iterator[str]:
        yield self.HEADER
        for position, (item, said) in enumerate(entries):
            sha1 = recipes.sha1(item) if _SHA1 in self.algorithms(item) else ""
            tally.rows += 1
            yield self._row(item, said, recipes.md5(item), sha1)
            if recipes.damage_after(position):
                tally.refuse(Reason.BAD_LENGTH)
                yield self._row(item, said, recipes.bad_md5(item, 33), "")
                tally.refuse(Reason.BAD_CHARACTERS)
                yield self._row(item, said, "z" + recipes.bad_md5(item, 31), "")

    def _row(self, item: Item, said: Statement, md5: str, sha1: str) -> str:
        has_other = item.draw(Draw.OTHER_HASH, 2) == 0
        cells = (
            md5,
            sha1,
            item.noise[:16].hex().upper(),
            (item.noise * 3)[:144].hex().upper() if has_other else "",
            base64.b64encode((item.noise * 3)[:129]).decode() if has_other else "",
            str(item.index % 10_000_000),
            _yes_no(said.distributed, "Y", "N"),
            _yes_no(said.victim_identified, "Y", "N"),
            _yes_no(said.offender_identified, "Y", "N"),
            said.series,
            "Investigation 0042",
            "Synthetic Agency",
            str(said.submissions),
            "True" if has_other else "False",
            "Video" if recipes.is_video(item) else "Image",
            "Yes" if said.category == 1 else "No",
        )
        return ";".join(cells) + ";"


class Griffeye(_Lines):
    """The grid of Griffeye as CSV: BOM, quotes, labels for categories, local dates, comments that
    run over two lines."""

    COLUMNS = (
        "Binary Copies", "Bookmarks", "Can File Be Opened?", "Category", "Created Date",
        "Database Match Conflict", "DB: National", "DB: ICSE", "Deleted?", "Directory Path",
        "Distributed", "File Extension", "File Name", "File Size", "File Type", "Height",
        "Identified", "Is Animated", "Last Write Time", "MD5", "Mime Type", "Nudity Level",
        "PhotoDNA", "Series Name", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "Source ID", "Tags",
        "Unallocated", "User Comment", "Visual Copies", "Width",
    )  # fmt: skip
    LABELS = ("Non-Pertinent", "CAM", "Child Exploitive / Age Difficult", "CGI", "Comparison")

    def algorithms(self, item: Item, /) -> Sequence[AlgorithmId]:
        return self.stated if item.draw(Draw.SHA256, 3) else (_MD5, _SHA1)

    def write(self, stream: BinaryIO, entries: Iterable[Entry]) -> Tally:
        tally = Tally()
        stream.write(b"\xef\xbb\xbf")
        _write(stream, self._rows(entries, tally), "utf-8", "\r\n")
        return tally

    def _rows(self, entries: Iterable[Entry], tally: Tally) -> Iterator[str]:
        yield self._line(self.COLUMNS)
        for position, (item, said) in enumerate(entries):
            tally.rows += 1
            yield self._line(self._cells(item, said))
            if recipes.damage_after(position):
                tally.refuse(Reason.NO_DIGEST)
                empty = {"MD5": "", "SHA-1": "", "SHA-256": "", "PhotoDNA": ""}
                yield self._line(self._cells(item, said, empty))
        tally.exclude(recipes.EMPTY_MD5)
        yield self._line(
            ("CAM" if column == "Category" else recipes.EMPTY_MD5 if column == "MD5" else "")
            for column in self.COLUMNS
        )

    def _line(self, cells: Iterable[str]) -> str:
        return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)

    def _cells(
        self, item: Item, said: Statement, replaced: dict[str, str] | None = None
    ) -> Iterator[str]:
        name = recipes.file_name(item)
        with_sha256 = _SHA256 in self.algorithms(item)
        when = datetime.fromtimestamp(said.dated_ms // 1000, UTC)
        known = {
            "Binary Copies": "1",
            "Category": self.LABELS[said.category],
            "Created Date": f"{when:%d/%m/%Y %H:%M:%S}",
            "DB: National": str(said.category),
            "DB: ICSE": "-1",
            "Directory Path": "E:\\Fall 0042\\Träger 1",
            "Distributed": _yes_no(said.distributed, "True", "False"),
            "File Name": name,
            "File Size": str(recipes.size(item)),
            "Identified": _yes_no(said.victim_identified, "True", "False"),
            "MD5": recipes.md5(item),
            "Mime Type": "video/mp4" if recipes.is_video(item) else "image/jpeg",
            "Series Name": said.series,
            "SHA-1": recipes.sha1(item),
            "SHA-256": recipes.sha256(item) if with_sha256 else "",
            "User Comment": 'seen,\r\nand "checked"' if item.draw(Draw.NAME, 9) == 0 else "",
        }
        known |= replaced or {}
        return (known.get(column, "") for column in self.COLUMNS)


class Table(_Lines):
    """Somebody's own CSV with semicolons, as an analyst saves it from a spreadsheet."""

    def write(self, stream: BinaryIO, entries: Iterable[Entry]) -> Tally:
        tally = Tally()
        stream.write(b"\xef\xbb\xbf")
        _write(stream, self._rows(entries, tally), "utf-8", "\r\n")
        return tally

    def _rows(self, entries: Iterable[Entry], tally: Tally) -> Iterator[str]:
        yield "MD5;SHA-256;Category;Series;Victim identified;Country"
        for position, (item, said) in enumerate(entries):
            tally.rows += 1
            flag = _yes_no(said.victim_identified, "yes", "no")
            rest = f"{said.category};{said.series};{flag};{said.country or ''}"
            yield f"{recipes.md5(item)};{recipes.sha256(item)};{rest}"
            if recipes.damage_after(position):
                tally.refuse(Reason.BAD_LENGTH)
                yield f"{recipes.bad_md5(item, 33)};;{rest}"


class Hashdeep(_Lines):
    """hashdeep with sizes; Latin-1 names with commas in the last, unquoted column."""

    def write(self, stream: BinaryIO, entries: Iterable[Entry]) -> Tally:
        tally = Tally()
        _write(stream, self._rows(entries, tally), "iso-8859-1", "\n")
        return tally

    def _rows(self, entries: Iterable[Entry], tally: Tally) -> Iterator[str]:
        yield "%%%% HASHDEEP-1.0"
        yield "%%%% size,md5,sha256,filename"
        yield "## Invoked from: /evidence/0042"
        yield "## $ hashdeep -c md5,sha256 -r ."
        yield "## "
        for position, (item, _) in enumerate(entries):
            tally.rows += 1
            name = f"/evidence/0042/{recipes.file_name(item)}"
            yield f"{recipes.size(item)},{recipes.md5(item)},{recipes.sha256(item)},{name}"
            if recipes.damage_after(position):
                tally.refuse(Reason.BAD_LENGTH)
                yield f"1,{recipes.bad_md5(item, 31)},{recipes.sha256(item)},{name}"
        tally.exclude(recipes.EMPTY_MD5)
        yield f"0,{recipes.EMPTY_MD5},{recipes.EMPTY_SHA256},/evidence/0042/empty"


class Plain(_Lines):
    """One digest a line, comments and blank lines between."""

    def write(self, stream: BinaryIO, entries: Iterable[Entry]) -> Tally:
        tally = Tally()
        _write(stream, self._rows(entries, tally), "ascii", "\r\n")
        return tally

    def _rows(self, entries: Iterable[Entry], tally: Tally) -> Iterator[str]:
        (algorithm,) = self.stated
        yield "# synthetic list"
        yield ""
        for position, (item, _) in enumerate(entries):
            tally.rows += 1
            yield recipes.spelled(item, item.digest(algorithm).hex())
            if recipes.damage_after(position):
                tally.refuse(Reason.BAD_LENGTH)
                yield recipes.bad_md5(item, 33)
        trivial = (
            (recipes.EMPTY_SHA1,) if algorithm is _SHA1 else (recipes.EMPTY_MD5, recipes.ZERO_MD5)
        )
        for digest in trivial:
            tally.exclude(digest)
            yield digest


class Nsrl(_Lines):
    """NSRL RDS 2.0: quoted, capitals, Latin-1 names."""

    HEADER = (
        '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"'
    )

    def write(self, stream: BinaryIO, entries: Iterable[Entry]) -> Tally:
        tally = Tally()
        _write(stream, self._rows(entries, tally), "iso-8859-1", "\r\n")
        return tally

    def _rows(self, entries: Iterable[Entry], tally: Tally) -> Iterator[str]:
        yield self.HEADER
        for position, (item, _) in enumerate(entries):
            tally.rows += 1
            yield self._row(item, recipes.sha1(item), recipes.md5(item))
            if recipes.damage_after(position):
                tally.refuse(Reason.BAD_LENGTH)
                yield self._row(item, recipes.sha1(item), recipes.bad_md5(item, 33))
        tally.exclude(recipes.EMPTY_MD5)
        empty = f'"{recipes.EMPTY_SHA1.upper()}","{recipes.EMPTY_MD5.upper()}"'
        yield f'{empty},"00000000","    ___",0,7828,"OS8",""'

    def _row(self, item: Item, sha1: str, md5: str) -> str:
        crc = item.noise[:4].hex().upper()
        name = recipes.file_name(item)
        return (
            f'"{sha1.upper()}","{md5.upper()}","{crc}","{name}",{recipes.size(item)},3192,"WIN",""'
        )


def _yes_no(flag: bool | None, yes: str, no: str) -> str:
    return "" if flag is None else (yes if flag else no)
