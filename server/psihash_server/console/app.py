"""The console as an ASGI application: every request goes through :func:`_answer`.

In order: who is logged in, whether that person may do this, whether a form is ours, then the page.
Pages run in threads, since the store blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route as StarletteRoute
from starlette.routing import compile_path
from starlette.types import ASGIApp

from psihash import errors
from psihash.node.node import Node
from psihash.node.people import roles
from psihash.node.people.console_login import TOKEN_BYTES, ConsoleLogins, Held
from psihash_server import logs
from psihash_server.console import account, once, pages
from psihash_server.console.guard import Guard, TooLargeError
from psihash_server.console.place import Place
from psihash_server.console.routes import ROUTES, Route
from psihash_server.console.verifier import Verifier
from psihash_server.console.visit import MAX_FIELDS, Services, Visit, check_csrf

THREADS: Final = 8
"""Pages made at the same time; the store's pool has room for them."""
CHECKS: Final = 2
"""Passwords checked at the same time, beside them."""

_T = TypeVar("_T")


def build(node: Node, place: Place) -> tuple[ASGIApp, Services]:
    """The application over a node whose keys are open, and what lives as long as it does."""
    services = Services(node, place, ConsoleLogins(node), Verifier(node), _is_page)
    console = _Console(services)
    table = [
        StarletteRoute("/static/console.css", _style, methods=["GET"]),
        StarletteRoute("/login", console.login, methods=["GET", "POST"]),
        *(
            StarletteRoute(route.path, console.endpoint(route), methods=[route.method])
            for route in ROUTES
        ),
    ]
    app = Starlette(
        routes=table,
        exception_handlers={HTTPException: console.no_page, Exception: console.fault},
    )
    return Guard(app, place), services


_READ: Final = [compile_path(route.path)[0] for route in ROUTES if route.method == "GET"]


def _is_page(path: str) -> bool:
    return any(pattern.match(path) for pattern in _READ)


async def _style(_: Request) -> Response:
    return FileResponse(pages.FOLDER / "static" / "console.css", media_type="text/css")


class _Console:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._room: anyio.CapacityLimiter | None = None
        self._checks: anyio.CapacityLimiter | None = None

    def endpoint(self, route: Route) -> Callable[[Request], object]:
        async def answer(request: Request) -> Response:
            request.scope["page"] = route.path
            return await self._answer(request, route)

        return answer

    async def _answer(self, request: Request, route: Route) -> Response:
        token = account.token_of(request, self._services.place)
        held = await self._thread(lambda: self._held(token))
        if token is None or held is None:
            return await account.expired(request, self._services)
        visit = self._visit(request, held, token)
        status, kept = 0, list[str]()
        try:
            if route.use_case:
                await self._thread(lambda: roles.require(visit.node, route.use_case))
            if route.method == "POST":
                async with request.form(max_files=1, max_fields=MAX_FIELDS) as form:
                    kept = account.written(form)
                    check_csrf(token, form)
                    kept = []
                    visit = self._visit(request, held, token, form)
                    return await self._thread(lambda: self._once(visit, route))
            return await self._thread(lambda: route.handler(visit))
        except errors.PsihashError as error:
            failed = error
        except TooLargeError:
            failed, status = account.unreadable(account.TOO_LARGE), 413
        except HTTPException:
            failed = account.unreadable("the form cannot be read")
        return await self._thread(lambda: pages.problem(visit, failed, status, kept))

    def _once(self, visit: Visit, route: Route) -> Response:
        name = visit.form.get(once.FIELD)
        return self._services.once.run(visit.csrf, name, lambda: route.handler(visit))

    def _held(self, token: bytes | None) -> Held | None:
        if token is None or len(token) != TOKEN_BYTES:
            return None
        return self._services.logins.find(token)

    def _visit(
        self, request: Request, held: Held, token: bytes, form: FormData | None = None
    ) -> Visit:
        node = self._services.node.acting(held.actor)
        return Visit(self._services, request, node, held, token, form or FormData())

    async def login(self, request: Request) -> Response:
        request.scope["page"] = "/login"
        token = account.token_of(request, self._services.place)
        if await self._thread(lambda: self._held(token)) is None:
            token = None
        if token is not None and request.method != "POST":
            return RedirectResponse("/", 303)
        return await account.login(request, self._services, self._check_thread, token)

    async def no_page(self, _request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        return pages.stranger(
            "nowhere.html",
            "There is no such page",
            self._services.node.agency,
            status if status in (404, 405) else 400,
        )

    async def fault(self, _request: Request, error: Exception) -> Response:
        """A fault of ours: its text could hold anything, so nobody sees it."""
        logs.CONSOLE.error("a fault: %s", type(error).__name__)
        return pages.stranger(
            "fault.html", "Something went wrong here", self._services.node.agency, 500
        )

    async def _check_thread(self, work: Callable[[], _T]) -> _T:
        """For checks of passwords: strangers who ask for many wait for each other."""
        if self._checks is None:
            self._checks = anyio.CapacityLimiter(CHECKS)
        return await anyio.to_thread.run_sync(work, limiter=self._checks)

    async def _thread(self, work: Callable[[], _T]) -> _T:
        if self._room is None:
            self._room = anyio.CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(work, limiter=self._room)
