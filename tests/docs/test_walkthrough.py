"""The walk-through works as it stands: its blocks are run, in one shell, against a fresh demo."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT

pytestmark = pytest.mark.two_process
PAGE = ROOT / "docs" / "walkthrough.md"
QUICK = (
    "from psihash.identity import keys, passwords; keys.KDF_ROUNDS = 1; passwords.COST = 4; "
    "from psihash_client.main import main; main()"
)
"""The normal program, but for passwords and passphrases that open at once."""
DEMO = (
    "import sys; from psihash_client import demo, demo_agency; "
    f"demo_agency._COMMAND = (sys.executable, '-c', {QUICK!r}); "
    "demo.ITEMS, demo.OVERLAP = (600, 900), 0.3; "
    "sys.exit(demo.main(['demo-output']))"
)


def environment(folder: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PSIHASH_")}
    path = os.pathsep.join([str(folder / ".venv" / "bin"), kept["PATH"]])
    return kept | {"PATH": path}


def blocks() -> list[tuple[str, str]]:
    """(code that refuses it or "", commands) of each fenced block."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(r"^```sh(?: refused=([a-z-]+))?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def script() -> str:
    """All blocks. One that is to be refused must be, and by its code."""
    parts = ["set -m", "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT", "set -eu -o pipefail"]
    for number, (code, commands) in enumerate(blocks()):
        if not code:
            parts.append(f"echo '# block {number}'\n{commands}")
            continue
        said = f"refused-{number}"
        parts.append(
            f"if {{ {commands.strip()}\n}} 2> {said}; then exit 9; fi\n"
            f"grep -q 'code: {code}' {said} || {{ cat {said}; exit 9; }}"
        )
    return "\n".join(parts)


def test_every_block_is_found() -> None:
    assert len(blocks()) == PAGE.read_text(encoding="utf-8").count("\n```sh")


@pytest.mark.timeout(560)
def test_the_walk_works_when_pasted(tmp_path: Path) -> None:
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    program = programs / "psihash"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{QUICK}" "$@"\n')
    program.chmod(0o755)
    made = subprocess.run(
        [sys.executable, "-c", DEMO],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    done = subprocess.run(
        ["bash", "-c", script()],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-3_000:]
    log = (tmp_path / "demo-output" / "serve.log").read_text()
    assert "Traceback" not in log
    assert "Traceback" not in done.stderr
    for name in ("page.html", "common.csv", "statistics.csv", "statistics.html"):
        assert (tmp_path / "demo-output" / name).stat().st_size > 100
