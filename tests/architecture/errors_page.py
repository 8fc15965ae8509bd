"""Writes ``docs/errors.md`` from the code: ``write`` puts it into the tree, ``check`` compares.

The codes are read from the source text, not by importing it, so the page is the same on a machine
that lacks an optional part.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from psihash import errors
from tests.architecture.repository import PACKAGES, ROOT, parse, place, sources

PAGE = ROOT / "docs" / "errors.md"

INTRODUCTION = """\
# Errors

Every refusal and failure has a code that stays the same from release to release, in the programs'
messages, in the log and on the wire. A message never holds a digest, a key or text from a peer.
`make docs` writes this page from the code.

## Exit codes

The programs end with 0 when all went well, else with the code of the error's class.

| exit code | class | what it means |
| --- | --- | --- |
"""

CODES_HEAD = """
## Codes

| code | what it means | defined in |
| --- | --- | --- |
"""


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """One stable error code as the source defines it."""

    code: str
    meaning: str
    module: str


def _is_define(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr="define", value=ast.Name(id="errors"))):
            return True
        case ast.Call(func=ast.Name(id="define")):
            return True
    return False


def codes() -> Iterator[Code]:
    """Every code that the tree defines; raises on one whose words are not plain text."""
    for path in sources(*PACKAGES):
        for node in ast.walk(parse(path)):
            if not _is_define(node):
                continue
            match node:
                case ast.Call(args=[ast.Constant(value=str(code)), ast.Constant(value=str(text))]):
                    start = path.relative_to(ROOT).parts[0]
                    module = path.relative_to(ROOT / start).with_suffix("")
                    yield Code(code, text, ".".join(module.parts).removesuffix(".__init__"))
                case _:
                    raise ValueError(f"{place(path, node)}: give define two plain strings")


def classes(root: type[errors.PsihashError] = errors.PsihashError) -> list[tuple[int, str, str]]:
    """(exit code, class name, first line of its docstring) of the whole error tree."""
    rows = [(root.exit_code, root.__name__, (root.__doc__ or "").strip().splitlines()[0])]
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            rows += classes(child)
    return sorted(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def page() -> str:
    """The whole page as Markdown."""
    exits = "".join(f"| {code} | `{name}` | {_cell(text)} |\n" for code, name, text in classes())
    rows = (f"| `{c.code}` | {_cell(c.meaning)} | `{c.module}` |\n" for c in sorted(codes()))
    return INTRODUCTION + exits + CODES_HEAD + "".join(rows)


def main(words: list[str]) -> None:
    """The command line: one word, ``write`` or ``check``."""
    match words:
        case ["write"]:
            PAGE.parent.mkdir(exist_ok=True)
            PAGE.write_text(page(), encoding="utf-8")
        case ["check"]:
            if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
                sys.exit("run make docs: docs/errors.md is not what the code defines")
        case _:
            sys.exit("say write or check")


if __name__ == "__main__":
    main(sys.argv[1:])
