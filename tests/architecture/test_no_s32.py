"""NumPy's byte-string types drop trailing zero bytes, so a digest that ends in 00 changes.

Digests and tokens are ``uint8[n, length]``; no source may name a byte-string type.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.repository import PACKAGES, parse, place, sources

# "S32", "|S32", ">S16", and as one field of several: "u4,S32".
BYTE_STRING = re.compile(r"(^|,)\s*\d*[<>=|]?[Sa]\d+\s*(,|$)")
BARE = re.compile(r"^[<>=|]?[Sa]$")
TAKES_TYPE = {"array", "asarray", "astype", "dtype", "empty", "frombuffer", "full", "view", "zeros"}


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def byte_strings(tree: ast.Module) -> list[ast.AST]:
    """Every place in the tree that names a byte-string type."""
    found: list[ast.AST] = []
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if BYTE_STRING.search(text):
                found.append(node)
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), ast.FormattedValue()]):
                if BARE.match(text):
                    found.append(node)
            case ast.Attribute(attr="bytes_" | "string_" | "S", value=ast.Name(id="np" | "numpy")):
                found.append(node)
            case ast.Call() if _called(node) in TAKES_TYPE:
                types = [*node.args, *(word.value for word in node.keywords if word.arg == "dtype")]
                found += [word for word in types if _is_bytes(word)]
    return found


def _is_bytes(word: ast.expr) -> bool:
    match word:
        case ast.Constant(value=str(text)):
            return bool(BARE.match(text))
        case ast.Name(id="bytes"):
            return True
    return False


def test_no_source_names_a_byte_string_type() -> None:
    found = [
        place(path, node)
        for path in sources(*PACKAGES, "benchmarks")
        for node in byte_strings(parse(path))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "np.zeros(3, dtype='S32')",
        "x.view('|S16')",
        "x.astype(f'S{n}')",
        "np.array(x, dtype=bytes)",
        "np.bytes_",
        "np.dtype('u4,S32')",
        "x.astype('S')",
    ],
)
def test_a_byte_string_type_is_found(line: str) -> None:
    assert byte_strings(ast.parse(line))


@pytest.mark.parametrize("line", ["np.zeros(3, 'u1')", "'S'.join(x)", "f('SHA1')", "bytes(x)"])
def test_other_words_are_not(line: str) -> None:
    assert not byte_strings(ast.parse(line))
