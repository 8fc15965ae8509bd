"""What the architecture tests look at: the files of this tree, without what tools leave behind."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("src", "server", "client")
CORE = (
    "session",
    "casework",
    "psi",
    "audit",
    "agreement",
    "hashset",
    "identity",
    "taskforce",
    "central",
    "terms.py",
    "bulk.py",
    "canonical.py",
    "errors.py",
    "limits.py",
)
"""The parts of src/psihash below node/ and storage/: no input or output, no clock, no threads."""


def _left_by_tools() -> frozenset[str]:
    names = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    return frozenset(name.strip().strip("/") for name in names if name.strip()) | {".git"}


def files(*folders: str) -> Iterator[Path]:
    """All regular files under the folders (of the whole tree, when none is named), sorted."""
    skipped = _left_by_tools()
    for start in [ROOT / folder for folder in folders] or [ROOT]:
        for folder, below, names in os.walk(start):
            below[:] = sorted(set(below) - skipped - {n for n in below if n.endswith(".egg-info")})
            yield from (Path(folder, name) for name in sorted(names) if name not in skipped)


def is_generated(path: Path) -> bool:
    """Whether the file comes out of protoc."""
    return path.name.endswith(("_pb2.py", "_pb2.pyi"))


def sources(*folders: str) -> Iterator[Path]:
    """The hand-written Python files under the folders."""
    for path in files(*folders):
        if path.suffix == ".py" and not is_generated(path):
            yield path


def core_sources() -> Iterator[Path]:
    """The hand-written Python files of the core."""
    top = ROOT / "src" / "psihash"
    for path in sources("src"):
        if path.is_relative_to(top) and path.relative_to(top).parts[0] in CORE:
            yield path


def parse(path: Path) -> ast.Module:
    """The syntax tree of one source file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, node: ast.AST | None = None) -> str:
    """``src/psihash/terms.py:12``, for a failure's message."""
    where = path.relative_to(ROOT).as_posix()
    return f"{where}:{getattr(node, 'lineno', 0)}" if node is not None else where
