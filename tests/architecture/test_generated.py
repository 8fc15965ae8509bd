"""The wire code in the tree is what the pinned generator makes of ``proto/``."""

from __future__ import annotations

from tests.architecture.generated_code import differences
from tests.architecture.repository import ROOT


def test_the_wire_code_is_what_the_definitions_generate() -> None:
    assert differences() == [], "run make proto"


def test_generated_files_are_marked() -> None:
    marks = (ROOT / ".gitattributes").read_text(encoding="utf-8")
    for ending in ("_pb2.py", "_pb2.pyi"):
        assert f"src/psihash/wire/v1/*{ending} linguist-generated" in marks
