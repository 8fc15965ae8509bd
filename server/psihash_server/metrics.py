"""Metrics in Prometheus' text format, on loopback only. No label names an agency, an agreement, a
session or a person: outcomes and states alone."""

from __future__ import annotations

import datetime as dt
import ipaddress
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from psihash import errors
from psihash.node.clock import seconds
from psihash.node.home.tls_probe import split_endpoint
from psihash.node.node import Node
from psihash_server.small_http import Page, SmallServer

METRICS_NOT_LOOPBACK = errors.define(
    "metrics-not-loopback", "metrics are shown on a loopback address only"
)

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_OK: Final = "ok"


class Calls:
    """How the calls of this process ended, by method and code. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, method: str, code: str) -> None:
        with self._lock:
            self._counts[method, code or _OK] += 1

    def counts(self) -> dict[tuple[str, str], int]:
        with self._lock:
            return dict(self._counts)


def server(node: Node, calls: Calls, listen: str) -> SmallServer:
    """The server, listening but not yet answering. Raises InputError ``metrics-not-loopback``."""
    host, _ = split_endpoint(listen)
    if not _is_loopback(host.strip("[]")):
        raise errors.InputError(
            METRICS_NOT_LOOPBACK,
            "metrics_listen must be a loopback address",
            hint="use 127.0.0.1:PORT, and a collector on this machine",
        )
    routes = {("GET", "/metrics"): lambda _: Page(200, render(node, calls).encode(), TEXT)}
    return SmallServer(listen, routes, 0)


def render(node: Node, calls: Calls) -> str:
    """All metrics as they stand."""
    return "".join(line + "\n" for line in _lines(node, calls))


def _lines(node: Node, calls: Calls) -> Iterator[str]:
    by_call = {f'method="{m}",code="{c}"': n for (m, c), n in sorted(calls.counts().items())}
    yield from _metric("calls_total", "counter", "Calls answered, by outcome.", by_call)
    outcomes = Counter(row.outcome or "open" for row in node.stores.sessions.all())
    yield from _metric("sessions", "gauge", "Sessions, by outcome.", _labelled("code", outcomes))
    states = Counter(row.status.value for row in node.stores.peers.all())
    yield from _metric("peers", "gauge", "Peers, by status.", _labelled("status", states))
    kept = node.stores.log.checkpoints()
    figures = {
        "log_entries": ("Entries of the log.", node.stores.log.head().size),
        "log_signed_entries": ("Entries under a checkpoint.", kept[-1][0] if kept else 0),
        "log_cosigned_entries": ("Entries under a cosigned checkpoint.", _cosigned(node)),
        "log_incidents_open": (
            "Contradictions in others' logs that wait for a decision.",
            len(node.stores.witnessing.incidents(open_only=True)),
        ),
        "documents_waiting": ("Documents that wait for peers.", len(node.stores.outbox.waiting())),
        "cosigning_overdue": (
            "Active peers without an exchange of checkpoints for two days.",
            _overdue(node),
        ),
    }
    for name, (text, value) in figures.items():
        yield from _metric(name, "gauge", text, {"": value})


def _metric(name: str, kind: str, text: str, values: Mapping[str, int]) -> Iterator[str]:
    yield f"# HELP psihash_{name} {text}"
    yield f"# TYPE psihash_{name} {kind}"
    for labels, value in values.items():
        yield f"psihash_{name}{{{labels}}} {value}" if labels else f"psihash_{name} {value}"


def _labelled(label: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {f'{label}="{word}"': count for word, count in sorted(counts.items())}


def _cosigned(node: Node) -> int:
    return max((row.size for row in node.stores.witnessing.cosignatures()), default=0)


def _overdue(node: Node) -> int:
    since = seconds(node.now() - dt.timedelta(days=2))
    rounds = (
        node.stores.witnessing.round(row.agency)
        for row in node.stores.peers.all()
        if row.status.value == "active"
    )
    return sum(each is None or each.done is None or each.done < since for each in rounds)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
