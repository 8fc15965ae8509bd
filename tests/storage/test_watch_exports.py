"""Exports of watches stand beside those of sessions, on both databases."""

from __future__ import annotations

from psihash.storage.database import Database
from psihash.storage.exports import ExportRow, ExportStore

ROW = ExportRow("w5c1f0", "eu-centre", "2026-01-02T00:00:00Z", "csv", "out.csv", 3, "ann")


def test_they_are_found_by_watch_peer_and_time(database: Database) -> None:
    store = ExportStore(database)
    other = ExportRow("w99999", "xx-centre", "2026-01-03T00:00:00Z", "vics", "b", 0, "ann")
    first, second = store.add_of_watch(ROW), store.add_of_watch(other)
    assert first != second
    assert [row.session for row in store.of_watches()] == ["w99999", "w5c1f0"]
    (found,) = store.of_watches(watch="w5c1f0")
    assert (found.path, found.records, found.actor, found.id) == ("out.csv", 3, "ann", first)
    assert [row.session for row in store.of_watches(peer="xx-centre")] == ["w99999"]
    assert store.of_watches(since="2026-01-02T12:00:00Z", peer="eu-centre") == []
    assert store.all() == []
