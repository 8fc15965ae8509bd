"""Telling a program on this machine that a watch has new hits, or that a run failed.

::

    POST PATH HTTP/1.1
    Psihash-Delivery: ID
    Psihash-Signature: t=1767225600,v1=HMAC-SHA-256(key, "1767225600." + body) in hex

    {"agreement": ..., "at": ..., "delivery": ..., "event": "new-hits", ...}

A message is queued in the transaction that stores what it tells, and sent after it: at least once,
under an id that stays the same. It has ids and counts and never a digest. Only addresses of this
machine are taken; redirects and proxies are not followed.
"""

from __future__ import annotations

import hmac
import http.client
import ipaddress
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from psihash import canonical, errors
from psihash.agreement.times import add_days, parse_time, whole_seconds
from psihash.audit.event import Event
from psihash.casework import clocks
from psihash.node import leasing
from psihash.node.central.outcome import RunOutcome
from psihash.node.home import files
from psihash.node.node import Node
from psihash.storage.watches import RunRow, WatchRow
from psihash.storage.webhooks import Delivery

BAD_WEBHOOK = errors.define(
    "bad-webhook", "the setting webhook_url is neither an http address of this machine nor a socket"
)
WEBHOOK_GIVEN_UP = errors.define(
    "webhook-given-up", "the local program did not take a message in seven days"
)

KEY_FILE: Final = "webhook.key"
KEY_BYTES: Final = 32
LEASE: Final = "webhook"
TIMEOUT_SECONDS: Final = 5.0
GIVE_UP_DAYS: Final = 7
RETRY_MINUTES: Final = (1, 1, 5, 15, 60)
"""After each attempt that failed; the last one for all further ones."""
_AT_ONCE: Final = 100
_ID_BYTES: Final = 16
_ANSWER_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class Address:
    """Where to send. With ``socket`` the connection goes there and not to the host."""

    host: str
    port: int
    path: str
    socket: str = ""


def parse_address(text: str) -> Address:
    """The setting ``webhook_url``. Raises InputError ``bad-webhook``."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not Path(path).is_absolute() or "\0" in path:
            raise _bad("a socket is named by its whole path: unix:/run/psihash/hook.sock")
        return Address("localhost", 0, "/", path)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or 80
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise _bad("its host is an address in numbers, and nothing else") from None
    if parts.scheme != "http" or not loopback:
        raise _bad("it must be an address of this machine: http://127.0.0.1:PORT/PATH")
    if parts.username or parts.password or parts.fragment or not parts.path.isascii():
        raise _bad("it has parts that such an address does not have")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if any(character <= " " for character in target):
        raise _bad("it has a space or a control character")
    return Address(host, port, target)


def prepare(node: Node) -> None:
    """Before a schedule begins: raise InputError ``bad-webhook``, and make the key."""
    if node.settings.webhook_url:
        parse_address(node.settings.webhook_url)
        key(node)


def key(node: Node) -> bytes:
    """The 32 bytes in HOME/webhook.key, made where there is no such file."""
    path = node.home / KEY_FILE
    if not path.exists():
        files.write(node.home, KEY_FILE, os.urandom(KEY_BYTES).hex().encode() + b"\n")
    return bytes.fromhex(files.read(node.home, KEY_FILE).decode().strip())


def queue(
    node: Node,
    row: WatchRow,
    run: RunRow,
    event: str,
    *,
    outcome: RunOutcome | None = None,
    code: str = "",
) -> None:
    """Leave a message, inside the transaction that stores what it tells."""
    if not node.settings.webhook_url:
        return
    name, now = node.rng(_ID_BYTES).hex(), node.stamp()
    said: dict[str, Any] = {
        "delivery": name,
        "event": event,
        "agency": node.agency,
        "peer": row.peer,
        "agreement": row.agreement,
        "watch": row.id,
        "slot": run.slot,
        "at": now,
    }
    if outcome is not None:
        said |= {"matched_items": outcome.matched_items, "new_items": outcome.new_items}
    if code:
        said["code"] = code
    body = canonical.encode(said)
    node.stores.webhooks.put(Delivery(name, row.id, body, now, attempts=0, next_try=now))


def deliver_due(node: Node) -> int:
    """Send what waits; how many were taken. Of several processes one does it."""
    if not node.settings.webhook_url or not node.stores.webhooks.due(node.stamp(), 1):
        return 0
    address = parse_address(node.settings.webhook_url)
    try:
        lease = leasing.acquire(node, LEASE)
    except errors.StateError:
        return 0
    try:
        waiting = node.stores.webhooks.due(node.stamp(), _AT_ONCE)
        secret = key(node)
        # Where one is not taken, the others are not tried: they would wait as long, each.
        return sum(1 for _ in _until_refused(node, address, secret, waiting))
    finally:
        leasing.give_back(node, lease)


def _until_refused(
    node: Node, address: Address, secret: bytes, waiting: list[Delivery]
) -> Iterator[Delivery]:
    for each in waiting:
        if not _send(address, secret, each, node.stamp()):
            _again(node, each)
            return
        node.stores.webhooks.tried(each, delivered=node.stamp())
        yield each


def _again(node: Node, each: Delivery) -> None:
    now = node.stamp()
    if add_days(whole_seconds(each.created), GIVE_UP_DAYS) <= now:
        with node.stores.database.transaction():
            node.stores.webhooks.tried(each)
            node.record(Event.INCIDENT, {"what": "webhook", "code": WEBHOOK_GIVEN_UP})
        return
    waits = RETRY_MINUTES[min(each.attempts, len(RETRY_MINUTES) - 1)]
    node.stores.webhooks.tried(each, next_try=clocks.add(now, minutes=waits))


def _send(address: Address, secret: bytes, each: Delivery, now: str) -> bool:
    """Whether the program said that it has taken the message."""
    connection = _connection(address)
    try:
        headers = {
            "Content-Type": "application/json",
            "Psihash-Delivery": each.id,
            "Psihash-Signature": signature(secret, each.body, now),
        }
        connection.request("POST", address.path, each.body, headers)
        answer = connection.getresponse()
        answer.read(_ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        return False
    else:
        return 200 <= answer.status < 300
    finally:
        connection.close()


def signature(secret: bytes, body: bytes, now: str) -> str:
    """The header's value at ``now`` (RFC 3339): the time is signed too, against replays."""
    stamp = str(int(parse_time(now).timestamp()))
    mac = hmac.digest(secret, stamp.encode() + b"." + body, "sha256")
    return f"t={stamp},v1={mac.hex()}"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(self._path)


def _connection(address: Address) -> http.client.HTTPConnection:
    if address.socket:
        return _UnixConnection(address.socket)
    return http.client.HTTPConnection(address.host, address.port, timeout=TIMEOUT_SECONDS)


def _bad(reason: str) -> errors.InputError:
    return errors.InputError(BAD_WEBHOOK, f"webhook_url cannot be used: {reason}")
