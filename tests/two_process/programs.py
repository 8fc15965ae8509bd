"""Starting the real programs, with or without a fault built in, and reading what they say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tests.two_process.agencies import BE, NL, Agencies

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = "tests.two_process.launcher"
FAULT = "PSIHASH_TEST_FAULT"


class Process(Protocol):
    """What is used of :class:`subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def kill(self) -> None: ...


Start = Callable[[Sequence[str], Path, Path, Mapping[str, str]], Process]
"""(words of psihash, file for its output, file for its errors, more environment)."""


def start_process(words: Sequence[str], out: Path, err: Path, env: Mapping[str, str]) -> Process:
    """A process of its own. :mod:`tests.two_process.forks` has a quicker way."""
    with out.open("wb") as out_stream, err.open("wb") as err_stream:
        return subprocess.Popen(
            [sys.executable, "-m", LAUNCHER, *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out_stream,
            stderr=err_stream,
            env=os.environ | env,
            start_new_session=True,
        )


@dataclass
class Ended:
    """A program that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.out)
        return value

    @property
    def error(self) -> str:
        """The code of the error that a command printed."""
        code: str = self.document["error"]["code"]
        return code


class Program:
    """A running program. Its outputs go to files, so that a full pipe never blocks it."""

    def __init__(self, home: Path, words: Sequence[str], fault: str = "", **env: str) -> None:
        name = f"{home.name}-{words[0]}-{time.monotonic_ns()}"
        self._out, self._err = (home.parent / f"{name}.{kind}" for kind in ("out", "err"))
        words = ["--home", str(home), "--json", *words]
        self.process = start_process(words, self._out, self._err, {FAULT: fault} | env)

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def wait(self, seconds: float = 60.0) -> Ended:
        code = self.process.wait(seconds)
        return Ended(code, self._out.read_text(), self.err)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> None:
        """End it whatever it does; for cleaning up."""
        if not self.ended:
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def run(home: Path, *words: str, fault: str = "", seconds: float = 60.0) -> Ended:
    """Run a command to its end."""
    program = Program(home, words, fault)
    try:
        return program.wait(seconds)
    finally:
        program.stop()


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait for something to become true; AssertionError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def start_server(agencies: Agencies, fault: str = "", *, port: int | None = None) -> Program:
    """be-police, answering; ``port`` where a proxy stands at the address on its card."""
    listen = f"127.0.0.1:{port or agencies.port}"
    server = Program(agencies.home(BE), ["serve", "--listen", listen], fault)
    try:
        until(lambda: "answers on" in server.err or server.ended, 30)
        assert not server.ended, server.err
    except BaseException:
        server.stop()
        raise
    return server


@contextmanager
def serving(agencies: Agencies, fault: str = "", *, port: int | None = None) -> Iterator[Program]:
    server = start_server(agencies, fault, port=port)
    try:
        yield server
    finally:
        server.stop()


def start_match(agencies: Agencies, fault: str = "") -> Program:
    """nl-police, matching with be-police."""
    words = ["match", BE, "--agreement", agencies.agreement]
    return Program(agencies.home(NL), words, fault)


def match(agencies: Agencies, fault: str = "", seconds: float = 60.0) -> Ended:
    program = start_match(agencies, fault)
    try:
        return program.wait(seconds)
    finally:
        program.stop()
