"""Log entries: a header that the tree covers, and two parts that the header commits to.

::

    leaf data    = header = RFC 8785 {"event", "local", "log", "seq", "shared", "time", "v": 1}
    header.local = hex SHA-256 over framed("psihash/log/local/1", blind, local part)
    header.shared = null, or the same over "psihash/log/shared/1", blind, shared part

Each part has its own 32 random bytes, so either can be erased or withheld, cannot then be guessed
from its commitment, and the leaf still verifies. ``shared`` holds the facts that are byte-identical
on both sides of a session, ``local`` everything else. Normative: ``docs/audit-log.md``.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from psihash import canonical, errors
from psihash.audit.event import Event
from psihash.audit.guard import assert_no_digest
from psihash.audit.merkle import MAX_TREE_SIZE, leaf_hash
from psihash.terms import check_agency_id

ENTRY_MALFORMED = errors.define(
    "entry-malformed", "a log entry is not made as docs/audit-log.md says"
)
ENTRY_CHANGED = errors.define(
    "entry-changed", "a log entry is not the one that was recorded: its hashes do not agree"
)
LOG_TIME_MALFORMED = errors.define(
    "log-time-malformed", "a time for the log is not of the form 2026-01-31T23:59:59.999Z"
)

Rng = Callable[[int], bytes]
"""``rng(n)`` gives n random bytes. ``os.urandom`` outside tests."""

BLIND_BYTES: Final = 32
MAX_PART_BYTES: Final = 64 * 1024
"""An entry holds facts about an event, not its data; this bounds what a bundle makes us parse."""

_ORIGIN_PREFIX: Final = "psihash/log/"
_SHARED: Final = b"psihash/log/shared/1"
_LOCAL: Final = b"psihash/log/local/1"

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
# The one RFC 8785 form of a header: its keys are fixed and no value can need an escape, so the
# pattern is the whole parser and its match is the proof that the bytes are canonical.
_HEADER: Final = re.compile(
    rb'\{"event":"(?P<event>[a-z-]{1,32})"'
    rb',"local":(?:null|"(?P<local>[0-9a-f]{64})")'
    rb',"log":"(?P<log>psihash/log/[A-Za-z0-9][A-Za-z0-9._-]{0,62})"'
    rb',"seq":(?P<seq>0|[1-9][0-9]{0,15})'
    rb',"shared":(?:null|"(?P<shared>[0-9a-f]{64})")'
    rb',"time":"(?P<time>[0-9T:.Z-]{24})"'
    rb',"v":1\}'
)


def log_origin(agency: str) -> str:
    """The name of an agency's log: origin of its checkpoints and name of its log key."""
    return _ORIGIN_PREFIX + check_agency_id(agency)


