"""Engines do not know each other; only the registry knows them all.

An engine is all modules of ``psi/engines`` whose names begin with the same word (``openmined.py``,
``openmined_frames.py``), or one folder there. import-linter cannot name such a family.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.repository import ROOT, parse, place, sources

ENGINES = ROOT / "src" / "psihash" / "psi" / "engines"
PREFIX = "psihash.psi.engines"


def imported(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """(node, dotted name) of everything that the tree imports, each name of a from-import too."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node, name.name) for name in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield from ((node, f"{module}.{name.name}") for name in names)
            case ast.ImportFrom():
                yield node, f"{PREFIX}.relative"


def family(module: str) -> str:
    """``openmined`` of ``psihash.psi.engines.openmined_frames.read``; else an empty string."""
    if not module.startswith(PREFIX + "."):
        return ""
    return module.removeprefix(PREFIX + ".").split(".")[0].split("_")[0]


def strangers(own: str, tree: ast.Module) -> list[ast.AST]:
    """Imports in an engine's module of another engine's."""
    return [node for node, name in imported(tree) if family(name) not in {"", own}]


def test_engines_do_not_know_each_other() -> None:
    found = []
    for path in sources("src"):
        if path.is_relative_to(ENGINES) and path != ENGINES / "__init__.py":
            own = path.relative_to(ENGINES).parts[0].removesuffix(".py").split("_")[0]
            found += [place(path, node) for node in strangers(own, parse(path))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "import psihash.psi.engines.ecdh",
        "from psihash.psi.engines import ecdh_frames",
        "from psihash.psi.engines.ecdh import x",
        "from . import ecdh",
    ],
)
def test_a_stranger_is_found(line: str) -> None:
    assert strangers("openmined", ast.parse(line))


@pytest.mark.parametrize(
    "line", ["from psihash.psi.engines import openmined_frames", "import psihash.psi.engine"]
)
def test_family_is_not(line: str) -> None:
    assert not strangers("openmined", ast.parse(line))
