"""``docs/exports.md`` names every column, field, tag and code that an export can hold."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from psihash.export import EXPORTERS, write
from psihash.export.csv_table import COUNT_COLUMNS, ITEM_COLUMNS
from psihash.hashset.model import Category, Dialect, Verdict
from psihash.testing import results

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()


@pytest.mark.parametrize("column", [*ITEM_COLUMNS, *COUNT_COLUMNS])
def test_every_column(column: str) -> None:
    # The peer's verdict columns are documented once, with the own ones of the same name.
    own = column.replace("peer_", "own_")
    assert f"`{column}`" in PAGE or (own in ITEM_COLUMNS and f"`{own}`" in PAGE)


def test_every_json_field_and_vics_property() -> None:
    verdict = Verdict(
        Category(Dialect.UK, "1"), True, True, True, ("S",), "2024-01-01", 1, "NL", "me"
    )
    item = results.item(
        verdicts=(("a", verdict),),
        records=(results.record(verdict),),
        size=1,
        media_type="image/png",
    )
    for fmt in ("json", "vics"):
        stream = io.BytesIO()
        write(results.result(items=(item,)), fmt, stream)
        document = json.loads(stream.getvalue())
        entries = document.get("items") or document["value"]
        for name in [*(document if fmt == "json" else ()), *entries[0]]:
            assert f"`{name}`" in PAGE or f"`{name}[]`" in PAGE, name


def test_every_format_and_code() -> None:
    for name in EXPORTERS:
        assert f"## {name}" in PAGE
    for code in ("export-unknown-format", "export-needs-items"):
        assert f"`{code}`" in PAGE
