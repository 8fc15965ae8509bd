"""``psihash console`` as a process of its own: it starts, answers, and ends when told to."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from psihash.agreement.roster import OperatorRole
from psihash.node.home import opening
from psihash.node.people import operators
from tests.node import crew
from tests.pages import site

pytestmark = pytest.mark.two_process


def made(home: Path) -> Path:
    """A home with an operator; its keys are as strong as a real process wants them."""
    opening.create(home, opening.NewHome("nl-police", "Police", "NL"))
    node = opening.open_node(home)
    operators.add(node, "ada", [OperatorRole.ADMIN], crew.password("ada"))
    node.close()
    return home


def test_it_starts_answers_and_ends(tmp_path: Path) -> None:
    port = site.free_port()
    listen = f"127.0.0.1:{port}"
    words = ["--home", str(made(tmp_path / "home")), "console", "--listen", listen]
    command = [sys.executable, "-m", "psihash_client.main", *words, "--log-format", "json"]
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stream, env=dict(os.environ)
        )
    try:
        answer = _first_answer(port)
        assert answer == 200
        # Another console on the same port says so at once.
        second = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert second.returncode == 9
        assert b"cannot be listened on" in second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"The console has ended." in out
    said = log.read_text()
    assert f"the console is at http://{listen}/" in said
    assert "GET /login" in said


def _first_answer(port: int) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with contextlib.closing(
                http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            ) as connection:
                connection.request("GET", "/login")
                return connection.getresponse().status
        except OSError:
            time.sleep(0.1)
    raise AssertionError("it does not answer")
