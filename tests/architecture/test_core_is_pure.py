"""The core opens no file, reads no clock and takes no environment: its callers pass these in.

The import contracts in pyproject.toml keep out modules; this looks at the calls that they cannot
see because the module has harmless uses too.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.repository import core_sources, parse, place

CLOCK = {"now", "today", "utcnow"}
PATH_IO = {
    "glob",
    "iterdir",
    "mkdir",
    "read_bytes",
    "read_text",
    "rglob",
    "unlink",
    "write_bytes",
    "write_text",
}
ENVIRONMENT = {"environ", "getenv"}
NUMPY_IO = {"fromfile", "genfromtxt", "loadtxt", "memmap", "save", "savetxt", "savez", "tofile"}


def impurities(tree: ast.Module) -> list[tuple[ast.AST, str]]:
    """(node, what it does) for every call in the tree that the core may not make."""
    found: list[tuple[ast.AST, str]] = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="open" | "input" | "print" as name)):
                found.append((node, name))
            case ast.Call(func=ast.Attribute(attr=name, value=ast.Name(id="datetime" | "date"))):
                if name in CLOCK:
                    found.append((node, name))
            case ast.Call(func=ast.Attribute(attr=name)) if name in PATH_IO:
                found.append((node, name))
            case ast.Attribute(attr=name, value=ast.Name(id="os")) if name in ENVIRONMENT:
                found.append((node, name))
            case ast.Attribute(attr=name, value=ast.Name(id="np" | "numpy")) if name in NUMPY_IO:
                found.append((node, name))
    return found


def test_the_core_is_pure() -> None:
    found = [
        f"{place(path, node)} {name}"
        for path in core_sources()
        for node, name in impurities(parse(path))
    ]
    assert not found, "\n".join(found)


def test_there_is_a_core_to_look_at() -> None:
    assert {path.name for path in core_sources()} >= {"terms.py", "canonical.py", "engine.py"}


@pytest.mark.parametrize(
    "line",
    [
        "open('x')",
        "datetime.now(tz)",
        "date.today()",
        "Path('x').read_bytes()",
        "os.environ['HOME']",
        "np.memmap('x')",
        "print('x')",
    ],
)
def test_an_impure_line_is_found(line: str) -> None:
    assert impurities(ast.parse(line))


@pytest.mark.parametrize("line", ["archive.open('x')", "datetime.fromisoformat(t)", "x.save()"])
def test_a_pure_line_is_not(line: str) -> None:
    assert not impurities(ast.parse(line)), Path(line)
