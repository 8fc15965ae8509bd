"""Hash lists in clear text: read and written by the tests themselves, with json, csv and re alone.

An entry is one row of a list: algorithm to digest in lower hex. Nothing of psihash is used here,
so what these functions say about two lists is an oracle that no parser of ours can mislead.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

Entry = dict[str, str]

_TRIVIAL = {
    hashlib.new(name, content, usedforsecurity=False).hexdigest()
    for name in ("md5", "sha1", "sha256")
    for content in (b"", b"\0", b"\n", b"\r\n", b" ")
}
"""Files that say nothing; psihash leaves them out (docs/formats.md)."""


def digests(entries: Iterable[Entry], algorithm: str) -> set[str]:
    """The distinct digests of one algorithm that a list should bring into a match."""
    return {
        entry[algorithm]
        for entry in entries
        if algorithm in entry and not _TRIVIAL & set(entry.values())
    }


# -- lists that others wrote -----------------------------------------------------------------------


def read_vics(path: Path) -> list[Entry]:
    value = json.loads(path.read_text("utf-8-sig"))["value"]
    return [
        {name.lower(): media[name].lower() for name in ("MD5", "SHA1") if media.get(name)}
        for media in value
    ]


def read_columns(path: Path, columns: dict[str, str]) -> list[Entry]:
    """A CSV with a header; ``columns`` says which column holds which algorithm."""
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [{name: row[column].lower() for column, name in columns.items()} for row in rows]


def read_hashdeep(path: Path) -> list[Entry]:
    lines = path.read_text().splitlines()
    names = next(line for line in lines if line.startswith("%%%% size"))[5:].split(",")
    rows = [line.split(",", len(names) - 1) for line in lines if line[:1] not in "%#"]
    return [
        {name: cell for name, cell in zip(names, row, strict=True) if name in ("md5", "sha256")}
        for row in rows
    ]


def read_found(path: Path, algorithm: str, digits: int) -> list[Entry]:
    """Every word of so many hexadecimal digits: BSD style, md5deep, plain lists."""
    found = re.findall(rf"\b[0-9a-fA-F]{{{digits}}}\b", path.read_text())
    return [{algorithm: text.lower()} for text in found]


# -- the same lists in other words -----------------------------------------------------------------


def write_vics(path: Path, entries: Sequence[Entry]) -> Path:
    """VICS 2.0 in capitals, with a byte order mark, each file twice, the second without SHA-1."""
    media = []
    for number, entry in enumerate(entries):
        record = {"MediaID": number, "MD5": entry["md5"].upper(), "Category": 1}
        media.append(record | ({"SHA1": entry["sha1"].upper()} if "sha1" in entry else {}))
        media.append({"MediaID": number + 10**6, "MD5": entry["md5"], "SHA1": None})
    context = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media"
    document = {"@odata.context": context, "value": media}
    return _written(path, "\ufeff" + json.dumps(document, indent=1))


def write_plain_md5(path: Path, entries: Sequence[Entry]) -> Path:
    return _written(path, "".join(f"{entry['md5'].upper()}\r\n" for entry in entries))


def write_plain_sha1(path: Path, entries: Sequence[Entry]) -> Path:
    return _written(path, "".join(f"{entry['sha1']}\n" for entry in entries))


def write_bsd(path: Path, entries: Sequence[Entry]) -> Path:
    names = {"md5": "MD5", "sha1": "SHA1"}
    lines = (
        f"{names[algorithm]} (dir/file {number}.jpg) = {digest}\n"
        for algorithm in names
        for number, entry in enumerate(entries)
        if (digest := entry.get(algorithm))
    )
    return _written(path, "".join(lines))


def write_hashdeep(path: Path, entries: Sequence[Entry]) -> Path:
    names = [name for name in ("md5", "sha1", "sha256") if name in entries[0]]
    lines = ["%%%% HASHDEEP-1.0", f"%%%% size,{','.join(names)},filename", "## "]
    lines += [
        ",".join(["1", *(entry[name] for name in names), f"/a, b/{number}.jpg"])
        for number, entry in enumerate(entries)
    ]
    return _written(path, "\n".join(lines) + "\n")


def write_csv(path: Path, entries: Sequence[Entry]) -> Path:
    """As a spreadsheet saves it: semicolons, a name column first."""
    names = {"sha256": "SHA-256", "md5": "MD5", "sha1": "SHA-1"}
    used = [name for name in names if name in entries[0]]
    lines = [";".join(["File", *(names[name] for name in used)])]
    lines += [
        ";".join([f"image {number}.jpg", *(entry[name].upper() for name in used)])
        for number, entry in enumerate(entries)
    ]
    return _written(path, "\r\n".join(lines) + "\r\n")


def write_nsrl(path: Path, entries: Sequence[Entry]) -> Path:
    head = '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"'
    lines = (
        f'"{entry["sha1"].upper()}","{entry["md5"].upper()}","00000001","f{number}",9,1,"WIN",""'
        for number, entry in enumerate(entries)
    )
    return _written(path, "\r\n".join([head, *lines]) + "\r\n")


def write_hashkeeper(path: Path, entries: Sequence[Entry]) -> Path:
    head = (
        '"file_id","hashset_id","file_name","directory","hash","file_size","date_modified",'
        '"time_modified","time_zone","comments","date_accessed","time_accessed"'
    )
    lines = (
        f'{number},671,"f{number}.dll",,"{entry["md5"].upper()}",{number + 1},,,,,,'
        for number, entry in enumerate(entries)
    )
    return _written(path, "\r\n".join([head, *lines]) + "\r\n")


def _written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path
