"""Logging in: what strangers learn, how often they may try, and when a log-in ends."""

from __future__ import annotations

import datetime as dt
import time

import pytest
import sqlalchemy as sa
from psihash_server.console import account

from psihash import errors
from psihash.node.oversight import auditing
from psihash.node.people import console_login, operators
from tests.console.office import Office
from tests.node import crew
from tests.node.keeping import SetClock, everything

GENERAL = "The name or the password is not right, or the account is locked for a while."


def entries(office: Office, event: str) -> list[dict[str, object]]:
    return [e["local"] for e in auditing.show(office.node) if e["event"] == event]


def test_a_log_in_is_logged_with_its_place(office: Office) -> None:
    office.browser("aud")
    (last,) = entries(office, "login")[-1:]
    assert last["where"] == "console"
    assert last["actor"] == {"name": "aud", "role": "auditor", "authentication": "password"}


def test_wrong_unknown_and_locked_look_alike(office: Office) -> None:
    stranger = office.stranger()
    wrong = [stranger.log_in("aud", "not the right one") for _ in range(6)]
    unknown = stranger.log_in("nobody of that name", "not the right one")
    locked = stranger.log_in("aud")  # right, but locked by now
    for answer in (*wrong, unknown, locked):
        assert answer.status_code == 401
        assert GENERAL in answer.text
        assert "set-cookie" not in answer.headers
    assert len({answer.text for answer in (*wrong, unknown, locked)}) == 1
    assert [e["code"] for e in entries(office, "auth-failure")] == ["wrong-password"] * 6
    assert "nobody" not in str(entries(office, "auth-failure"))


def test_failures_take_equally_long(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "SECONDS_TO_ANSWER", 0.4)
    stranger, times = office.stranger(), []
    for name in ("aud", "nobody", "aud", "x" * 150):
        started = time.monotonic()
        stranger.log_in(name, "not the right one")
        times.append(time.monotonic() - started)
    assert min(times) >= 0.4
    assert max(times) - min(times) < 0.3


def test_a_lock_outlives_the_console(office: Office) -> None:
    for _ in range(5):
        office.stranger().log_in("aud", "not the right one")
    row = office.node.stores.operators.named("aud")
    assert row is not None
    assert row.failures >= 5
    assert row.locked_until is not None


