"""The migration after which requests and undelivered documents end with their session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from psihash.storage.database import Database
from psihash.storage.outbox import OutboxStore
from psihash.storage.requests import RequestStore

from .revisions import at_revision, upgrade

NOW = "2026-01-01T00:00:00.000Z"
SESSION, DOCUMENT = "ab" * 32, "cd" * 32


def asked(connection: sa.Connection, name: str, kind: str, subject: dict[str, Any]) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO requests (id, kind, subject_key, peer, agreement, body, state, created,"
            " reason) VALUES (:id, :kind, 'k', 'be', 'a', :body, 'pending', :now, '')"
        ),
        {"id": name, "kind": kind, "body": json.dumps({"subject": subject}).encode(), "now": NOW},
    )


def test_what_waits_is_tied_to_its_session(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    engine = at_revision(url, "0009")
    with engine.begin() as connection:
        asked(connection, "old", "session", {"agreement": "a", "rung": "items"})
        asked(connection, "about", "follow-up", {"document": DOCUMENT, "session": SESSION})
        asked(connection, "terms", "propose", {"agreement": "a"})
        connection.execute(
            sa.text("INSERT INTO session_blobs (session, name, sealed) VALUES (:s, :n, :b)"),
            {"s": SESSION, "n": f"case:{DOCUMENT}", "b": b"x"},
        )
        for kind in (f"case:{DOCUMENT}", "agreement"):
            connection.execute(
                sa.text("INSERT INTO outbox (peer, kind, body, created) VALUES ('be', :k, :b, :n)"),
                {"k": kind, "b": b"x", "n": NOW},
            )
    engine.dispose()
    upgrade(url)
    with Database.open(url) as database:
        with database.reading() as connection:
            rows = connection.exec_driver_sql("SELECT id, session FROM requests ORDER BY id").all()
            documents = connection.exec_driver_sql("SELECT kind, session FROM outbox").all()
        assert [tuple(row) for row in rows] == [("about", SESSION), ("terms", None)]
        assert {row[0]: row[1] for row in documents} == {
            f"case:{DOCUMENT}": SESSION, "agreement": None,
        }  # fmt: skip
        assert RequestStore(database).find("old") is None
        assert len(OutboxStore(database).waiting()) == 2
