"""Whatever a peer sends: a message, or ProtocolError. Nothing else ever comes out of a decoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from psihash import canonical, limits
from psihash.errors import ProtocolError
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.session import blobs, labels, receipt, records
from psihash.session import messages as m
from psihash.session.commitment import Opening, decode_openings, encode_openings
from psihash.session.result import PeerRecord
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung
from psihash.testing.pump import pump
from psihash.wire.codec import ProtobufCodec
from tests.parsers.mutations import JSON, mutated
from tests.session.lists import MD5, SHA1, bench

CODEC = ProtobufCodec()


class Keeping(ProtobufCodec):
    """Keeps the bytes of every message."""

    def __init__(self) -> None:
        self.greetings: list[bytes] = []
        self.sealed: list[bytes] = []

    def encode_greeting(self, message: m.Greeting) -> bytes:
        self.greetings.append(super().encode_greeting(message))
        return self.greetings[-1]

    def encode(self, message: m.Sealed) -> bytes:
        self.sealed.append(super().encode(message))
        return self.sealed[-1]


def real_messages() -> Keeping:
    made = bench()
    made.codec = kept = Keeping()
    meeting = made.meet(Rung.RECORDS)
    pump(meeting.pair)
    assert meeting.codes == (None, None)
    kept.sealed += [CODEC.encode(m.Refuse("clause-rung")), CODEC.encode(m.Abort("session-idle"))]
    kept.greetings.append(CODEC.encode_greeting(m.Refuse("no-such-agreement")))
    return kept


REAL = real_messages()
KINDS = {type(CODEC.decode(data)) for data in REAL.sealed}


def only_protocol_errors(decode: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return decode(data)
    except ProtocolError as error:
        return error


def test_one_message_of_every_kind_is_mutated_below() -> None:
    assert set(m.Sealed.__args__) == KINDS
    assert {type(CODEC.decode_greeting(g)) for g in REAL.greetings} == set(m.Greeting.__args__)


# -- messages ------------------------------------------------------------------------------------


@given(data=st.binary(max_size=400))
def test_any_bytes_are_a_message_or_a_protocol_error(data: bytes) -> None:
    only_protocol_errors(CODEC.decode, data)
    only_protocol_errors(CODEC.decode_greeting, data)


@given(data=mutated(REAL.sealed))
def test_a_mutated_message_is_a_message_or_a_protocol_error(data: bytes) -> None:
    found = only_protocol_errors(CODEC.decode, data)
    if not isinstance(found, ProtocolError):
        assert CODEC.encode(found) == data  # the one encoding of what it says


@given(data=mutated(REAL.greetings))
def test_a_mutated_greeting_is_a_greeting_or_a_protocol_error(data: bytes) -> None:
    found = only_protocol_errors(CODEC.decode_greeting, data)
    if not isinstance(found, ProtocolError):
        assert CODEC.encode_greeting(found) == data


@pytest.mark.parametrize("data", [*REAL.sealed], ids=lambda data: type(CODEC.decode(data)).__name__)
def test_every_real_message_comes_back_and_has_one_encoding(data: bytes) -> None:
    message = CODEC.decode(data)
    assert CODEC.encode(message) == data
    for other in (data + b"\x08\x01", data + b"\xfa\x07\x00", data + data, data[:-1]):
        assert isinstance(only_protocol_errors(CODEC.decode, other), ProtocolError)


VALUES: dict[type, st.SearchStrategy[Any]] = {
    bytes: st.binary(max_size=70),
    str: st.text(max_size=40) | st.sampled_from(["md5", "c-1", "count", "2026-01-01T00:00:00Z"]),
    int: st.integers(0, 2**63 - 1),
    bool: st.booleans(),
    Rung: st.sampled_from(Rung),
    Learn: st.sampled_from(Learn),
    AlgorithmId: st.sampled_from(AlgorithmId),
}


def anything_like(value: Any) -> st.SearchStrategy[Any]:
    """Values of the same shape with other content, also such that no decoder may take."""
    if is_dataclass(value):
        parts = {each.name: anything_like(getattr(value, each.name)) for each in fields(value)}
        return st.builds(type(value), **parts)
    if isinstance(value, tuple):
        return st.lists(anything_like(value[0]), max_size=3).map(tuple) if value else st.just(())
    return st.just(value) | VALUES[type(value)]


@given(st.data())
def test_any_content_in_the_right_shape_is_taken_whole_or_refused(data: st.DataObject) -> None:
    template = CODEC.decode(data.draw(st.sampled_from(REAL.sealed)))
    message = data.draw(anything_like(template))
    try:
        encoded = CODEC.encode(message)
    except (ValueError, TypeError):
        return  # not even protobuf can say it
    found = only_protocol_errors(CODEC.decode, encoded)
    assert isinstance(found, ProtocolError) or found == message


# -- long lists ----------------------------------------------------------------------------------

COUNTS = {MD5: 2, SHA1: 1}
COLLECTIONS = ["c-3", "c-1", "c-2"]
GOOD_LABELS = labels.encode_labels({MD5: [("c-1",), ("c-2", "c-3")], SHA1: [("c-1",)]}, COLLECTIONS)
RECORD = PeerRecord(
    "series x",
    CollectionKind.SERIES,
    (Verdict(Category(Dialect.US, "1"), True, None, False, ("Series 1",), "2026", 3, "NL", "x"),),
    "desk@example.org",
)
GOOD_RECORDS = records.encode_records({MD5: [[RECORD], [RECORD, RECORD]], SHA1: [[RECORD]]})
OPENINGS = [(0, Opening(5, bytes(32), (bytes(32),) * 3)), (1, Opening(2**40, b"\1" * 32, ()))]
GOOD_OPENINGS = encode_openings(OPENINGS)

DECODERS: dict[str, tuple[bytes, Callable[[bytes], Any]]] = {
    "labels": (GOOD_LABELS, lambda data: labels.decode_labels(data, COUNTS, COLLECTIONS)),
    "records": (GOOD_RECORDS, lambda data: records.decode_records(data, COUNTS)),
    "openings": (GOOD_OPENINGS, lambda data: decode_openings(data, 2)),
    "padding": (blobs.pad(b"content"), blobs.unpad),
}


def test_good_lists_come_back() -> None:
    assert DECODERS["labels"][1](GOOD_LABELS) == {
        MD5: [("c-1",), ("c-2", "c-3")],
        SHA1: [("c-1",)],
    }
    assert DECODERS["records"][1](GOOD_RECORDS) == {
        MD5: [(RECORD,), (RECORD, RECORD)],
        SHA1: [(RECORD,)],
    }
    assert decode_openings(GOOD_OPENINGS, 2) == OPENINGS


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.data())
def test_a_mutated_list_is_a_list_or_a_protocol_error(name: str, data: st.DataObject) -> None:
    good, decode = DECODERS[name]
    content = good if name == "openings" else good[: 8 + int.from_bytes(good[:8], "big")]
    changed = data.draw(mutated([content]))
    only_protocol_errors(decode, changed)
    if name != "openings":
        only_protocol_errors(decode, blobs.pad(changed[8:]))


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.binary(max_size=300))
@example(data=b"")
@example(data=b"\xff" * 300)
def test_any_bytes_are_a_list_or_a_protocol_error(name: str, data: bytes) -> None:
    only_protocol_errors(DECODERS[name][1], data)
    only_protocol_errors(DECODERS[name][1], blobs.pad(data))


MEMBERS = ["collection", "kind", "verdicts", "contact"]


@given(
    value=st.one_of(
        JSON,
        st.fixed_dictionaries({"records": JSON}),
        st.fixed_dictionaries({"records": st.lists(JSON, max_size=2)}),
        st.fixed_dictionaries(
            {"records": st.lists(st.fixed_dictionaries(dict.fromkeys(MEMBERS, JSON)), max_size=2)}
        ),
    )
)
def test_any_json_is_records_or_a_protocol_error(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, separators=(",", ":"), sort_keys=True)):
        data = blobs.pad(text.encode("utf-8", "surrogatepass") + b"\n")
        only_protocol_errors(lambda data: records.decode_records(data, {MD5: 1}), data)


@given(content=st.binary(max_size=9000))
def test_padding_shows_a_class_and_comes_back(content: bytes) -> None:
    padded = blobs.pad(content)
    assert blobs.unpad(padded) == content
    assert len(padded) >= blobs.PAD_MIN
    assert len(padded) <= max(blobs.PAD_MIN, 1.19 * (len(content) + 8) + 1)
    assert len(padded) <= blobs.padded_limit(len(content))


def test_whatever_we_encode_the_other_side_takes() -> None:
    """Names with control characters, texts that are too long, more verdicts than allowed."""
    wild = "x\x1b[2J\n\u202e" * 200
    verdict = Verdict(Category(Dialect.TEXT, wild, wild), None, None, None, (wild,) * 300, wild)
    many = tuple(Verdict(series=(f"{number} {wild}",)) for number in range(600))
    row = [PeerRecord(wild, CollectionKind.CASE, (verdict,), wild)]
    row += [PeerRecord("b", CollectionKind.CASE, many)]
    (taken,) = records.decode_records(records.encode_records({MD5: [row]}), {MD5: 1})[MD5]
    assert all(text.isprintable() for record in taken for text in (record.collection,))
    assert taken[1].verdicts


# -- receipts ------------------------------------------------------------------------------------

OWN: dict[str, Any] = {
    "type": receipt.TYPE,
    "session": "ab" * 32,
    "role": "initiator",
    "transcript": "cd" * 32,
    "running_hash": "ef" * 32,
    "rung": "items",
    "learn": "initiator",
    "engine": "openmined-p256/1",
    "counts": None,
    "count_commitment": "01" * 32,
    "result_hmac": "02" * 32,
}


@pytest.mark.parametrize("learn", Learn)
@given(data=st.data())
def test_any_receipt_fits_or_is_a_protocol_error(learn: Learn, data: st.DataObject) -> None:
    own = OWN | {"learn": learn.value}
    good = canonical.encode(own | {"role": "responder"})
    body = data.draw(mutated([good]) | st.binary(max_size=200) | JSON.map(_dumped))
    only_protocol_errors(lambda body: receipt.check(own, m.Receipt(body, bytes(64))), body)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def test_the_codec_knows_the_limits() -> None:
    blob = bytes(limits.MAX_ENGINE_FRAME)
    for kind in (m.Labels, m.Openings, m.Records):
        assert CODEC.decode(CODEC.encode(kind(blob, True))) == kind(blob, True)
        with pytest.raises(ProtocolError):
            CODEC.decode(CODEC.encode(kind(blob + b"x", True)))
    frame = m.EngineFrame(0, blob)
    assert len(CODEC.encode(frame)) <= limits.MAX_SESSION_MESSAGE
    with pytest.raises(ProtocolError):
        CODEC.decode(CODEC.encode(m.EngineFrame(0, blob + b"x")))
