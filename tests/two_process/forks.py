"""Starting real programs quickly: a process that has imported everything forks one for each.

What is forked runs the launcher's own way, with its own session, files, environment and end; only
the second of imports is saved. ``python -m tests.two_process.forks`` reads one request a line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.two_process import launcher, programs
from tests.two_process.agencies import quick_keys

_LOOK_SECONDS: Final = 0.01


class Child:
    """A forked program, with what tests use of :class:`subprocess.Popen`."""

    def __init__(self, stable: Stable, pid: int) -> None:
        self._stable, self.pid = stable, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._stable.ask({"wait": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (timeout or 1e9)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a forked program", timeout or 0)
            time.sleep(_LOOK_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Stable:
    """The process that forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.two_process.forks"],
            cwd=programs.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: Mapping[str, Any]) -> Any:
        talk = self._process
        assert talk.stdin is not None
        assert talk.stdout is not None
        talk.stdin.write(json.dumps(request) + "\n")
        talk.stdin.flush()
        return json.loads(talk.stdout.readline())

    def start(self, words: Sequence[str], out: Path, err: Path, env: Mapping[str, str]) -> Child:
        for path in (out, err):
            path.touch()
        request = {"words": list(words), "out": str(out), "err": str(err), "env": dict(env)}
        return Child(self, self.ask(request))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@contextmanager
def forking() -> Iterator[None]:
    """Programs are forked as long as this lasts."""
    stable, before = Stable(), programs.start_process
    programs.start_process = stable.start
    try:
        yield
    finally:
        programs.start_process = before
        stable.close()


def _serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            pid, status = os.waitpid(request["wait"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                _become(request)
                launcher.run()
                return
        print(json.dumps(answer), flush=True)


def _become(request: Mapping[str, Any]) -> None:
    os.setsid()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for number, name in ((1, "out"), (2, "err")):
        target = os.open(request[name], flags, 0o600)
        os.dup2(target, number)
        os.close(target)
    os.environ.update(request["env"])
    sys.argv = ["psihash", *request["words"]]


if __name__ == "__main__":
    quick_keys().__enter__()
    _serve()
