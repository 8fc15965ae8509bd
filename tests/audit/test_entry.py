"""Entries: what is hashed, what is hidden, what is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import canonical, errors
from psihash.audit.entry import (
    MAX_PART_BYTES,
    Entry,
    Rng,
    StoredEntry,
    build_entry,
    check_time,
    log_origin,
    open_entry,
)
from psihash.audit.event import Event, LedOperation
from psihash.audit.merkle import leaf_hash

ORIGIN = "psihash/log/nl-police"
TIME = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def entry(rng: Rng) -> Entry:
    return build_entry(
        ORIGIN, 7, TIME, Event.SESSION_OPEN, {"rung": "items"}, {"actor": "jan"}, rng
    )


def cause(stored: StoredEntry) -> str:
    with pytest.raises(errors.VerificationError) as caught:
        open_entry(stored)
    return caught.value.code


def rehashed(stored: StoredEntry, header: bytes) -> StoredEntry:
    return replace(stored.withhold(), header=header, leaf_hash=leaf_hash(header))


def test_an_entry_is_made_as_the_page_says(entry: Entry) -> None:
    """Everything recomputed with the standard library alone."""

    def commitment(context: str, blind: bytes, part: bytes) -> str:
        framed = b"".join(
            len(piece).to_bytes(8, "big") + piece for piece in (context.encode(), blind, part)
        )
        return hashlib.sha256(framed).hexdigest()

    assert entry.shared == b'{"rung":"items"}'
    assert entry.local == b'{"actor":"jan"}'
    assert entry.shared_blind is not None
    assert entry.local_blind is not None
    header = {
        "event": "session-open",
        "local": commitment("psihash/log/local/1", entry.local_blind, entry.local),
        "log": ORIGIN,
        "seq": 7,
        "shared": commitment("psihash/log/shared/1", entry.shared_blind, entry.shared),
        "time": TIME,
        "v": 1,
    }
    assert entry.header == json.dumps(header, separators=(",", ":")).encode()
    assert entry.leaf_hash == hashlib.sha256(b"\0" + entry.header).digest()


def test_an_entry_opens_as_what_was_built(entry: Entry) -> None:
    opened = open_entry(entry.withhold())
    assert opened == entry
    assert (opened.origin, opened.seq, opened.time) == (ORIGIN, 7, TIME)
    assert opened.event is Event.SESSION_OPEN
    assert opened.shared_facts() == {"rung": "items"}
    assert opened.local_facts() == {"actor": "jan"}


def test_each_part_can_be_withheld_and_the_leaf_still_verifies(entry: Entry) -> None:
    for shared in (False, True):
        for local in (False, True):
            opened = open_entry(entry.withhold(shared=shared, local=local))
            assert opened.leaf_hash == entry.leaf_hash
            assert (opened.has_shared, opened.has_local) == (True, True)
            assert (opened.shared is None, opened.shared_blind is None) == (shared, shared)
            assert (opened.local is None, opened.local_blind is None) == (local, local)
            assert (opened.local_facts() is None) == local
            assert (opened.shared_facts() is None) == shared


def test_an_event_of_one_side_has_no_shared_part(rng: Rng) -> None:
    entry = build_entry(ORIGIN, 0, TIME, Event.CONFIG_CHANGE, None, {}, rng)
    assert b'"shared":null' in entry.header
    assert (entry.has_shared, entry.shared, entry.shared_facts()) == (False, None, None)
    assert entry.local_facts() == {}


def test_equal_parts_have_unlike_commitments(rng: Rng) -> None:
    headers = {
        build_entry(ORIGIN, 0, TIME, Event.SESSION_OPEN, {"a": 1}, {"a": 1}, rng).header
        for _ in range(10)
    }
    assert len(headers) == 10
    for header in map(json.loads, headers):
        assert header["shared"] != header["local"]


def test_a_changed_byte_anywhere_is_found(entry: Entry) -> None:
    for name in ("header", "leaf_hash", "shared", "shared_blind", "local", "local_blind"):
        value = getattr(entry, name)
        for at in range(len(value)):
            for bit in range(8):
                changed = value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]
                found = cause(replace(entry.withhold(), **{name: changed}))
                assert found in {"entry-changed", "entry-malformed"}


def test_parts_cannot_be_swapped_halved_or_invented(entry: Entry, rng: Rng) -> None:
    whole = entry.withhold()
    swapped = replace(
        whole,
        shared=entry.local,
        shared_blind=entry.local_blind,
        local=entry.shared,
        local_blind=entry.shared_blind,
    )
    assert cause(swapped) == "entry-changed"
    for name in ("shared", "shared_blind", "local", "local_blind"):
        half: dict[str, Any] = {name: None}
        assert cause(replace(whole, **half)) == "entry-changed"
    alone = build_entry(ORIGIN, 0, TIME, Event.CONFIG_CHANGE, None, {}, rng).withhold()
    invented = replace(alone, shared=b"{}", shared_blind=bytes(32))
    assert cause(invented) == "entry-changed"
    assert cause(replace(whole, local_blind=bytes(31))) == "entry-malformed"
    assert cause(replace(whole, local=bytes(MAX_PART_BYTES + 1))) == "entry-malformed"


def header_of(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "v": 1,
        "log": ORIGIN,
        "seq": 7,
        "time": TIME,
        "event": "session-open",
        "shared": None,
        "local": "ab" * 32,
    }
    return canonical.encode(fields | changes)


MALFORMED = {
    "version": header_of(v=2),
    "version-text": header_of(v="1"),
    "version-true": header_of(v=True),
    "no-log": header_of(log=""),
    "foreign-log": header_of(log="example.com/log"),
    "escape-in-log": header_of(log="psihash/log/a\\b"),
    "long-log": header_of(log="psihash/log/" + "a" * 64),
    "negative-number": header_of(seq=-1),
    "number-text": header_of(seq="7"),
    "number-null": header_of(seq=None),
    "number-too-large": header_of(seq=2**53 - 1),
    "unknown-event": header_of(event="lunch"),
    "no-event": header_of(event=None),
    "commitment-upper-case": header_of(local="AB" * 32),
    "commitment-short": header_of(local="ab" * 31),
    "commitment-number": header_of(local=5),
    "time-seconds": header_of(time="2026-01-01T00:00:00Z"),
    "time-offset": header_of(time="2026-01-01T00:00:00+00:0"),
    "time-no-day": header_of(time="2026-02-30T00:00:00.000Z"),
    "extra-field": header_of(w=1),
    "space": header_of().replace(b":7", b": 7"),
    "leading-zero": header_of().replace(b":7", b":07"),
    "fraction": header_of().replace(b":7", b":7.0"),
    "exponent": header_of().replace(b":7", b":7e0"),
    "repeated-field": header_of().replace(b'"v":1', b'"v":1,"v":1'),
    "escaped-letter": header_of().replace(b"nl-police", b"\\u006el-police"),
    "other-order": b'{"v":1,' + header_of()[1:].replace(b',"v":1', b""),
    "newline-after": header_of() + b"\n",
    "empty": b"",
    "null": b"null",
}


@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_header_is_refused(header: bytes) -> None:
    bare = StoredEntry(header, leaf_hash(header), None, None, None, None)
    assert cause(bare) == "entry-malformed"


def test_a_header_that_opens_is_canonical_and_the_other_way_round() -> None:
    good = header_of()
    assert open_entry(StoredEntry(good, leaf_hash(good), None, None, None, None)).seq == 7


@given(
    st.integers(0, 2**53 - 2),
    st.sampled_from(list(Event)),
    st.datetimes().map(lambda t: f"{t:%Y-%m-%dT%H:%M:%S}.{t.microsecond // 1000:03}Z".zfill(24)),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True),
    st.booleans(),
)
def test_every_header_built_is_the_canonical_form_of_itself(
    seq: int, event: Event, time: str, agency: str, both: bool
) -> None:
    shared = {"x": 1} if both else None
    built = build_entry(log_origin(agency), seq, time, event, shared, {}, lambda n: bytes(n))
    assert canonical.decode(built.header, max_bytes=1024)["seq"] == seq
    assert (built.seq, built.event, built.time) == (seq, event, time)


@given(st.binary(max_size=300))
def test_hostile_headers_are_refused(header: bytes) -> None:
    assert cause(StoredEntry(header, leaf_hash(header), None, None, None, None)) == (
        "entry-malformed"
    )


@pytest.mark.parametrize(
    "time",
    [
        "",
        "2026-01-01",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.000+00:00",
        "2026-01-01 00:00:00.000Z",
        "2026-13-01T00:00:00.000Z",
        "2026-01-01T24:00:00.001Z",
        "2026-01-01T23:59:60.000Z",
        "2026-01-01T00:00:00.000Z\n",
        "\u0662026-01-01T00:00:00.000Z",
        "0000-01-01T00:00:00.000Z",
    ],
)
def test_a_time_has_one_form(time: str, rng: Rng) -> None:
    with pytest.raises(errors.InputError) as caught:
        check_time(time)
    assert caught.value.code == "log-time-malformed"
    with pytest.raises(errors.InputError):
        build_entry(ORIGIN, 0, time, Event.INCIDENT, None, {}, rng)


def test_an_entry_is_not_built_from_what_cannot_be_logged(rng: Rng) -> None:
    for bad in ({"x": 1.5}, {"x": 2**60}, {"x": b"bytes"}, {"x": "\ud800"}, {"x": "z" * 70_000}):
        with pytest.raises(errors.InputError):
            build_entry(ORIGIN, 0, TIME, Event.INCIDENT, None, bad, rng)
        with pytest.raises(errors.InputError):
            build_entry(ORIGIN, 0, TIME, Event.INCIDENT, bad, {}, rng)
    with pytest.raises(errors.VerificationError):
        build_entry("elsewhere", 0, TIME, Event.INCIDENT, None, {}, rng)
    with pytest.raises(ValueError):
        build_entry(ORIGIN, 0, TIME, Event.INCIDENT, None, {}, lambda _: b"short")
    with pytest.raises(errors.InputError):
        log_origin("not an id")


def test_a_part_that_is_not_canonical_does_not_decode(entry: Entry) -> None:
    part = b'{"actor": "jan"}'
    blind = bytes(32)
    commitment = canonical.digest(b"psihash/log/local/1", blind, part).hex()
    header = header_of(local=commitment)
    opened = open_entry(StoredEntry(header, leaf_hash(header), None, None, part, blind))
    with pytest.raises(errors.InputError):
        opened.local_facts()


def test_a_rehashed_header_is_another_entry(entry: Entry) -> None:
    other = rehashed(entry, entry.header.replace(b'"seq":7', b'"seq":8'))
    assert open_entry(other).leaf_hash != entry.leaf_hash


def test_only_the_check_makes_an_entry(entry: Entry) -> None:
    with pytest.raises(TypeError):
        replace(entry, _seal=object())


def test_each_operation_of_led_article_25_is_recorded_by_some_event() -> None:
    assert {event.led_operation for event in Event} == set(LedOperation)
    assert Event.ERASURE.led_operation is LedOperation.ERASURE
    assert Event.AUTH_FAILURE.led_operation is LedOperation.NONE
