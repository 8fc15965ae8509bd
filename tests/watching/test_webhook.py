"""The local webhook: told after the commit, at least once, signed, and nobody elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import re
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from psihash import errors
from psihash.node.node import Node
from psihash.node.watching import running, watches, webhook
from psihash.node.watching.watches import Draft
from tests.watching.centre import Centre, Clock, md5
from tests.watching.test_runs import PEER, lying


class Hook:
    """A program that takes messages, or refuses them."""

    def __init__(self) -> None:
        self.status, self.taken = 204, list[tuple[dict[str, str], bytes]]()

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.taken.append((dict(self.headers.items()) | {"path": self.path}, body))
                self.send_response(hook.status)
                self.send_header("Location", "http://192.0.2.1/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def address_string(self) -> str:
                return "here"

        return Handler


@pytest.fixture
def hook() -> Hook:
    return Hook()


@pytest.fixture
def listening(hook: Hook) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), hook.handler())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/psihash?for=us"
    server.shutdown()
    server.server_close()


@pytest.fixture
def watch(node: Node, agreement: str, listening: str) -> str:
    node.settings = replace(node.settings, webhook_url=listening)
    draft = Draft(PEER, agreement, ["cases"], "0 2 * * *", "Europe/Brussels")
    return watches.add(node, draft).id


def test_new_hits_are_told_once_and_signed(node: Node, watch: str, hook: Hook) -> None:
    ran = running.run_now(node, watch, runner=Centre(1, 2))
    assert hook.taken == []
    assert webhook.deliver_due(node) == 1
    assert webhook.deliver_due(node) == 0
    ((headers, body),) = hook.taken
    said = json.loads(body)
    assert said == {
        "agency": node.agency,
        "agreement": ran and said["agreement"],
        "at": node.stamp(),
        "delivery": headers["Psihash-Delivery"],
        "event": "new-hits",
        "matched_items": 2,
        "new_items": 2,
        "peer": PEER,
        "slot": ran.slot,
        "watch": watch,
    }
    stamp, mac = re.fullmatch(r"t=(\d+),v1=(\w{64})", headers["Psihash-Signature"]).groups()  # type: ignore[union-attr]
    key = bytes.fromhex((node.home / webhook.KEY_FILE).read_text())
    expected = hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256)
    assert mac == expected.hexdigest()
    assert int(stamp) == int(node.now().timestamp())
    assert headers["path"] == "/psihash?for=us"
    assert (node.home / webhook.KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert md5(1).encode() not in body


def test_nothing_new_is_no_news_but_a_failure_is(node: Node, watch: str, hook: Hook) -> None:
    centre = Centre(1)
    running.run_now(node, watch, runner=centre)
    running.run_now(node, watch, runner=centre)
    centre.before = lying
    with pytest.raises(errors.VerificationError):
        running.run_now(node, watch, runner=centre)
    webhook.deliver_due(node)
    told = [json.loads(body) for _, body in hook.taken]
    assert sorted((each["event"], each.get("code", "")) for each in told) == [
        ("new-hits", ""),
        ("run-failed", "wrong-author"),
    ]


def test_a_program_that_refuses_is_asked_again(
    node: Node, clock: Clock, watch: str, hook: Hook
) -> None:
    running.run_now(node, watch, runner=Centre(1))
    for hook.status in (500, 302, 404):
        assert webhook.deliver_due(node) == 0
        assert webhook.deliver_due(node) == 0
        clock.ahead(minutes=5)
    hook.status = 200
    assert webhook.deliver_due(node) == 1
    ids = {headers["Psihash-Delivery"] for headers, _ in hook.taken}
    assert (len(hook.taken), len(ids)) == (4, 1)


def test_it_is_given_up_after_a_week(node: Node, clock: Clock, watch: str, hook: Hook) -> None:
    running.run_now(node, watch, runner=Centre(1))
    hook.status = 503
    webhook.deliver_due(node)
    assert node.stores.webhooks.waiting() == 1
    clock.ahead(days=8)
    webhook.deliver_due(node)
    assert node.stores.webhooks.waiting() == 0
    assert len(hook.taken) == 2


def test_a_program_that_is_not_there_loses_nothing(
    node: Node, clock: Clock, watch: str, hook: Hook, listening: str
) -> None:
    node.settings = replace(node.settings, webhook_url="http://127.0.0.1:9/")
    running.run_now(node, watch, runner=Centre(1))
    assert webhook.deliver_due(node) == 0
    node.settings = replace(node.settings, webhook_url=listening)
    clock.ahead(minutes=1)
    assert webhook.deliver_due(node) == 1


def test_what_did_not_commit_is_not_told(node: Node, watch: str, hook: Hook) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise errors.StorageError("store-failed", "the disk is full")

    node.stores.watches.change_run = fail  # type: ignore[method-assign]
    with pytest.raises(errors.StorageError):
        running.run_now(node, watch, runner=Centre(1))
    assert webhook.deliver_due(node) == 0
    assert hook.taken == []
    assert node.stores.watch_hits.of(watch) == []


def test_a_socket_does_as_well(node: Node, watch: str, hook: Hook, tmp_path: Path) -> None:
    path = tmp_path / "hook.sock"

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(path), hook.handler()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        node.settings = replace(node.settings, webhook_url=f"unix:{path}")
        running.run_now(node, watch, runner=Centre(1))
        assert webhook.deliver_due(node) == 1
        server.shutdown()
    assert len(hook.taken) == 1


@pytest.mark.parametrize(
    "text",
    [
        "", "http://example.org/", "http://localhost/", "http://10.0.0.1/", "http://0.0.0.0:80/",
        "https://127.0.0.1/", "http://127.0.0.1:99999/", "http://user@127.0.0.1/",
        "http://127.0.0.1/#x", "http://127.0.0.1@example.org/", "http://127.0.0.1.example.org/",
        "http://[::ffff:10.0.0.1]/", "http://2130706433/", "ftp://127.0.0.1/", "unix:hook.sock",
        "unix:", "file:///etc/passwd", "http://127.0.0.1/a\r\nX: y", "http://127.0.0.1/é",
    ],
)  # fmt: skip
def test_no_other_machine_is_told(text: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        webhook.parse_address(text)
    assert caught.value.code == webhook.BAD_WEBHOOK


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]"])
def test_this_machine_is(host: str) -> None:
    assert webhook.parse_address(f"http://{host}:8080/x").port == 8080
