"""``docs/errors.md`` says what the code defines: each code once, each class with its exit code."""

from __future__ import annotations

import importlib
import os
import re
from collections import Counter
from functools import cache

import pytest

from psihash import errors
from tests.architecture import errors_page
from tests.architecture.repository import PACKAGES, ROOT, sources

OPTIONAL = {"distributed", "psihash_native", "private_set_intersection", "psycopg"}


@cache
def defined() -> tuple[errors_page.Code, ...]:
    """What the source defines, read once for all tests here."""
    return tuple(errors_page.codes())


def module_names() -> list[str]:
    """Every module of the three packages by its dotted name."""
    names = []
    for path in sources(*PACKAGES):
        if "__main__" in path.name or "migrations" in path.parts or "rust" in path.parts:
            continue
        start = ROOT / path.relative_to(ROOT).parts[0]
        names.append(".".join(path.relative_to(start).with_suffix("").parts))
    return [name.removesuffix(".__init__") for name in names]


def test_the_page_is_what_the_code_defines() -> None:
    assert errors_page.PAGE.is_file(), "run make docs"
    assert errors_page.PAGE.read_text(encoding="utf-8") == errors_page.page(), "run make docs"


def test_no_code_is_defined_twice() -> None:
    counts = Counter(found.code for found in defined())
    assert [code for code, n in counts.items() if n > 1] == []


def test_codes_are_lower_case_words_joined_by_hyphens() -> None:
    form = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
    assert [c.code for c in defined() if not form.fullmatch(c.code)] == []


def test_every_meaning_says_something() -> None:
    assert [c.code for c in defined() if len(c.meaning.split()) < 2] == []


@pytest.mark.parametrize("name", module_names())
def test_every_module_imports_and_defines_no_code_in_secret(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "_exit", lambda code: pytest.fail(f"{name} ends the process"))
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in OPTIONAL:
            raise
    written = {found.code for found in defined()}
    assert {code for code in errors.CODES if not code.startswith("test-")} <= written
