"""A store of an older schema: refused with a word on what to do, and upgraded when asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from psihash_client.main import cli

from psihash import errors
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.node.running import sessions
from psihash.session.result import SessionResult
from psihash.storage import migrate
from psihash.terms import AlgorithmId
from tests.session.conftest import homes
from tests.session.nodes import NAMES, Homes, agree, hold, meet, row
from tests.storage.conftest import _without_tables, postgres_url
from tests.storage.revisions import copied

__all__ = ["homes", "postgres_url"]

OLD = "0006"


@dataclass
class Old:
    """A home whose store has an old schema, and what it held."""

    home: Path
    homes: Homes
    result: SessionResult
    entries: int

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["--home", str(self.home), "--json", *words])

    def open(self) -> Node:
        node = opening.open_node(self.home)
        node.__dict__["keys"] = self.homes.rings[0]
        return node


@pytest.fixture(params=["sqlite", "postgresql"])
def old(
    request: pytest.FixtureRequest, homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Old]:
    """Two agencies held a session; then the first one's store went back to an old schema."""
    one, other = homes.open(tmp_path)
    for node, numbers in ((one, range(60)), (other, range(30, 90))):
        hold(node, "list", (row(number, [AlgorithmId.MD5]) for number in numbers))
    meeting = meet(one, other, agree(one, other, ["list"], ["list"]))
    result, _ = meeting.results()
    one.log.checkpoint()
    entries = one.stores.log.head().size
    home = tmp_path / NAMES[0]
    if request.param == "postgresql":
        url = _without_tables(request.getfixturevalue("postgres_url"))
    else:
        url = f"sqlite:///{tmp_path / 'old.db'}"
    copied(one.stores.database, url, OLD)
    for node in (one, other):
        node.close()
    monkeypatch.setenv("PSIHASH_STORE", url)
    yield Old(home, homes, result, entries)
    if request.param == "postgresql":
        _without_tables(url)


def test_it_is_refused_and_says_what_to_do(old: Old) -> None:
    with pytest.raises(errors.StorageError) as caught:
        opening.open_node(old.home)
    assert caught.value.code == "store-older"
    assert "psihash db upgrade" in (caught.value.hint or "")
    failed = old.run("status")
    assert failed.exit_code != 0
    assert json.loads(failed.stdout)["error"]["code"] == "store-older"
    status = json.loads(old.run("db", "status").stdout)
    assert (status["schema"], status["newest"], status["is_current"]) == (OLD, migrate.HEAD, False)


def test_after_an_upgrade_all_is_there_and_verifies(old: Old) -> None:
    done = old.run("db", "upgrade")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"before": OLD, "after": migrate.HEAD, "changed": True}
    assert json.loads(old.run("db", "status").stdout)["is_current"] is True
    node = old.open()
    try:
        assert node.stores.log.head().size == old.entries + 1
        auditing.verify(node)
        last = list(auditing.read(node))[-1]
        assert "config-change" in json.dumps(last)
        assert sessions.result(node, old.result.session) == old.result
        assert node.stores.holdings.collection("list").items == 60
    finally:
        node.close()
    again = json.loads(old.run("db", "upgrade").stdout)
    assert again == {"before": migrate.HEAD, "after": migrate.HEAD, "changed": False}


def test_a_store_that_cannot_be_upgraded_stays_as_it_was(
    old: Old, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The migration and the entry about it are one transaction."""

    def full(*_: object) -> None:
        raise errors.StorageError("disk-full", "the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Node, "record", full)
        assert old.run("db", "upgrade").exit_code != 0
    assert json.loads(old.run("db", "status").stdout)["schema"] == OLD
    assert old.run("db", "upgrade").exit_code == 0