def check_time(text: str) -> str:
    """Insist on the one form of a time in the log, whose text order is the order in time."""
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        datetime.datetime.fromisoformat(text)
    except ValueError:
        raise errors.InputError(
            LOG_TIME_MALFORMED, "a time for the log must look like 2026-01-31T23:59:59.999Z"
        ) from None
    return text


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as a store or a bundle gives it: hostile until :func:`open_entry` took it.

    A part and its blind are both None where the part was erased or withheld, or never was.
    """

    header: bytes
    leaf_hash: bytes
    shared: bytes | None
    shared_blind: bytes | None
    local: bytes | None
    local_blind: bytes | None

    def withhold(self, *, shared: bool = False, local: bool = False) -> StoredEntry:
        """A copy without the named parts, to erase them or to show the entry to someone else."""
        kept = StoredEntry(
            self.header,
            self.leaf_hash,
            self.shared,
            self.shared_blind,
            self.local,
            self.local_blind,
        )
        if shared:
            kept = replace(kept, shared=None, shared_blind=None)
        if local:
            kept = replace(kept, local=None, local_blind=None)
        return kept


_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class Entry(StoredEntry):
    """An entry whose leaf hash and commitments hold. Only this module can make one."""

    origin: str
    seq: int
    time: str
    event: Event
    has_shared: bool
    """Whether the header commits to a shared part, present or not."""
    has_local: bool
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("entries come from build_entry and open_entry")

    def shared_facts(self) -> dict[str, Any] | None:
        """The shared part; None where there is none or it is not here. Raises InputError where
        its author did not write RFC 8785."""
        return None if self.shared is None else _decode(self.shared)

    def local_facts(self) -> dict[str, Any] | None:
        """The local part, like :meth:`shared_facts`."""
        return None if self.local is None else _decode(self.local)


def build_entry(
    origin: str,
    seq: int,
    time: str,
    event: Event,
    shared: Mapping[str, Any] | None,
    local: Mapping[str, Any],
    rng: Rng,
) -> Entry:
    """Make entry number ``seq`` of the log ``origin`` (see :func:`log_origin`).

    ``time`` is RFC 3339 UTC with milliseconds. Raises StateError where a part holds what looks like
    a digest of the material, InputError where a value has no place in a log.
    """
    shared_bytes = None if shared is None else _encode(shared)
    shared_blind = None if shared is None else _blind(rng)
    local_bytes = _encode(local)
    local_blind = _blind(rng)
    header = canonical.encode(
        {
            "v": 1,
            "log": origin,
            "seq": seq,
            "time": check_time(time),
            "event": Event(event).value,
            "shared": _commitment(_SHARED, shared_blind, shared_bytes),
            "local": _commitment(_LOCAL, local_blind, local_bytes),
        }
    )
    return open_entry(
        StoredEntry(header, leaf_hash(header), shared_bytes, shared_blind, local_bytes, local_blind)
    )


def open_entry(stored: StoredEntry) -> Entry:
    """Parse an entry and re-hash all of it that is present.

    Raises VerificationError: ``entry-malformed`` where it has not the form of one, and
    ``entry-changed`` where a hash does not agree. Whether it belongs into a log, and where, is for
    :mod:`psihash.audit.verify` to say.
    """
    match = _HEADER.fullmatch(stored.header)
    if match is None:
        raise _malformed("its header is not in the one form allowed")
    seq, time, event = _read_values(match)
    if leaf_hash(stored.header) != stored.leaf_hash:
        raise errors.VerificationError(
            ENTRY_CHANGED, "an entry's header does not have the leaf hash that is kept for it"
        )
    _check_part(_SHARED, match["shared"], stored.shared_blind, stored.shared)
    _check_part(_LOCAL, match["local"], stored.local_blind, stored.local)
    return Entry(
        stored.header,
        stored.leaf_hash,
        stored.shared,
        stored.shared_blind,
        stored.local,
        stored.local_blind,
        origin=match["log"].decode(),
        seq=seq,
        time=time,
        event=event,
        has_shared=match["shared"] is not None,
        has_local=match["local"] is not None,
        _seal=_SEAL,
    )


def _read_values(match: re.Match[bytes]) -> tuple[int, str, Event]:
    seq = int(match["seq"])
    if seq >= MAX_TREE_SIZE:
        raise _malformed("its number is too large")
    try:
        return seq, check_time(match["time"].decode()), Event(match["event"].decode())
    except errors.InputError:
        raise _malformed("its time is not one") from None
    except ValueError:
        raise _malformed("its event is not in the closed list") from None


def _check_part(
    context: bytes, expected: bytes | None, blind: bytes | None, part: bytes | None
) -> None:
    if part is None and blind is None:
        return
    if part is None or blind is None or expected is None:
        raise errors.VerificationError(
            ENTRY_CHANGED, "an entry has half of a part, or a part that its header does not name"
        )
    if len(blind) != BLIND_BYTES or len(part) > MAX_PART_BYTES:
        raise _malformed("a part has not the size of one")
    if canonical.digest(context, blind, part).hex().encode() != expected:
        raise errors.VerificationError(
            ENTRY_CHANGED, "a part of an entry does not match its commitment in the header"
        )


def _commitment(context: bytes, blind: bytes | None, part: bytes | None) -> str | None:
    if blind is None or part is None:
        return None
    return canonical.digest(context, blind, part).hex()


def _encode(part: Mapping[str, Any]) -> bytes:
    data = canonical.encode(part)
    assert_no_digest(part)
    if len(data) > MAX_PART_BYTES:
        raise errors.InputError(
            ENTRY_MALFORMED, f"a part of a log entry is larger than {MAX_PART_BYTES} bytes"
        )
    return data


def _decode(part: bytes) -> dict[str, Any]:
    return canonical.decode(part, max_bytes=MAX_PART_BYTES)


def _blind(rng: Rng) -> bytes:
    blind = rng(BLIND_BYTES)
    if len(blind) != BLIND_BYTES:
        raise ValueError("the source of randomness gave too few bytes")
    return blind


def _malformed(why: str) -> errors.VerificationError:
    return errors.VerificationError(ENTRY_MALFORMED, f"an entry is malformed: {why}")
