"""Questions at the terminal: asked once, and only where there is one."""

from __future__ import annotations

import getpass
import io
from pathlib import Path

import click
import pytest
from psihash_client.shell import Shell

from psihash import errors
from psihash.node.home import opening
from tests.cli.homes import Home


class Terminal(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    shell = Shell(Path("x"), False)
    assert shell.ask is None
    shell.confirm("Erase?")


def test_each_passphrase_is_asked_for_once(
    nl: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    secret = (nl.path / "passphrase").read_text().strip()
    (nl.path / "passphrase").unlink()
    (nl.path / "psihash.toml").write_text('agency = "nl-police"\n')

    def answer(question: str) -> str:
        asked.append(question)
        return secret

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", answer)
    shell = Shell(nl.path, False)
    for _ in range(2):
        with shell.node() as node:
            assert len(asked) <= 1
            assert node.keys.signing is not None
    assert len(asked) == 1


def test_a_new_home_asks_twice_for_its_passphrase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is too short is not typed again, and the third difference is the last.
    answers = iter(["short", *["correct horse", "correct house"] * 2])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _question: next(answers))
    shell = Shell(tmp_path / "home", False)
    with pytest.raises(errors.InputError):
        opening.create(shell.home, opening.NewHome("a", "A", "NL"), ask=shell.ask)
    assert list(answers) == []
    assert not (shell.home / "psihash.toml").exists()


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_a_no_ends_the_matter(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    with pytest.raises(click.Abort):
        Shell(Path("x"), False).confirm("Erase?")


def test_a_yes_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    Shell(Path("x"), False).confirm("Erase?")
