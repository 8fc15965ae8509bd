"""Generates the wire code from ``proto/``: ``write`` puts it into ``src``, ``check`` compares.

The generator is pinned in requirements/dev.txt, so the same definitions give the same bytes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WIRE = Path("psihash/wire/v1")


def generate(out: Path) -> None:
    """Run protoc over every definition into ``out``; raises if there is none or one is bad."""
    definitions = sorted(str(path) for path in (ROOT / "proto" / WIRE).glob("*.proto"))
    if not definitions:
        raise SystemExit(f"there is no definition in proto/{WIRE}")
    options = [f"--{kind}={out}" for kind in ("python_out", "pyi_out")]
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}", *options]
    subprocess.run([*command, *definitions], check=True)


def differences() -> list[str]:
    """Names of generated files that the tree lacks, has too many, or has in another version."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = {path.name: path.read_bytes() for path in (Path(folder) / WIRE).iterdir()}
    here = {path.name: path.read_bytes() for path in (ROOT / "src" / WIRE).glob("*_pb2*")}
    return sorted(name for name in fresh.keys() | here.keys() if fresh.get(name) != here.get(name))


def write() -> None:
    """Bring the tree's generated files up to date, and remove those of dropped definitions."""
    for stale in (ROOT / "src" / WIRE).glob("*_pb2*"):
        stale.unlink()
    generate(ROOT / "src")


def main(words: list[str]) -> None:
    """The command line: one word, ``write`` or ``check``."""
    match words:
        case ["write"]:
            write()
        case ["check"]:
            if names := differences():
                sys.exit(f"run make proto; these differ from proto/: {', '.join(names)}")
        case _:
            sys.exit("say write or check")


if __name__ == "__main__":
    main(sys.argv[1:])
