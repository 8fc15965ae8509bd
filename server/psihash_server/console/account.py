"""Logging in and out."""

from __future__ import annotations

import binascii
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar
from urllib.parse import urlencode

import anyio
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from psihash import errors
from psihash.identity import passwords
from psihash.node.people import login as node_login
from psihash.node.people.console_login import TOO_MANY_LOGINS
from psihash_server.console import pages
from psihash_server.console.guard import TooLargeError
from psihash_server.console.place import Place
from psihash_server.console.visit import BAD_FIELD, MAX_FIELDS, Services, Visit
from psihash_server.waiting import who

SECONDS_TO_ANSWER: Final = 1.0
"""A log-in that fails is answered after so long, whatever was wrong."""
_SAME: Final = "The name or the password is not right, or the account is locked for a while."
TOO_LARGE: Final = "this is larger than the page takes"
_ALIKE: Final = frozenset(
    {passwords.WRONG_PASSWORD, node_login.ACCOUNT_LOCKED, node_login.OPERATOR_KEY_DIFFERS}
)

TOO_MANY: Final = "Too many attempts. Wait a minute, then try again."
PASSWORD_CHANGED: Final = "Your password is changed. Log in with the new one."  # noqa: S105
NEXT: Final = "next"
WRITTEN: Final = ("facts", "reasons", "text", "reason", "information", "note")
"""Fields in which people write sentences."""

_T = TypeVar("_T")


class InThread(Protocol):
    async def __call__(self, work: Callable[[], _T]) -> _T: ...


def token_of(request: Request, place: Place) -> bytes | None:
    """The token of the cookie, if it has the form of one."""
    text = request.cookies.get(place.cookie, "")
    try:
        return urlsafe_b64decode(text + "=") if len(text) == 43 and text.isascii() else None
    except (binascii.Error, ValueError):
        return None


async def login(
    request: Request, services: Services, in_thread: InThread, former: bytes | None
) -> Response:
    """GET: the form. POST: check it, and give the browser a fresh token; the log-in that it had,
    ``former``, ends."""
    wanted = place_after(services, request.query_params.get(NEXT, ""))
    if request.method != "POST":
        notice = PASSWORD_CHANGED if request.query_params.get("changed") == "yes" else ""
        return page(request, services, wanted=wanted, notice=notice)
    started = time.monotonic()
    try:
        async with request.form(max_files=0, max_fields=10) as form:
            name, password = form.get("name", ""), form.get("password", "")
            wanted = place_after(services, str(form.get(NEXT, "")))
        given = (str(name).strip()[:200], str(password)[:1_000])
        source = who(request.client.host if request.client else "")
        token = await in_thread(lambda: services.logins.log_in(*given, source))
    except TooLargeError:
        return page(request, services, 413, "This is larger than the page takes.")
    except HTTPException:
        return page(request, services, 400, "The form cannot be read.")
    except errors.PsihashError as error:
        await anyio.sleep(max(0.0, started + SECONDS_TO_ANSWER - time.monotonic()))
        if error.code == TOO_MANY_LOGINS:
            return page(request, services, 429, TOO_MANY, wanted)
        said = _SAME if error.code in _ALIKE else f"{error.message[:1].upper()}{error.message[1:]}."
        return page(request, services, 401, said, wanted)
    if former is not None:
        await in_thread(lambda: services.logins.log_out(former))
    answer = RedirectResponse(wanted or "/", 303)
    _set_cookie(answer, services.place, urlsafe_b64encode(token).rstrip(b"=").decode())
    return answer


async def expired(request: Request, services: Services) -> Response:
    """Nobody is logged in. Whoever reads is sent to log in, and back to where that was; what
    somebody had written is shown once more and not kept."""
    if request.method == "GET":
        here = place_after(services, request.url.path)
        return RedirectResponse("/login" + (f"?{urlencode({NEXT: here})}" if here else ""), 303)
    said = "Your log-in has ended, and nothing was sent."
    return page(request, services, 401, said, kept=await _written(request))


async def _written(request: Request) -> list[str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return []  # a stranger uploads nothing
    try:
        async with request.form(max_fields=MAX_FIELDS) as form:
            return written(form)
    except HTTPException:
        return []


def written(form: FormData) -> list[str]:
    """What a person wrote into a form that was not taken, to be copied."""
    texts = (form.get(name, "") for name in WRITTEN)
    return [text for text in texts if isinstance(text, str) and text.strip()]


def place_after(services: Services, path: str) -> str:
    """A page to go to after the log-in; empty for anything that is none of ours."""
    return path if len(path) <= 200 and services.is_page(path) else ""


def page(
    request: Request,  # noqa: ARG001 - every page has it
    services: Services,
    status: int = 200,
    problem: str = "",
    wanted: str = "",
    notice: str = "",
    kept: Sequence[str] = (),
) -> Response:
    """The form to log in with."""
    return pages.stranger(
        "login.html",
        "Log in",
        services.node.agency,
        status,
        problem=problem,
        wanted=wanted,
        notice=notice,
        kept=kept,
        next_field=NEXT,
    )


def logout(visit: Visit) -> Response:
    """End the log-in, here and in the browser."""
    visit.services.logins.log_out(visit.token)
    return gone(visit, "/login")


def gone(visit: Visit, to: str) -> Response:
    """The way to a page for those who are not logged in; the browser forgets its token."""
    answer = RedirectResponse(to, 303)
    place = visit.services.place
    answer.delete_cookie(
        place.cookie, secure=place.tls is not None, httponly=True, samesite="strict"
    )
    return answer


def unreadable(why: str) -> errors.InputError:
    return errors.InputError(BAD_FIELD, why)


def _set_cookie(answer: Response, place: Place, value: str) -> None:
    answer.set_cookie(
        place.cookie, value, secure=place.tls is not None, httponly=True, samesite="strict"
    )
