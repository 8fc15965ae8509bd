"""Who refuses whom, and hints about errors of parts that know no commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from psihash import errors
from psihash.node.peering import contact
from tests.cli import homes
from tests.cli.homes import Home


def refuse(patch: pytest.MonkeyPatch, code: str) -> None:
    def sync(*_: object) -> None:
        raise errors.RefusedError(code, "this agency is suspended here")

    patch.setattr(contact, "sync", sync)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("peer-suspended", "de-bka has suspended us"),
        ("peer-revoked", "de-bka has revoked us"),
        ("peer-unknown", "de-bka has not accepted our card"),
    ],
)
def test_the_other_side_refuses_us(
    nl: Home, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    refuse(monkeypatch, code)
    assert nl.error("peer", "sync", "de-bka")[:2] == (code, 5)
    assert words in nl.run("peer", "sync", "de-bka").stderr


def test_we_refuse_the_other_side(nl: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "peer-suspended")
    nl.json("peer", "suspend", "de-bka")
    result = nl.run("peer", "sync", "de-bka")
    assert "de-bka is suspended here" in result.stderr
    assert "psihash peer resume de-bka" in result.stderr


def test_other_refusals_stay_what_they_are(nl: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, errors.DECLINED)
    assert nl.error("peer", "sync", "de-bka")[0] == errors.DECLINED


def test_hints_name_the_command_that_helps(nl: Home, de: Home, tmp_path: Path) -> None:
    assert "agreement list" in nl.error("agreement", "show", "0" * 12)[2]
    assert "peer card" in nl.error("peer", "add", str(de.card), "--fingerprint", "ABCD")[2]
    texts = {"text": b"just some words\n" * 9, "binary": bytes(range(256)) * 2, "empty": b""}
    for name, content in texts.items():
        (tmp_path / name).write_bytes(content)
        hint = nl.error("import", str(tmp_path / name), "--collection", "A")[2]
        assert ("--format" in hint) is (name == "text"), (name, hint)


def test_without_a_command_the_help_is_shown() -> None:
    result = homes.run()
    assert result.exit_code == 2
    assert result.stderr.strip() == homes.run("--help").stdout.strip()
    assert json.loads(homes.run("--json").stdout)["error"]["code"] == "usage"
