"""Strangers hold connections to the console, to a witness and to metrics; everybody is answered."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import uvicorn
from psihash_server import small_http
from psihash_server.console.connections import Connections
from psihash_server.small_http import Page, SmallServer
from psihash_server.waiting import Waiting, who

from tests.two_process.agencies import free_port
from tests.two_process.programs import until

SECONDS = 0.6
MOST = 4


async def page(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole request, then says how long it was."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(length).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def console() -> Iterator[int]:
    config = uvicorn.Config(
        page,
        port=0,
        http=Connections(MOST, SECONDS).protocol(),
        loop="asyncio",
        lifespan="off",
        log_config=None,
        limit_concurrency=2 * MOST,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def witness() -> Iterator[int]:
    routes = {("POST", "/"): lambda body: Page(200, str(len(body)).encode(), "text/plain")}
    server = SmallServer(f"127.0.0.1:{free_port()}", routes, 1_000_000)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(params=[console, witness])
def port(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(small_http, "SECONDS", SECONDS)
    monkeypatch.setattr(small_http, "CONNECTIONS", MOST)
    with request.param() as found:
        yield found


def post(port: int, size: int = 3) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/", b"x" * size)
        reply = connection.getresponse()
        assert reply.status == 200
        return reply.read()
    finally:
        connection.close()


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(4096) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.mark.parametrize(
    "said",
    [b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"],
)
def test_connections_that_say_nothing_close_it_to_nobody(port: int, said: bytes) -> None:
    with ExitStack() as stack:
        held = []
        for _ in range(5 * MOST):
            held.append(stack.enter_context(socket.create_connection(("127.0.0.1", port))))
            with suppress(OSError):  # closed already, by those that came after it
                held[-1].sendall(said)
        assert post(port) == b"3"
        until(lambda: not any(map(is_open, held)))
        assert post(port) == b"3"


def test_a_byte_now_and_then_is_no_request(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as slow:
        started = time.monotonic()
        slow.sendall(b"POST / HTTP/1.1\r\nX: ")
        while time.monotonic() - started < SECONDS + 0.6:
            try:
                slow.sendall(b"y")
            except OSError:
                break
            time.sleep(0.1)
        assert not is_open(slow)


def test_what_comes_in_time_is_read_whole(port: int) -> None:
    assert post(port, 900_000) == b"900000"


def test_a_connection_that_is_used_again_has_its_time_again() -> None:
    with console() as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for _ in range(3):
            time.sleep(SECONDS / 2)
            connection.request("POST", "/", b"abc")
            assert connection.getresponse().read() == b"3"
        connection.close()


def test_who_has_most_goes_first() -> None:
    waiting: Waiting[int] = Waiting(3)
    assert [waiting.enter(n, "192.0.2.1") for n in (1, 2)] == [None, None]
    assert waiting.enter(3, "192.0.2.2") is None
    assert waiting.enter(4, "192.0.2.3") == 1
    waiting.leave(2)
    assert waiting.enter(5, "192.0.2.3") is None
    assert waiting.enter(6, "192.0.2.2") in (3, 4)
    assert who("2001:db8::1") == who("2001:db8::ffff:2") != who("2001:db8:0:1::1")
    assert who("::ffff:192.0.2.1") == "192.0.2.1"
    assert who("testclient") == "testclient"
