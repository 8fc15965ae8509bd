"""Every function that reads bytes of a peer or of a file stands in the table of ``tests/parsers``,
or here with the reason why not."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator

import pytest

from tests.architecture.repository import ROOT, parse, sources
from tests.parsers.table import PARSERS

SOURCES = ROOT / "src" / "psihash"

READS = re.compile(
    r"(parse|decode|read|open|unpack|unpad|unseal|load|split|take|receive|overtake|respond|finish"
    r"|finalize|verify|check|sniff|from)(_|$)"
)
"""How a function is called that takes something apart or holds it against something."""

HOSTILE = re.compile(
    r"bytes|BinaryIO|StoredEntry|pb\.\w+|Rows|(Sequence|Iterable|list)\[(bytes|pb\.\w+|StoredEntry)\]"
)
"""Types of what a peer or a file says, before it was taken apart."""

WORDS = re.compile(r"(parse|decode|split)(_|$)")
"""Functions of these names may take text as well."""

OWN_ENVELOPE = "out of an envelope that only this node can make"

ELSEWHERE = {
    "hashset.formats.rdsv3.Rdsv3.read": "refuses every stream",
    "hashset.formats.records.split": "a part of the formats that read it",
    "node.casework.case_documents.open_from": "parse_sealed, open_envelope, casework.reading",
    "node.casework.case_taking.take": "hands the body to case_documents.open_from",
    "node.casework.case_taking.take_all": "hands each body to case_documents.open_from",
    "node.peering.contact.take": "hands each body to parse_card or parse_body",
    "node.agreeing.documents.take": "hands the body to parse_body",
    "node.agreeing.documents.take_all": "hands each body to parse_body",
    "node.people.login.open_key": "opens a key of this node's own store, by load_ed25519",
    "node.people.rosters.take": "hands the body to parse_record",
    "node.people.rosters.take_all": "hands each body to parse_record",
    "node.taking.take_each": "hands each body to the function that it is given",
    "psi.groups.sodium_proofs.verify": "SodiumGroup.verify",
    "psi.groups.sodium_proofs.verify_voprf": "SodiumGroup.verify_voprf",
    "node.running.snapshot.decode": OWN_ENVELOPE,
    "session.climb.Base.from_json": OWN_ENVELOPE,
    "session.result.SessionResult.from_json": OWN_ENVELOPE,
    "session.sealed_form.decode": OWN_ENVELOPE,
    "session.sealed_form.decode_items": OWN_ENVELOPE,
    "storage.verdicts.decode": "a column of this node's own store",
}


def takes_hostile(function: ast.FunctionDef) -> bool:
    """Whether the name and an argument's type say that it reads what others wrote."""
    if function.name.startswith("_") or not READS.match(function.name):
        return False
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    types = [ast.unparse(each.annotation) for each in given if each.annotation is not None]
    return any(
        HOSTILE.fullmatch(kind) or (kind == "str" and WORDS.match(function.name)) for kind in types
    )


def readers(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    """The dotted names of all such functions; protocols and private classes have none."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            ports = any("Protocol" in ast.unparse(base) for base in node.bases)
            if not ports and not node.name.startswith("_"):
                yield from readers(node.body, f"{prefix}.{node.name}")
        elif isinstance(node, ast.FunctionDef) and takes_hostile(node):
            yield f"{prefix}.{node.name}"


def found() -> set[str]:
    names: set[str] = set()
    for path in sources("src"):
        if path.is_relative_to(SOURCES) and not path.is_relative_to(SOURCES / "testing"):
            parts = path.relative_to(SOURCES).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            names |= set(readers(parse(path).body, module))
    return names


TRIED = {name for parser in PARSERS for name in parser.covers}


def test_every_parser_is_tried_with_hostile_bytes() -> None:
    missing = sorted(found() - TRIED - set(ELSEWHERE))
    assert not missing, "add them to tests/parsers: " + ", ".join(missing)


def test_nothing_is_excused_that_is_not_there() -> None:
    gone = sorted(set(ELSEWHERE) - found())
    assert not gone, "no such parsers: " + ", ".join(gone)


def test_nothing_is_excused_that_is_tried() -> None:
    assert not set(ELSEWHERE) & TRIED


@pytest.mark.parametrize("name", sorted(TRIED))
def test_what_is_said_to_be_tried_is_there(name: str) -> None:
    parts = name.split(".")
    # A class begins with a capital; everything before it, or before the last name, is a module.
    at = next((at for at, part in enumerate(parts) if part[0].isupper()), len(parts) - 1)
    holder = importlib.import_module(".".join(["psihash", *parts[:at]]))
    for part in parts[at:]:
        holder = getattr(holder, part)
    assert callable(holder)


@pytest.mark.parametrize(
    "source",
    [
        "def parse_card(data: bytes) -> int: ...",
        "class Frames:\n    def unpack(self, frame: bytes, kind: int) -> int: ...",
        "def decode(parts: Sequence[pb.Coverage]) -> int: ...",
        "def parse_time(text: str) -> int: ...",
        "def read(self, *, stream: BinaryIO) -> int: ...",
    ],
)
def test_a_parser_is_found(source: str) -> None:
    assert list(readers(ast.parse(source).body, "x"))


@pytest.mark.parametrize(
    "source",
    [
        "def _parse(data: bytes) -> int: ...",
        "def encode(data: bytes) -> int: ...",
        "def read(path: Path) -> int: ...",
        "class Store(Protocol):\n    def read(self, data: bytes) -> int: ...",
    ],
)
def test_other_functions_are_not(source: str) -> None:
    assert not list(readers(ast.parse(source).body, "x"))
