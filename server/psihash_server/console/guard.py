"""What holds for every request and every answer of the console, before any page is looked for."""

from __future__ import annotations

import time
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from psihash_server import logs
from psihash_server.console.place import Place

MAX_FORM: Final = 512 * 1024
"""Bytes of a form: two texts of ten pages in any script, as browsers write them, and references of
hits."""
MAX_UPLOAD: Final = 256 * 1024 * 1024
"""Bytes of a partner's bundle. A hundred thousand common entries are about 100 MB."""
UPLOADS: Final = frozenset({"/compare"})

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HSTS: Final = "max-age=31536000"
_METHODS: Final = frozenset({"GET", "HEAD", "POST"})


class TooLargeError(Exception):
    """The body of a request is larger than its page takes."""


class Guard:
    """ASGI: refuses wrong hosts, methods and foreign POSTs, bounds bodies, adds headers, and logs
    one line with the page's pattern, never with its path."""

    def __init__(self, app: ASGIApp, place: Place) -> None:
        self._app, self._place = app, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started, status = time.monotonic(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(message)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await _plain(answer, *refusal)
        else:
            try:
                await self._app(scope, _bounded(scope, receive), answer)
            except TooLargeError:
                if not status:
                    await _plain(answer, 413, _too_large(scope))
        took = int((time.monotonic() - started) * 1000)
        facts = {"method": _method(scope), "code": str(status), "milliseconds": took}
        logs.CONSOLE.info("answered", extra=facts)

    def _add_headers(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            headers[name] = value
        if self._place.tls is not None:
            headers["Strict-Transport-Security"] = _HSTS

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        given: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name == b"host" and name in given:
                return 400, "This request names two hosts."
            given[name] = value
        if given.get(b"host", b"").decode("latin-1").lower() not in self._place.hosts:
            return 400, f"The console is called {self._place.url} here."
        if scope["method"] not in _METHODS:
            return 405, "The console takes GET and POST."
        if scope["method"] == "POST" and not self._is_own(given):
            return 403, "This form was not sent by a page of the console."
        length = given.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > _limit(scope):
            return 413, _too_large(scope)
        return None

    def _is_own(self, given: dict[bytes, bytes]) -> bool:
        """Browsers say where a form comes from in headers that no page can set. Origin is ``null``
        under our referrer policy; one of another site is refused in any case."""
        origin, site = given.get(b"origin"), given.get(b"sec-fetch-site")
        own = {f"{self._place.scheme}://{host}".encode() for host in self._place.hosts}
        if origin is not None and origin != b"null" and origin.lower() not in own:
            return False
        if site is not None:
            return site == b"same-origin"
        return origin is not None and origin != b"null"


def _too_large(scope: Scope) -> str:
    if scope["path"] in UPLOADS:
        return (
            f"The file is larger than {MAX_UPLOAD // 2**20} MiB. Go back and choose another; "
            "psihash audit compare takes bundles of any size."
        )
    return "This is larger than the page takes. Go back, and write less."


def _limit(scope: Scope) -> int:
    return MAX_UPLOAD if scope["path"] in UPLOADS else MAX_FORM


def _bounded(scope: Scope, receive: Receive) -> Receive:
    left = _limit(scope)

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLargeError
        return message

    return bounded


def _method(scope: Scope) -> str:
    """``GET /sessions/{session}``: the pattern of the page, set where one was found."""
    return f"{scope['method'] if scope['method'] in _METHODS else '?'} {scope.get('page', '-')}"


async def _plain(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
