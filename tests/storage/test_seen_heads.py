"""Heads that peers showed of third logs: whose they are, in an older store too."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.seen_heads import SeenHead
from psihash.storage.witnessing import WitnessingStore
from tests.storage import revisions

ORIGIN = "psihash/log/de-police"
T1, T2, T3 = (f"2026-11-22T0{hour}:00:00.000000Z" for hour in (1, 2, 3))


def head(size: int, via: str, seen: str = T1, waits: str = T1) -> SeenHead:
    return SeenHead(ORIGIN, size, bytes([size]) * 32, b"note", via, seen, waits)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'psihash.db'}"


def test_a_store_of_before_keeps_its_heads(url: str) -> None:
    engine = revisions.at_revision(url, "0013")
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO seen_heads (origin, size, root, note, via, seen, proven)"
                " VALUES (:origin, 7, :root, :note, 'be-police', :seen, NULL)"
            ),
            {"origin": ORIGIN, "root": "07" * 32, "note": b"note", "seen": T1},
        )
    engine.dispose()
    revisions.upgrade(url)
    with Database.connect(url) as database:
        assert WitnessingStore(database).seen(ORIGIN) == [head(7, "be-police")]


def test_each_shower_has_its_own_and_a_proof_is_one_for_all(url: str) -> None:
    revisions.upgrade(url)
    with Database.connect(url) as database:
        store = WitnessingStore(database)
        store.see(head(7, "be-police"))
        store.see(head(7, "fr-police", T2, T2))
        store.see(head(9, "be-police", T2, T1), instead=head(7, "be-police"))
        assert [(row.size, row.via) for row in store.seen(ORIGIN)] == [
            (9, "be-police"),
            (7, "fr-police"),
        ]
        store.ask(ORIGIN, [9], 20)
        assert [row.asked for row in store.seen(ORIGIN)] == [20, None]
        store.ask(ORIGIN, [7], 21)
        assert [row.asked for row in store.seen(ORIGIN)] == [None, 21]
        store.see(head(9, "fr-police", T3, T3))
        store.prove(head(9, "be-police"), T3)
        proven = [(row.size, row.via, row.proven is not None) for row in store.seen(ORIGIN)]
        assert proven == [(9, "be-police", True), (7, "fr-police", False), (9, "fr-police", True)]
        store.prove(head(7, "fr-police"), T3)
        assert [(row.size, row.via) for row in store.seen(ORIGIN)] == [
            (9, "be-police"),
            (7, "fr-police"),
        ]
