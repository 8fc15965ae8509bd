"""Parsers of hash lists, and of what an operator writes."""

from __future__ import annotations

import functools
import io
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from psihash.hashset import digests
from psihash.hashset.formats import FORMATS, SNIFF_BYTES, Format, sniff
from psihash.hashset.formats.rdsv3 import NSRL_RDSV3
from psihash.node.home import settings
from psihash.storage import rdsv3
from tests.parsers.parser import Parser, text


def _read(each: Format, data: bytes) -> None:
    each.sniff(data[:SNIFF_BYTES])
    for _ in each.read(io.BytesIO(data)):
        pass


def _sniff(data: bytes) -> object:
    return sniff(data[:SNIFF_BYTES])


def _examples(each: Format) -> list[bytes]:
    return [each.example.encode(), each.example.encode("utf-16")]


def _formats() -> Iterator[Parser]:
    for each in FORMATS:
        if each is not NSRL_RDSV3:  # no stream
            kind = type(each)
            name = f"{kind.__module__.removeprefix('psihash.')}.{kind.__name__}"
            yield Parser(
                f"list {each.name}",
                (f"{name}.sniff", f"{name}.read"),
                functools.partial(_examples, each),
                functools.partial(_read, each),
                streams=True,
            )


# -- files that a library reads ------------------------------------------------------------------


def _in_a_file(name: str, data: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


@functools.cache
def _database() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rds.db"
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA page_size = 512")
        connection.execute("CREATE TABLE METADATA (md5, sha1, bytes)")
        connection.execute("INSERT INTO METADATA VALUES (?, ?, 7)", ("ab" * 16, "cd" * 20))
        connection.commit()
        connection.close()
        return [path.read_bytes()]


def _read_database(data: bytes) -> None:
    for path in _in_a_file("rds.db", data):
        for _ in rdsv3.read(path):
            pass


def _load_settings(data: bytes) -> None:
    for path in _in_a_file(settings.FILE_NAME, data):
        settings.load(path.parent)


PARSERS = (
    *_formats(),
    Parser(
        "unknown list",
        ("hashset.formats.sniff", "hashset.formats.rdsv3.Rdsv3.sniff"),
        lambda: [each.example.encode() for each in FORMATS],
        _sniff,
        streams=True,
    ),
    Parser("NSRL database", ("storage.rdsv3.read",), _database, _read_database),
    Parser(
        "digest",
        ("hashset.digests.parse_digest",),
        lambda: [b"81dc9bdb52d04dc20036dbd8313ed055", b'="81DC9BDB52D04DC20036DBD8313ED055"'],
        lambda data: digests.parse_digest(text(data)),
    ),
    Parser(
        "settings",
        ("node.home.settings.load",),
        lambda: [settings.render(settings.Settings("nl-police", listen="[::]:7443")).encode()],
        _load_settings,
    ),
)
