"""A bundle: a log, or a part of it, as one file that can be verified anywhere.

Lines of ASCII that end in a newline, a word and fields with single spaces between; ``-`` for what
is absent, base64 in its canonical form for bytes. Normative: ``docs/audit-log.md``, "Bundles".
"""

from __future__ import annotations

import base64
import enum
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from psihash import errors
from psihash.audit.entry import BLIND_BYTES, MAX_PART_BYTES, StoredEntry, check_time
from psihash.audit.merkle import HASH_BYTES, MAX_TREE_SIZE, leaf_hash, split_hashes
from psihash.identity.cards import Card, parse_card
from psihash.terms import check_agency_id

BUNDLE_MALFORMED = errors.define(
    "bundle-malformed", "a bundle is not made as docs/audit-log.md says"
)
BUNDLE_CHANGED = errors.define(
    "bundle-changed", "a bundle is not the one that was sealed: its lines were changed"
)
BUNDLE_TRUNCATED = errors.define("bundle-truncated", "a bundle ends before its seal")

MAGIC: Final = "psihash-bundle/1"
MAX_LINE: Final = 512 * 1024
"""The longest line is an entry: two parts of 64 KiB, or a document of 256 KiB, in base64."""
MAX_HEADER: Final = 1024
MAX_PROOF: Final = 64
MAX_DOCUMENTS: Final = 256
MAX_DOCUMENT: Final = 320 * 1024

_SESSION: Final = re.compile(r"[0-9a-f]{64}")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_NAME: Final = re.compile(r"[a-z][a-z0-9./-]{0,127}")


class Kind(enum.StrEnum):
    """What a bundle holds."""

    LOG = "log"
    """Every entry from ``start`` on, both parts, with every checkpoint."""
    PEER = "peer"
    """The entries in common with one peer, without their local parts, each with its proof."""
    SESSION = "session"
    """The entries of one session, each with its proof, and its documents."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a bundle says of itself. ``made`` is the clock of whoever made it."""

    kind: Kind
    origin: str
    made: str
    since: str | None
    peer: str | None
    session: str | None
    cards: tuple[Card, ...]
    start: int
    """Number of the first entry; 0 but for a log from a time on."""
    frontier: bytes
    """The tree over the entries before ``start``."""


@dataclass(frozen=True, slots=True)
class EntryLine:
    stored: StoredEntry
    proof: tuple[bytes, ...] | None
    """Inclusion proof under the first checkpoint line; None in a bundle of kind log."""


@dataclass(frozen=True, slots=True)
class CheckpointLine:
    note: bytes
    proof: tuple[bytes, ...] | None
    """Consistency proof to the first checkpoint line; None there, and in kind log."""


@dataclass(frozen=True, slots=True)
class DocumentLine:
    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class SealLine:
    """The last line: how many entries there were, and the note that the log's key signed."""

    entries: int
    note: bytes
    digest: bytes
    """SHA-256 of every byte before the line, as read."""


Line = EntryLine | CheckpointLine | DocumentLine | SealLine


class Source(Protocol):
    """A binary stream; an open file is one."""

    def readline(self, limit: int, /) -> bytes: ...


def seal_text(origin: str, entries: int, digest: bytes) -> str:
    """The text that the log's key signs to close a bundle. Its first line is no log's origin and
    its second no size, so it can never be taken for a checkpoint."""
    return f"{MAGIC}\n{origin}\n{entries}\n{base64.b64encode(digest).decode()}\n"


def line(word: str, *fields: bytes | str | int | None) -> bytes:
    """One line. Bytes are written in base64, text as it is."""
    return " ".join([word, *map(_written, fields)]).encode("ascii") + b"\n"


def _written(field: bytes | str | int | None) -> str:
    if field is None:
        return "-"
    if isinstance(field, bytes):
        return base64.b64encode(field).decode() or "="
    return str(field)


def header_lines(header: Header) -> Iterator[bytes]:
    """The lines that a bundle begins with."""
    yield MAGIC.encode() + b"\n"
    yield line("kind", header.kind.value)
    yield line("origin", header.origin)
    yield line("made", header.made)
    yield line("since", header.since)
    yield line("peer", header.peer)
    yield line("session", header.session)
    for card in header.cards:
        yield line("card", card.encoded)
    yield line("start", header.start, header.frontier)


def entry_line(stored: StoredEntry, proof: Iterable[bytes] | None = None) -> bytes:
    joined = None if proof is None else b"".join(proof)
    return line(
        "entry",
        stored.header,
        stored.shared,
        stored.shared_blind,
        stored.local,
        stored.local_blind,
        joined,
    )


