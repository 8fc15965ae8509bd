"""Every parser of hostile bytes: what the modules of this folder list as ``PARSERS``.

``tests/architecture/test_parsers.py`` insists that none is missing.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.parsers.parser import Parser


def _listed() -> tuple[Parser, ...]:
    found: list[Parser] = []
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if not path.stem.startswith(("test_", "table", "parser", "mutations")):
            found += importlib.import_module(f"tests.parsers.{path.stem}").PARSERS
    return tuple(found)


PARSERS = _listed()
