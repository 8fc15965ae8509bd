"""What a command imports: ``psihash --help`` must come at once, so it may load nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("alembic", "cryptography", "google.protobuf", "grpc", "ijson", "numpy", "sqlalchemy")

PRINT_HEAVY = f"print(*(name for name in {HEAVY!r} if name in sys.modules))"

HELP = f"""
import sys
from psihash_client.main import main
sys.argv = ["psihash", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("--loaded--")
{PRINT_HEAVY}
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_loads_nothing_heavy() -> None:
    shown, _, loaded = run(HELP).partition("--loaded--")
    assert "psihash" in shown
    assert loaded.split() == []


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    assert run(f"import sys, psihash_client.main\n{PRINT_HEAVY}").split() == []


def test_the_installed_program_answers() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "psihash_client.main", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("module", ["psihash", "psihash.errors", "psihash.terms"])
def test_the_lowest_parts_load_nothing_heavy(module: str) -> None:
    assert run(f"import sys, {module}\n{PRINT_HEAVY}").split() == []
