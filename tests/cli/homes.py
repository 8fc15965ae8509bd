"""Homes for tests: made once then copied, with keys that open quickly."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psihash_client.main import cli

from psihash.identity import keys
from psihash.node.home import checks


@dataclass(frozen=True)
class Home:
    """One agency, and the command line on its home."""

    path: Path
    agency: str

    def run(self, *words: str, stdin: str | None = None) -> Result:
        """The command in text form."""
        return run("--home", str(self.path), *words, stdin=stdin)

    def json(self, *words: str, exit_code: int = 0, stdin: str | None = None) -> Any:
        """The one JSON document that the command printed."""
        result = run("--home", str(self.path), "--json", *words, stdin=stdin)
        assert result.exit_code == exit_code, (words, result.output)
        return json.loads(result.stdout)

    def error(self, *words: str) -> tuple[str, int, str]:
        """(code, exit code, hint) of a command that must fail, the same in both forms."""
        plain = self.run(*words)
        result = run("--home", str(self.path), "--json", *words)
        assert result.exit_code == plain.exit_code != 0, (words, result.output)
        error = json.loads(result.stdout)["error"]
        assert set(error) == {"code", "message", "hint"}
        assert error["message"] in plain.stderr
        assert plain.stdout == ""
        return error["code"], result.exit_code, error["hint"]

    @property
    def card(self) -> Path:
        return self.path / "card.json"

    @property
    def fingerprint(self) -> str:
        return str(json.loads(self.card.read_text())["fingerprint"])

    def copied(self, to: Path) -> Home:
        shutil.copytree(self.path, to)
        return Home(to, self.agency)

    def meet(self, other: Home) -> None:
        """Accept the other agency's card."""
        self.json("peer", "add", str(other.card), "--fingerprint", other.fingerprint)


def run(*words: str, stdin: str | None = None) -> Result:
    """The command line, in this process, without a terminal."""
    return CliRunner().invoke(cli, list(words), input=stdin, env={"PSIHASH_HOME": ""})


def make(path: Path, agency: str, country: str) -> Home:
    """A new home. Its endpoint is a port of this machine on which nothing answers."""
    home = Home(path, agency)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--agency", agency, "--name", f"Police of {country}", "--country", country]
    with pytest.MonkeyPatch.context() as patch:
        quick_keys(patch)
        home.json("init", *words, "--endpoint", f"127.0.0.1:{port}")
    return home


def quick_keys(patch: pytest.MonkeyPatch) -> None:
    """One round in place of 128: each opening of a key would take half a second."""
    patch.setattr(keys, "KDF_ROUNDS", 1)
    patch.setattr(checks, "KDF_ROUNDS", 1)


def digests(count: int, start: int = 0) -> list[str]:
    """Distinct well-formed MD5 texts."""
    return [f"{number:032x}" for number in range(start + 1, start + count + 1)]


def write_list(path: Path, lines: Sequence[str]) -> Path:
    """A plain list, one digest a line."""
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
