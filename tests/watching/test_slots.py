"""Schedules: what is read, and that each slot is there once, whatever the clocks do."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from psihash import errors
from psihash.central.cron import BAD_CRON, parse_cron
from psihash.central.slots import last_slot, next_slot
from tests.watching import clockface

CHANGES = (
    ("Europe/Brussels", "2026-03-29T01:00"),
    ("Europe/Brussels", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),  # half an hour
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("America/Santiago", "2026-09-06T04:00"),  # at midnight
    ("America/Santiago", "2026-04-05T03:00"),
    ("America/St_Johns", "2010-03-14T03:31"),  # a minute past midnight
    ("America/St_Johns", "2010-11-07T02:31"),
    ("Europe/Dublin", "2026-10-25T01:00"),  # where winter is the other time
    ("Pacific/Apia", "2011-12-30T10:00"),  # a whole day is skipped
    ("Asia/Kolkata", "2026-06-01T00:00"),
    ("UTC", "2024-02-29T00:00"),
)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@st.composite
def field(draw: st.DrawFn, low: int, high: int, names: tuple[str, ...] = ()) -> str:
    number = st.integers(low, high)
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        one, other = sorted((draw(number), draw(number)))
        forms = [str(one), f"{one}-{other}"]
        if other > one:
            forms.append(f"{one}-{other}/{draw(st.integers(1, min(other - one, 99)))}")
        if names:
            forms.append(draw(st.sampled_from(names)))
        parts.append(draw(st.sampled_from(forms)))
    return draw(st.sampled_from(["*", f"*/{draw(st.integers(1, 6))}", ",".join(parts)]))


schedules = st.tuples(
    field(0, 59),
    field(0, 23),
    st.just("*") | field(1, 28),
    st.just("*") | field(1, 12, ("mar", "oct", "nov")),
    st.just("*") | field(0, 7, ("sun", "sat")),
).map(" ".join)


@given(schedules, st.sampled_from(CHANGES), st.integers(-1500, 200))
@example("30 2 * * *", CHANGES[0], -300)
@example("30 2 * * *", CHANGES[1], -300)
@example("*/7 * * * *", CHANGES[0], -100)
@example("0 12 30,31 * *", CHANGES[11], -1500)
@example("59 23 * * *", CHANGES[6], -900)
def test_the_slots_are_those_found_minute_by_minute(
    text: str, change: tuple[str, str], shift: int
) -> None:
    zone, cron = ZoneInfo(change[0]), parse_cron(text)
    start = moment(change[1]) + shift * clockface.MINUTE
    end = start + dt.timedelta(hours=40)
    expected = sorted(clockface.slots(text, zone, start, end))
    found: list[dt.datetime] = []
    at = start - clockface.MINUTE
    while (slot := next_slot(cron, zone, at)) is not None and slot < end and len(found) < 400:
        assert slot > at
        found.append(slot)
        at = slot
    assert found == expected[: len(found)]
    assert len(found) == min(len(expected), 400)
    last = last_slot(cron, zone, end - clockface.MINUTE)
    if expected:
        assert last == expected[-1]
    else:
        assert last is not None
        assert last < start


@given(schedules, st.sampled_from(CHANGES), st.integers(-3000, 3000))
def test_the_last_slot_is_followed_by_the_next(
    text: str, change: tuple[str, str], shift: int
) -> None:
    zone, cron = ZoneInfo(change[0]), parse_cron(text)
    now = moment(change[1]) + dt.timedelta(seconds=20 * shift)
    last, following = last_slot(cron, zone, now), next_slot(cron, zone, now)
    assert last is not None
    assert following is not None
    assert last <= now < following
    assert next_slot(cron, zone, last) == following
    assert last_slot(cron, zone, following - dt.timedelta(seconds=1)) == last


def test_every_night_at_two_in_brussels() -> None:
    cron, zone = parse_cron("0 2 * * *"), ZoneInfo("Europe/Brussels")
    slots, at = [], moment("2026-03-27T12:00")
    for _ in range(4):
        at = next_slot(cron, zone, at) or at
        slots.append(f"{at:%d %H:%M}")
    # On the 29th 02:00 is skipped: the slot is 03:00 local, the moment that 02:00 would have been.
    assert slots == ["28 01:00", "29 01:00", "30 00:00", "31 00:00"]


def test_the_doubled_hour_of_autumn_runs_once() -> None:
    cron, zone = parse_cron("30 2 * * *"), ZoneInfo("Europe/Brussels")
    first = next_slot(cron, zone, moment("2026-10-24T12:00"))
    assert first == moment("2026-10-25T00:30")
    assert next_slot(cron, zone, first) == moment("2026-10-26T01:30")


def test_the_29th_of_february_comes_round_over_the_century() -> None:
    cron, zone = parse_cron("0 0 29 2 *"), ZoneInfo("UTC")
    assert next_slot(cron, zone, moment("2096-03-01T00:00")) == moment("2104-02-29T00:00")
    assert last_slot(cron, zone, moment("2104-02-28T00:00")) == moment("2096-02-29T00:00")


def test_either_day_is_enough_where_both_are_named() -> None:
    cron, zone = parse_cron("0 0 13 * fri"), ZoneInfo("UTC")
    slots, at = [], moment("2026-02-10T12:00")
    for _ in range(4):
        at = next_slot(cron, zone, at) or at
        slots.append(at.day)
    assert slots == [13, 20, 27, 6]


@pytest.mark.parametrize("text", ["0 0 * * 0", "0 0 * * 7", "0  0 * * SUN", " 0 0 * * sun "])
def test_sunday_has_three_names(text: str) -> None:
    found = next_slot(parse_cron(text), ZoneInfo("UTC"), moment("2026-11-20T00:00"))
    assert found == moment("2026-11-22T00:00")


@pytest.mark.parametrize(
    "text",
    [
        "", "* * * *", "* * * * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *",
        "* * 32 * *", "* * * 13 *", "* * * 0 *", "* * * * 8", "5/10 * * * *", "*/0 * * * *",
        "*/90 * * * *", "30-10 * * * *", "1, * * * *", ",1 * * * *", "1--2 * * * *", "-1 * * * *",
        "+1 * * * *", "? * * * *", "L * * * *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 * * mon#1",
        "0\t0 * * *", "0 0 * * * \n", "٣ * * * *", "001 * * * *", "jan * * * *", "0 0 * sun *",
        "1 " * 5 + "x" * 200, "0 0 * * 1-7/8", "10-10/1 * * * *",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        parse_cron(text)
    assert caught.value.code == BAD_CRON


@given(st.text(alphabet="0123456789*/,- adefmnorstu\n\x00é", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        cron = parse_cron(text)
    except errors.InputError:
        return
    assert parse_cron(cron.text) == cron
