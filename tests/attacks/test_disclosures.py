"""Labels, openings, records and receipts that a dishonest peer makes up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from psihash import canonical, limits
from psihash.session import messages as m
from psihash.session.blobs import pad, unpad
from psihash.session.machine import Input
from psihash.session.party import Party
from psihash.terms import Rung, SessionRole
from psihash.testing.pump import pump
from tests.attacks.peers import between, caught, overriding
from tests.session.lists import MD5, bench

ROLES = list(SessionRole)
each_role = pytest.mark.parametrize("role", SessionRole)
"""Who is dishonest."""


def replacing(base: type[Party], kind: type, change: Callable[[bytes], bytes]) -> type[Party]:
    """A party that sends ``change(blob)`` in place of one of its long lists."""

    def send_parts(self: Any, event: Input, blob: bytes, its_kind: Any) -> Any:
        blob = change(blob) if its_kind is kind else blob
        return Party._send_parts(self, event, blob, its_kind)

    return overriding(base, _send_parts=send_parts)


def content(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda blob: pad(change(unpad(blob)))


LABELS: dict[str, Callable[[bytes], bytes]] = {
    "of a collection that is not offered": content(lambda data: b"\0\1\0\2" + data[4:]),
    "of a collection far outside": content(lambda data: b"\0\1\xff\xff" + data[4:]),
    "of no collection": content(lambda data: b"\0\0" + data[4:]),
    "of one collection twice": content(lambda data: b"\0\2\0\0\0\0" + data[4:]),
    "not in order": content(lambda data: b"\0\2\0\1\0\0" + data[4:]),
    "of too many collections": content(lambda data: b"\xff\xff" + data[2:]),
    "one more than matches": content(lambda data: data + b"\0\1\0\0"),
    "one fewer than matches": content(lambda data: data[:-4]),
    "cut in the middle": content(lambda data: data[:-1]),
    "of nothing": content(lambda data: b""),
    "as text": content(lambda data: b'{"collections":[],"elements":{}}'),
}


@each_role
@pytest.mark.parametrize("name", LABELS)
def test_made_up_labels_are_refused(name: str, role: SessionRole) -> None:
    meeting = between(bench(), Rung.ITEMS, role, replacing, m.Labels, LABELS[name])
    assert caught(meeting, role.other) == "bad-disclosure"


PADDINGS: dict[str, Callable[[bytes], bytes]] = {
    "not zero": lambda blob: blob[:-1] + b"\1",
    "a length beyond the end": lambda blob: len(blob).to_bytes(8, "big") + blob[8:],
    "a huge length": lambda blob: b"\xff" * 8 + blob[8:],
    "shorter than its length": lambda blob: blob[:7],
}


@each_role
@pytest.mark.parametrize("kind", [m.Labels, m.Openings, m.Records])
@pytest.mark.parametrize("name", PADDINGS)
def test_wrong_padding_is_refused(name: str, kind: type, role: SessionRole) -> None:
    meeting = between(bench(), Rung.RECORDS, role, replacing, kind, PADDINGS[name])
    assert caught(meeting, role.other) == "bad-disclosure"


@each_role
@pytest.mark.parametrize("kind", [m.Labels, m.Openings, m.Records])
def test_a_blob_larger_than_the_matches_justify_is_refused_before_it_is_whole(
    kind: type, role: SessionRole
) -> None:
    size = 6 * 1024 * 1024 if kind is m.Records else 64 * 1024
    meeting = between(bench(), Rung.RECORDS, role, replacing, kind, lambda blob: bytes(size))
    assert caught(meeting, role.other) == "bad-disclosure"
    held = meeting.parties[ROLES.index(role.other)]._collector
    assert held is not None
    assert held._size <= size


@each_role
def test_an_empty_part_is_refused(role: SessionRole) -> None:
    """Endless parts of nothing would keep a session busy for ever."""

    def send_parts(self: Any, event: Input, blob: bytes, kind: Any) -> Any:
        yield self._send(Input(f"{event.value}-part"), kind(b"", True))

    meeting = between(
        bench(), Rung.ITEMS, role, lambda base: overriding(base, _send_parts=send_parts)
    )
    assert caught(meeting, role.other) == "bad-disclosure"


RECORD: dict[str, Any] = {
    "collection": "x",
    "contact": None,
    "kind": "series",
    "verdicts": [
        {
            "category": None,
            "country": None,
            "dated": None,
            "distributed": None,
            "offender_identified": None,
            "series": [],
            "source": None,
            "submissions": None,
            "victim_identified": True,
        }
    ],
}
VERDICT: dict[str, Any] = RECORD["verdicts"][0]


def line(*records: Any) -> bytes:
    return canonical.encode({"records": list(records)}) + b"\n"


def verdict(**changes: Any) -> dict[str, Any]:
    return RECORD | {"verdicts": [VERDICT | changes]}


GOOD = line(RECORD)
BAD_LINES: dict[str, bytes] = {
    "an escape sequence in a name": line(RECORD | {"collection": "\x1b[2J"}),
    "a line break in a name": line(RECORD | {"collection": "a\nb"}),
    "a tab in a contact": line(RECORD | {"contact": "a\tb"}),
    "text that runs right to left": line(RECORD | {"collection": "a\u202eb"}),
    "an invisible joiner": line(RECORD | {"collection": "a\u200bb"}),
    "a control character in a series": line(verdict(series=["\x07"])),
    "a control character in a country": line(verdict(country="N\0L")),
    "a control character in a category": line(
        verdict(category={"dialect": "us", "code": "\x9b1", "label": ""})
    ),
    "a name that is too long": line(RECORD | {"collection": "x" * 501}),
    "an unknown kind": line(RECORD | {"kind": "secret"}),
    "a kind that is a list": line(RECORD | {"kind": []}),
    "an unknown dialect": line(verdict(category={"dialect": "xx", "code": "1", "label": ""})),
    "a further member": line(RECORD | {"digest": "00"}),
    "a member missing": line({k: v for k, v in RECORD.items() if k != "contact"}),
    "a verdict with a further member": line(verdict(miniature="x")),
    "a flag that is a number": line(verdict(victim_identified=1)),
    "a negative number of submissions": line(verdict(submissions=-1)),
    "submissions that are a flag": line(verdict(submissions=True)),
    "too many verdicts": line(RECORD | {"verdicts": [VERDICT] * 257}),
    "verdicts that are no list": line(RECORD | {"verdicts": VERDICT}),
    "no record at all": line(),
    "too many records": line(*[{"collection": "x"}] * 1001),
    "a record that is text": line("x"),
    "not canonical": json.dumps({"records": [RECORD]}).encode() + b"\n",
    "a name twice": GOOD[:-2] + b',"records":[]}\n',
    "a fraction": GOOD.replace(b'"submissions":null', b'"submissions":1.5'),
    "not a number": GOOD.replace(b'"submissions":null', b'"submissions":NaN'),
    "too deep": b'{"records":' + b"[" * 5000 + b"]" * 5000 + b"}\n",
    "not text": b"\xff\xfe\n",
    "an empty line": b"\n",
    "two lines for one": GOOD * 2,
    "no line": b"",
    "no end of the line": GOOD[:-1],
    "a line that is too long": line(verdict(series=["x" * 499] * 140)),
}


def first_line(bad: bytes) -> Callable[[bytes], bytes]:
    return content(lambda data: bad + data[data.index(b"\n") + 1 :])


def test_a_record_like_the_ones_below_is_taken_where_nothing_is_wrong_with_it() -> None:
    meeting = between(
        bench(), Rung.RECORDS, SessionRole.RESPONDER, replacing, m.Records, first_line(GOOD)
    )
    pump(meeting.pair)
    assert meeting.codes == (None, None)
    assert meeting.journals[0].visible is not None
    (taken,) = meeting.journals[0].visible.records[MD5][0]
    assert taken.collection == "x"
    assert taken.verdicts[0].victim_identified is True


@each_role
@pytest.mark.parametrize("name", BAD_LINES)
def test_made_up_records_are_refused(name: str, role: SessionRole) -> None:
    assert len(BAD_LINES["a line that is too long"]) > limits.MAX_RECORD_LINE
    meeting = between(
        bench(), Rung.RECORDS, role, replacing, m.Records, first_line(BAD_LINES[name])
    )
    assert caught(meeting, role.other) == "bad-disclosure"