def test_attempts_are_bounded_by_whence_they_come(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger who tries many names keeps nobody out who works elsewhere, and fills no log."""
    monkeypatch.setattr(console_login, "ATTEMPTS_A_MINUTE", 4)
    office.node.clock = SetClock()
    logins = console_login.ConsoleLogins(office.node)
    codes = []
    for number in range(8):
        with pytest.raises(errors.PsihashError) as caught:
            logins.log_in(f"name {number}", "not the right one", "192.0.2.1")
        codes.append(caught.value.code)
    assert codes == ["wrong-password"] * 4 + ["too-many-logins"] * 4
    assert len(entries(office, "auth-failure")) == 1
    assert logins.log_in("aud", crew.password("aud").decode(), "192.0.2.2")


def test_attempts_are_bounded_for_each_name(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_login, "ATTEMPTS_A_NAME", 2)
    office.node.clock = SetClock()
    logins = console_login.ConsoleLogins(office.node)
    for _ in range(2):
        logins.log_in("aud", crew.password("aud").decode(), "192.0.2.1")
    with pytest.raises(errors.RefusedError, match="too many"):
        logins.log_in("aud", crew.password("aud").decode(), "192.0.2.1")
    assert logins.log_in("ada", crew.password("ada").decode(), "192.0.2.1")


def test_too_many_attempts_are_told_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_login, "ATTEMPTS_A_MINUTE", 4)
    office.node.clock = clock = SetClock()
    stranger = office.stranger()
    for number in range(4):
        assert stranger.log_in(f"name {number}", "not the right one").status_code == 401
    answer = stranger.log_in("aud")
    assert answer.status_code == 429
    clock.forward(seconds=61)
    assert stranger.log_in("aud").status_code == 303


def test_a_log_in_ends_without_use_and_after_a_day_s_work(office: Office) -> None:
    office.node.clock = clock = SetClock()
    browser = office.browser("aud")
    for _ in range(15):
        clock.forward(minutes=29)
        assert browser.get("/log").status_code == 200
    clock.forward(minutes=31)
    assert browser.get("/log").status_code == 303
    browser = office.browser("aud")
    for _ in range(16):
        clock.forward(minutes=29)
        assert browser.get("/log").status_code == 200
    clock.forward(minutes=29)  # eight hours and a little, always in use
    assert browser.get("/log").status_code == 303


def test_logging_out_ends_it_for_the_token_too(office: Office) -> None:
    browser = office.browser("aud")
    kept = dict(browser.client.cookies)
    assert browser.post("/logout").status_code == 303
    assert browser.get("/log").status_code == 303
    browser.client.cookies.update(kept)
    assert browser.get("/log").status_code == 303


def test_whoever_is_disabled_is_out_at_once(office: Office) -> None:
    browser = office.browser("aud")
    operators.disable(office.acting("ada"), "aud")
    assert browser.get("/log").status_code == 303
    answer = office.stranger().log_in("aud")
    assert answer.status_code == 401
    assert "disabled" in answer.text  # to whom knows the password


def test_a_new_password_ends_every_log_in(office: Office) -> None:
    browser = office.browser("aud")
    old, new = crew.password("aud"), b"another long password"
    operators.change_password(office.acting("aud"), old, new)
    assert browser.get("/log").status_code == 303
    assert office.stranger().log_in("aud", new.decode()).status_code == 303


def test_a_restart_ends_every_log_in(office: Office) -> None:
    browser = office.browser("aud")
    fresh = console_login.ConsoleLogins(office.node)
    token = account.token_of(  # as the browser sends it
        type("Request", (), {"cookies": dict(browser.client.cookies)})(), office.place
    )
    assert token is not None
    assert fresh.find(token) is None
    assert office.services.logins.find(token) is not None


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "é" * 43, "A" * 10_000, "'; DROP", "=" * 43])
def test_made_up_tokens_open_nothing(office: Office, cookie: str) -> None:
    sent = {"cookie": f"psihash-console={cookie}".encode("latin-1")}
    answer = office.stranger().client.get("/log", headers=sent)  # type: ignore[arg-type]
    assert answer.status_code == 303


def test_the_store_has_no_token(office: Office) -> None:
    browser = office.browser("aud")
    value = browser.client.cookies["psihash-console"]
    held = b"".join(data for _, data in everything(office.node))
    assert value.encode() not in held
    row = office.node.stores.operators.named("aud")
    assert row is not None
    assert row.id.encode() in held


def test_two_people_work_at_once(office: Office) -> None:
    first, second = office.browser("aud"), office.browser("ann")
    assert "aud (auditor)" in first.get("/").text
    assert "ann (analyst)" in second.get("/").text
    assert first.get("/results").status_code == 403
    assert second.get("/log").status_code == 403
    assert office.node.actor.name == "node"


def test_a_role_is_what_the_signed_roster_says(office: Office) -> None:
    """An edited row makes nobody an auditor."""
    browser = office.browser("ann")
    with office.node.stores.database.transaction() as connection:
        connection.execute(sa.text("UPDATE operators SET roles = 'auditor' WHERE name = 'ann'"))
    assert browser.get("/log").status_code == 403
    assert office.browser("ann").get("/log").status_code == 403


def test_idle_log_ins_are_forgotten(office: Office) -> None:
    office.node.clock = clock = SetClock()
    logins = office.services.logins
    for _ in range(3):
        office.browser("aud")
    assert len(logins._seen) == 3
    clock.moment += dt.timedelta(hours=1)
    office.browser("ann")
    assert len(logins._seen) == 1
