"""A file is one room with one purpose: none over 400 lines."""

from __future__ import annotations

from tests.architecture.repository import PACKAGES, files, is_generated, place

LONGEST = 400


def test_no_source_file_is_too_long() -> None:
    rooms = [
        path
        for path in files(*PACKAGES)
        if path.suffix in {".py", ".rs"} and not is_generated(path)
    ]
    assert rooms
    lengths = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in rooms}
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}
