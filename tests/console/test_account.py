"""One's own account, log-ins that end, and forms that are sent twice, late or from elsewhere."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from psihash_server.console import once
from psihash_server.console.routes import ROUTES
from starlette.responses import RedirectResponse, Response

from psihash import errors
from psihash.node.people import console_login, login
from tests.console.office import Office
from tests.console.test_asking import WRITTEN, confirmed, rows
from tests.node import crew
from tests.node.crew import password
from tests.node.keeping import SetClock

NEW = " a new and long password "


def change(office: Office, who: str = "ann", **fields: str) -> tuple[int, str, str]:
    given = {"password": password(who).decode(), "new": NEW, "again": NEW} | fields
    answer = office.browser(who).post("/account/password", page="/account", **given)
    return answer.status_code, answer.text, answer.headers.get("location", "")


def test_everybody_changes_the_own_password(office: Office) -> None:
    other = office.browser("ann")
    status, _, led_to = change(office)
    assert (status, led_to) == (303, "/login?changed=yes")
    assert "Your password is changed" in office.stranger().get(led_to).text
    assert other.get("/results").status_code == 303  # every log-in ended
    assert office.stranger().log_in("ann").status_code == 401
    assert office.stranger().log_in("ann", NEW).status_code == 303
    row = office.node.stores.operators.named("ann")
    assert row is not None
    assert login.open_key(office.node, row, NEW.encode()) is not None


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"password": "not the right one"}, 422, "not your password"),
        ({"again": "another long password"}, 400, "twice"),
        ({"new": "short", "again": "short"}, 400, "12 to 200"),
        ({"new": "", "again": ""}, 400, "12 to 200"),
    ],
)
def test_a_password_that_cannot_be_is_refused(
    office: Office, fields: dict[str, str], code: int, said: str
) -> None:
    status, page, _ = change(office, **fields)
    assert status == code
    assert said in page.partition('role="alert"')[2]
    assert NEW.strip() not in page
    assert office.stranger().log_in("ann").status_code == 303


def test_guessing_the_password_in_the_account_locks_it(office: Office) -> None:
    browser = office.browser("ann")
    wrong = {"password": "not the right one", "new": NEW, "again": NEW}
    for _ in range(5):
        assert browser.post("/account/password", page="/account", **wrong).status_code == 422
    row = office.node.stores.operators.named("ann")
    assert row is not None
    assert row.locked_until is not None


def test_log_out_everywhere(office: Office) -> None:
    first, second = office.browser("ann"), office.browser("ann")
    crew.act(office.node, "ann")
    other = office.browser("aud")
    assert first.post("/account/log-out", page="/account").status_code == 303
    assert [b.get("/results").status_code for b in (first, second)] == [303, 303]
    assert login.status(office.node) is None  # at the command line too
    assert other.get("/log").status_code == 200


# --- log-ins --------------------------------------------------------------------------------------


def test_a_log_in_makes_a_token_of_its_own(office: Office) -> None:
    """Whatever a browser brought along opens nothing afterwards (session fixation)."""
    browser = office.stranger()
    name = office.place.cookie
    browser.client.cookies.set(name, "A" * 43)
    answer = browser.log_in("aud")
    assert answer.status_code == 303
    first = answer.cookies[name]
    assert first != "A" * 43
    again = browser.log_in("ann")
    second = again.cookies[name]
    assert second != first
    for token, status in ((first, 303), ("A" * 43, 303), (second, 200)):
        fresh = office.stranger()
        fresh.client.cookies.set(name, token)
        assert fresh.get("/account").status_code == status, token


def test_who_is_logged_in_needs_no_form(office: Office) -> None:
    answer = office.browser("aud").get("/login")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_after_the_log_in_one_is_where_one_wanted_to_be(office: Office) -> None:
    path, stranger = f"/results/{office.prepared.items}", office.stranger()
    led_to = stranger.get(path).headers["location"]
    assert f'name="next" value="{path}"' in stranger.get(led_to).text
    secret = password("ann").decode()
    data = {"name": "ann", "password": "not the right one", "next": path}
    assert f'name="next" value="{path}"' in stranger.client.post("/login", data=data).text
    answer = stranger.client.post("/login", data=data | {"password": secret})
    assert (answer.status_code, answer.headers["location"]) == (303, path)


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)",
        "/nowhere", "/logout", "/results/a/b/c", "/static/console.css", "x" * 300, "/log\r\nX: y",
    ],
)  # fmt: skip
def test_nobody_is_led_elsewhere(office: Office, wanted: str) -> None:
    stranger = office.stranger()
    assert 'name="next"' not in stranger.client.get("/login", params={"next": wanted}).text
    data = {"name": "aud", "password": password("aud").decode(), "next": wanted}
    answer = stranger.client.post("/login", data=data)
    assert answer.headers["location"] == "/"


def tried(office: Office, name: str) -> str:
    try:
        office.services.logins.log_in(name, "not the right one")
    except errors.PsihashError as error:
        return error.code
    return ""


def test_parallel_guesses_lock_as_single_ones_do(office: Office) -> None:
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: tried(office, "aud"), range(16)))
    assert "" not in codes
    row = office.node.stores.operators.named("aud")
    assert row is not None
    assert row.failures == 5  # what came after the lock was not tried
    assert row.locked_until is not None


def test_parallel_attempts_stay_within_the_minute(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_login, "ATTEMPTS_A_MINUTE", 6)
    office.node.clock = SetClock()
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda n: tried(office, f"name {n}"), range(16)))
    assert (codes.count("wrong-password"), codes.count("too-many-logins")) == (6, 10)


# --- forms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "0" * 64, None, "other", "twice"])
def test_every_form_needs_the_token_of_its_log_in(office: Office, token: str | None) -> None:
    """All routes that change anything, for somebody who may do it."""
    holders = {who: office.browser(who) for who in ("ann", "apo", "aud")}
    others = office.browser("ann").csrf()
    before = office.node.stores.log.head().size
    for route in ROUTES:
        if route.method == "GET":
            continue
        browser = next(b for b in holders.values() if _may(b, route.use_case, office))
        given = {"other": others, None: None, "twice": browser.csrf() * 2}.get(token, token)
        data = {"reason": "what was written"} | ({} if given is None else {"csrf": given})
        answer = browser.client.post(office.address(route.path), data=data)
        assert answer.status_code == 403, route.path
        assert "form-expired" in answer.text
        assert "what was written" in answer.text  # it is not lost
        assert browser.get("/account").status_code == 200
    assert office.node.stores.log.head().size == before


def _may(browser: object, use_case: str, office: Office) -> bool:
    from psihash.agreement.roster import OperatorRole
    from psihash.node.people.roles import USE_CASES
    from tests.console.office import STAFF

    who = browser.get("/account").text.partition('class="lead">')[2].partition(":")[0]  # type: ignore[attr-defined]
    return not use_case or OperatorRole(STAFF[who]) in USE_CASES[use_case]


def test_what_was_written_too_late_is_shown_once_more(office: Office) -> None:
    office.node.clock = clock = SetClock()
    browser = office.browser("ann")
    path = f"/results/{office.prepared.items}/ask"
    data = WRITTEN | {"csrf": browser.csrf(), "password": "a secret word"}
    clock.forward(minutes=31)
    answer = browser.client.post(path, data=data)
    assert answer.status_code == 401
    assert "nothing was sent" in answer.text
    assert "Images were seized in Utrecht.\nOn two phones.</textarea>" in answer.text
    assert WRITTEN["reasons"] in answer.text
    assert "a secret word" not in answer.text
    hostile = data | {"facts": "</textarea><script>alert(1)</script>"}
    assert "<script" not in browser.client.post(path, data=hostile).text


def test_a_form_that_is_sent_twice_is_done_once(office: Office) -> None:
    browser, before = office.browser("ann"), rows(office)
    path = f"/results/{office.prepared.items}/ask"
    data = WRITTEN | {
        "csrf": browser.csrf(), "password": password("ann").decode(), "hit": confirmed(office)[:1],
        "once": "c" * 32,
    }  # fmt: skip
    answers = [browser.client.post(path, data=data) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(rows(office) - before) == 1
    assert browser.client.post(path, data=data | {"once": "d" * 32}).status_code == 303
    assert len(rows(office) - before) == 2


def test_what_failed_may_be_sent_again(office: Office) -> None:
    browser, before = office.browser("ann"), rows(office)
    path = f"/results/{office.prepared.items}/ask"
    data = WRITTEN | {"csrf": browser.csrf(), "hit": confirmed(office)[:1], "once": "e" * 32}
    assert browser.client.post(path, data=data | {"password": "wrong"}).status_code == 422
    right = data | {"password": password("ann").decode()}
    assert browser.client.post(path, data=right).status_code == 303
    assert len(rows(office) - before) == 1


def test_forms_of_two_people_do_not_meet() -> None:
    done: list[str] = []
    held = once.Once()

    def work(name: str) -> Response:
        done.append(name)
        return RedirectResponse(f"/{name}", 303)

    for token in ("one", "other"):
        for _ in range(2):
            answer = held.run(token, "form", lambda t=token: work(t))  # type: ignore[misc]
            assert answer.headers["location"] == f"/{token}"
    assert done == ["one", "other"]
    for strange in ("", None, "x" * 65, 7):
        held.run("one", strange, lambda: work("again"))
    assert done.count("again") == 4


def test_a_form_under_way_is_waited_for_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "WAIT_SECONDS", 0.05)
    held, go, began = once.Once(), threading.Event(), threading.Event()

    def slow() -> Response:
        began.set()
        go.wait(10)
        return RedirectResponse("/done", 303)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: held.run("t", "form", slow))
        began.wait(10)
        with pytest.raises(Exception, match="still being worked on"):
            held.run("t", "form", slow)
        go.set()
        assert first.result().headers["location"] == "/done"
    assert held.run("t", "form", slow).headers["location"] == "/done"


def test_what_is_remembered_of_forms_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_MOST_HELD", 3)
    held = once.Once()
    for number in range(9):
        held.run("t", f"form {number}", lambda: RedirectResponse("/x", 303))
    assert len(held._led_to) == 3