class Reader:
    """Parses a bundle strictly, line by line, in bounded memory.

    Raises VerificationError: ``bundle-malformed``, ``bundle-truncated``.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._digest = hashlib.sha256()

    def header(self) -> Header:
        """The first lines; call it once, before :meth:`lines`."""
        if self._read() != (MAGIC, []):
            raise malformed("it does not begin as a bundle")
        try:
            kind = Kind(self._field("kind"))
        except ValueError:
            raise malformed("its kind is unknown") from None
        origin, made = self._field("origin"), _time(self._field("made"))
        since, peer, session = (_absent(self._field(name)) for name in ("since", "peer", "session"))
        if session is not None and not _SESSION.fullmatch(session):
            raise malformed("its session is no id")
        cards: list[Card] = []
        while True:
            word, fields = self._read()
            if word != "card":
                break
            if len(cards) >= 256:
                raise malformed("it has too many cards")
            cards.append(_card(_one(fields)))
        if word != "start" or len(fields) != 2:
            raise malformed("it does not say where it starts")
        return Header(
            kind,
            _origin(origin),
            made,
            None if since is None else _time(since),
            None if peer is None else _agency(peer),
            session,
            tuple(cards),
            _number(fields[0]),
            _bytes(fields[1], 4096),
        )

    def lines(self) -> Iterator[Line]:
        """Everything else; the last one is the seal, and nothing stands behind it."""
        while True:
            before = self._digest.digest()
            word, fields = self._read()
            if word == "entry" and len(fields) == 6:
                yield _entry(fields)
            elif word == "checkpoint" and len(fields) == 2:
                yield CheckpointLine(_bytes(fields[0], MAX_LINE), _hashes(fields[1]))
            elif word == "document" and len(fields) == 2:
                if not _NAME.fullmatch(fields[0]):
                    raise malformed("a document has no name")
                yield DocumentLine(fields[0], _bytes(fields[1], MAX_DOCUMENT))
            elif word == "seal" and len(fields) == 2:
                # Before the seal is handed on: whoever has it asks for nothing more.
                if self._source.readline(1):
                    raise malformed("something stands behind its seal")
                yield SealLine(_number(fields[0]), _bytes(fields[1], MAX_LINE), before)
                return
            else:
                raise malformed("a line is none of a bundle")

    def _field(self, name: str) -> str:
        word, fields = self._read()
        if word != name:
            raise malformed(f"the line '{name}' is missing")
        return _one(fields)

    def _read(self) -> tuple[str, list[str]]:
        data = self._source.readline(MAX_LINE + 1)
        if not data.endswith(b"\n"):
            if len(data) > MAX_LINE:
                raise malformed("a line is too long")
            raise errors.VerificationError(BUNDLE_TRUNCATED, "the bundle ends before its seal")
        self._digest.update(data)
        try:
            word, *fields = data[:-1].decode("ascii").split(" ")
        except UnicodeDecodeError:
            raise malformed("a line is not plain text") from None
        return word, fields


def _entry(fields: list[str]) -> EntryLine:
    header = _bytes(fields[0], MAX_HEADER)
    return EntryLine(
        StoredEntry(
            header,
            leaf_hash(header),
            _optional(fields[1], MAX_PART_BYTES),
            _optional(fields[2], BLIND_BYTES),
            _optional(fields[3], MAX_PART_BYTES),
            _optional(fields[4], BLIND_BYTES),
        ),
        _hashes(fields[5]),
    )


def _one(fields: list[str]) -> str:
    if len(fields) != 1:
        raise malformed("a line has the wrong number of fields")
    return fields[0]


def _absent(text: str) -> str | None:
    return None if text == "-" else text


def _optional(text: str, most: int) -> bytes | None:
    return None if text == "-" else _bytes(text, most)


def _bytes(text: str, most: int) -> bytes:
    if text == "=":
        return b""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise malformed("a field is not base64") from None
    if not data or len(data) > most or base64.b64encode(data).decode() != text:
        raise malformed("a field is not in its one form, or too long")
    return data


def _hashes(text: str) -> tuple[bytes, ...] | None:
    joined = _optional(text, MAX_PROOF * 2 * HASH_BYTES)
    if joined is None:
        return None
    if len(joined) % HASH_BYTES:
        raise malformed("a proof is not made of hashes")
    return tuple(split_hashes(joined))


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > MAX_TREE_SIZE:
        raise malformed("a number is not one")
    return int(text)


def _card(text: str) -> Card:
    data = _bytes(text, MAX_LINE)
    try:
        card = parse_card(data)
    except errors.PsihashError:
        raise malformed("a card is not one") from None
    if card.encoded != data:
        raise malformed("a card is not in its one form")
    return card


def _time(text: str) -> str:
    try:
        return check_time(text)
    except errors.InputError:
        raise malformed("a time is not one") from None


def _agency(text: str) -> str:
    try:
        return check_agency_id(text)
    except errors.InputError:
        raise malformed("an agency is not one") from None


def _origin(text: str) -> str:
    if not text.startswith("psihash/log/"):
        raise malformed("it is of no log of psihash")
    _agency(text.removeprefix("psihash/log/"))
    return text


def malformed(why: str) -> errors.VerificationError:
    return errors.VerificationError(BUNDLE_MALFORMED, f"the bundle is malformed: {why}")
