"""docs/audit-log.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from psihash.audit import entry, note, verify
from psihash.audit.event import Event
from psihash.audit.merkle import leaf_hash

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit-log.md").read_text(encoding="utf-8")


def test_every_event_is_on_the_page_with_its_operation() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| .+ \| ([a-z]+) \|$", PAGE, re.MULTILINE)
    assert rows == [(event.value, event.led_operation.value) for event in Event]


def test_every_cause_is_on_the_page() -> None:
    for code in (
        entry.ENTRY_CHANGED,
        verify.ENTRY_MISSING,
        verify.ENTRY_REORDERED,
        verify.ENTRY_BACKDATED,
        verify.LOG_TRUNCATED,
        verify.LOG_FORKED,
        verify.CHECKPOINT_ROLLED_BACK,
        verify.CHECKPOINT_FORGED,
        verify.CHECKPOINT_MISSING,
    ):
        assert f"| `{code}` |" in PAGE


def test_the_limits_are_on_the_page() -> None:
    assert f"{entry.MAX_PART_BYTES:,} bytes" in PAGE
    assert f"{note.MAX_NOTE_BYTES:,} bytes and {note.MAX_SIGNATURES} signatures" in PAGE


def test_the_example_is_what_the_code_makes() -> None:
    made = entry.build_entry(
        "psihash/log/nl-police",
        0,
        "2026-01-01T00:00:00.000Z",
        Event.INCIDENT,
        None,
        {"what": "clock-set"},
        bytes,
    )
    assert f"    {made.header.decode()}\n" in PAGE
    assert f"`{(made.local or b'').decode()}`" in PAGE
    assert f"`{leaf_hash(made.header).hex()}`" in PAGE
