"""Where an export goes: to a file that its owner alone can read, and to nothing else."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from psihash.node.home import opening
from psihash.node.running import sessions
from psihash.session.row_state import RowState
from psihash.storage.sessions import SessionRow
from psihash.testing import results
from tests.cli.homes import Home


@pytest.fixture
def matched(nl: Home, plain_list: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with one completed session. Only its result was not computed."""
    nl.json("import", str(plain_list), "--collection", "Tulip")
    words = ["--purpose", "p", "--case", "C", "--legal-basis", "l", "--rung", "records"]
    words += ["--learn", "both", "--collection", "Tulip", "--algorithm", "md5"]
    agreement = nl.json("agreement", "propose", "de-bka", *words)["agreement"]
    found = results.result(items=(results.item(1),), agreement=agreement)
    node = opening.open_node(nl.path)
    node.stores.sessions.add(
        SessionRow(
            id=found.session,
            peer="de-bka",
            agreement=agreement,
            role=found.role,
            state=RowState.COMPLETED,
            rung=found.rung,
            engine=found.engine,
            opened=found.opened,
        )
    )
    node.close()
    monkeypatch.setattr(sessions, "result", lambda node, session: found)
    return nl


def export(home: Home, out: str | Path) -> list[str]:
    return ["export", "abababab", "--format", "json", "--out", str(out)]


def test_a_file_is_made_or_replaced_and_is_private(matched: Home, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert matched.json(*export(matched, out))["replaced"] is False
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    out.write_text("old")
    out.chmod(0o644)
    assert matched.json(*export(matched, out))["replaced"] is True
    assert len(json.loads(out.read_bytes())["items"]) == 1
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "replaced the file that was there" in matched.run(*export(matched, out)).stdout
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_what_is_no_file_stays_as_it_is(matched: Home, tmp_path: Path) -> None:
    folder, pipe, link = tmp_path / "folder", tmp_path / "pipe", tmp_path / "link"
    folder.mkdir()
    os.mkfifo(pipe)
    link.symlink_to("/dev/null")
    for out in (folder, pipe, link, "/dev/null", "-"):
        code, exit_code, hint = matched.error(*export(matched, out))
        assert (code, exit_code) == ("export-not-a-file", 2), out
        assert "--out" in hint
    assert folder.is_dir()
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert not Path("/dev/null").is_file()


def test_a_link_to_a_file_stays_a_link(matched: Home, tmp_path: Path) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    link.symlink_to(real)
    assert matched.json(*export(matched, link))["replaced"] is True
    assert link.is_symlink()
    assert json.loads(real.read_bytes())["items"]
