"""Logging in and out."""

from __future__ import annotations

import binascii
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import anyio
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
from psihash_server.console.visit import BAD_FIELD, Services, Visit

SECONDS_TO_ANSWER: Final = 1.0
"""A log-in that fails is answered after so long, whatever was wrong."""
_SAME: Final = "The name or the password is not right, or the account is locked for a while."
TOO_LARGE: Final = "this is larger than the page takes"
_ALIKE: Final = frozenset(
    {passwords.WRONG_PASSWORD, node_login.ACCOUNT_LOCKED, node_login.OPERATOR_KEY_DIFFERS}
)

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


async def login(request: Request, services: Services, in_thread: InThread) -> Response:
    """GET: the form. POST: check it, and give the browser a token."""
    if request.method != "POST":
        return page(request, services)
    started = time.monotonic()
    try:
        async with request.form(max_files=0, max_fields=10) as form:
            name, password = form.get("name", ""), form.get("password", "")
        given = (str(name).strip()[:200], str(password)[:1_000])
        token = await in_thread(lambda: services.logins.log_in(*given))
    except TooLargeError:
        return page(request, services, 413, "This is larger than the page takes.")
    except HTTPException:
        return page(request, services, 400, "The form cannot be read.")
    except errors.PsihashError as error:
        await anyio.sleep(max(0.0, started + SECONDS_TO_ANSWER - time.monotonic()))
        if error.code == TOO_MANY_LOGINS:
            return page(request, services, 429, "Too many attempts. Wait a minute, then try again.")
        said = _SAME if error.code in _ALIKE else f"{error.message[:1].upper()}{error.message[1:]}."
        return page(request, services, 401, said)
    answer = RedirectResponse("/", 303)
    _set_cookie(answer, services.place, urlsafe_b64encode(token).rstrip(b"=").decode())
    return answer


def page(
    request: Request,  # noqa: ARG001 - every page has it
    services: Services,
    status: int = 200,
    problem: str = "",
) -> Response:
    """The form to log in with."""
    return pages.stranger("login.html", "Log in", services.node.agency, status, problem=problem)


def logout(visit: Visit) -> Response:
    """End the log-in, here and in the browser."""
    visit.services.logins.log_out(visit.token)
    answer = RedirectResponse("/login", 303)
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
