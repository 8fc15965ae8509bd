"""What the demo needs of an operating system: its folder, free ports, commands, two servers."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MARKER: Final = ".psihash-demo"
"""Stands in a folder that a demo made, from the first moment on: such a folder may be replaced."""

_COMMAND: Final = (sys.executable, "-m", "psihash_client")
_COMMAND_SECONDS: Final = 300
_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 20
_READY: Final = "psihash answers on "
_SHOWN: Final = 60
"""Characters of one word of a command that is printed."""


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


def new_folder(folder: Path) -> None:
    """Make the folder anew. Raises DemoError where it holds anything but an earlier demo."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise DemoError(f"{folder} is not a folder of its own; name another one")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARKER).is_file():
            raise DemoError(f"{folder} is not the output of an earlier demo; name another folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address on which nothing listens now."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]


@dataclass(frozen=True)
class DemoAgency:
    """One agency: its home, and the program run on it as its operator would run it."""

    id: str
    home: Path
    port: int

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def run(self, *words: str, shown: str = "") -> dict[str, Any]:
        """One command; its document. Raises DemoError with the command's own words if it fails."""
        print(f"  {self.id}$ psihash {shown or _shown(words)}", flush=True)
        try:
            done = subprocess.run(
                [*_COMMAND, "--home", str(self.home), "--json", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=_environment(),
                timeout=_COMMAND_SECONDS,
                check=False,
            )
            document: dict[str, Any] = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            raise DemoError(f"psihash {words[0]} took more than {_COMMAND_SECONDS} s") from None
        except ValueError:
            raise DemoError(f"psihash {words[0]} ended without a result") from None
        if done.returncode != 0:
            error = document.get("error", {})
            raise DemoError(f"psihash {words[0]}: {error.get('message')} ({error.get('code')})")
        return document

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """The agency's server as a process of its own, ended at the end whatever happens."""
        log = self.home.parent / f"{self.id}-serve.log"
        with log.open("wb") as stream:
            server = subprocess.Popen(
                [*_COMMAND, "--home", str(self.home), "serve"],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=_environment(),
            )
        try:
            _await_ready(server, log)
            print(f"  {self.id} answers on {self.endpoint}", flush=True)
            yield
        finally:
            _end(server)


def _shown(words: tuple[str, ...]) -> str:
    short = (word if len(word) <= _SHOWN else word[: _SHOWN - 3] + "..." for word in words)
    return shlex.join(short)


def _environment() -> dict[str, str]:
    """Ours without psihash's own settings, or both agencies would work on the same home."""
    return {name: text for name, text in os.environ.items() if not name.startswith("PSIHASH_")}


def _await_ready(server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while _READY not in log.read_text(errors="replace"):
        if server.poll() is not None:
            raise DemoError(f"a server ended at once; {log} says why")
        if time.monotonic() > deadline:
            raise DemoError(f"a server was not ready within {_START_SECONDS} seconds; see {log}")
        time.sleep(0.1)


def _end(server: subprocess.Popen[bytes]) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave one
    try:
        server.terminate()
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    finally:
        signal.signal(signal.SIGINT, before)
