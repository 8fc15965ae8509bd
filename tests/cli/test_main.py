"""The outermost command: lazy, quick, pure in what it prints, sure in how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from psihash_client import failures
from psihash_client.main import COMMANDS, _wants_json, cli

from psihash import errors
from tests.cli import cli_page, homes

PROGRAM = [sys.executable, "-m", "psihash_client"]
HEAVY = ("numpy", "grpc", "sqlalchemy", "cryptography", "psihash.node", "private_set_intersection")


def test_help_imports_no_command_and_nothing_heavy() -> None:
    script = (
        "import sys, psihash_client.main as m\n"
        "try: m.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = done.stderr.split()
    assert not [name for name in loaded if name.startswith((*HEAVY, "psihash_client.commands"))]
    assert "Commands:" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_lazy_command_loads_under_its_name_without_anything_heavy(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    module = COMMANDS[name].module
    script = f"import sys, {module}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert not [loaded for loaded in done.stdout.split() if loaded.startswith(HEAVY)]


@pytest.mark.parametrize("words", [words for words, _ in cli_page.commands()], ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    result = homes.run(*words, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: psihash {' '.join(words)}")


def test_without_a_command_the_help_is_shown() -> None:
    assert "Commands:" in homes.run().output


def test_version_is_told() -> None:
    assert homes.run("--version").stdout.startswith("psihash ")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["improt", "x"], "Did you mean 'import'?"),
        (["peer", "lst"], "list"),
        (["lookup"], "DIGEST"),
        (["match", "de-bka"], "--agreement"),
        (["agreement", "propose", "x", "--rung", "item"], "'item' is not one of"),
    ],
)
def test_a_usage_error_is_named_with_exit_code_2(words: list[str], part: str) -> None:
    plain, told = homes.run(*words), homes.run("--json", *words)
    assert plain.exit_code == told.exit_code == 2
    assert plain.stdout == ""
    error = json.loads(told.stdout)["error"]
    assert error["code"] == "usage"
    assert part in plain.stderr
    assert part in error["message"]
    assert "--help" in error["hint"]


@pytest.mark.parametrize("option", ["--json", "--home"])
def test_a_global_option_after_the_command_gets_a_hint(option: str) -> None:
    result = homes.run("formats", option)
    assert result.exit_code == 2
    assert "in front of the command" in result.stderr


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (errors.InputError, 2),
        (errors.NotFoundError, 3),
        (errors.StateError, 4),
        (errors.RefusedError, 5),
        (errors.PeerError, 6),
        (errors.ProtocolError, 6),
        (errors.VerificationError, 7),
        (errors.StorageError, 8),
        (errors.UnavailableError, 9),
        (errors.PsihashError, 1),
    ],
)
def test_each_class_of_error_has_its_exit_code(
    kind: type[errors.PsihashError], exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, kind(failures.USAGE, "some words", hint="do this"))
    told = homes.run("--json", "formats")
    assert told.exit_code == exit_code
    error = {"code": failures.USAGE, "message": "some words", "hint": "do this"}
    assert json.loads(told.stdout) == {"error": error}
    plain = homes.run("formats")
    assert plain.exit_code == exit_code
    assert "hint: do this" in plain.stderr


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), EOFError(), click.Abort()])
def test_an_interrupt_ends_with_130(
    failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, failure)
    told = homes.run("--json", "formats")
    assert told.exit_code == 130
    assert json.loads(told.stdout)["error"]["code"] == "interrupted"


def test_a_fault_of_ours_tells_its_kind_and_none_of_its_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raising(monkeypatch, ValueError("d41d8cd98f00b204e9800998ecf8427e"))
    for words in (["formats"], ["--json", "formats"]):
        result = homes.run(*words)
        assert result.exit_code == 1
        assert "ValueError" in result.output
        assert "d41d8cd9" not in result.output


def test_an_error_of_the_operating_system_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, OSError(28, "No space left on device"))
    told = homes.run("--json", "formats")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["error"]["code"] == "output-failed"


def raising(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> None:
    """Let ``psihash formats`` fail like this."""
    from psihash.node.lists import holdings

    def fail() -> None:
        raise failure

    monkeypatch.setattr(holdings, "formats", fail)


def test_a_reader_that_goes_away_is_no_crash() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PROGRAM, "--json", "formats"], stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], False),
        (["--json"], True),
        (["--home", "--json", "status"], False),
        (["--home", "x", "--json", "status"], True),
        (["--home=x", "--json"], True),
        (["status", "--json"], False),
    ],
)
def test_json_is_seen_where_the_rest_cannot_be_parsed(words: list[str], wanted: bool) -> None:
    assert _wants_json(words) is wanted


def test_the_home_comes_from_the_option_then_the_variable_then_the_default(
    tmp_path: Path,
) -> None:
    environment = dict(os.environ, PSIHASH_HOME=str(tmp_path / "a"), HOME=str(tmp_path / "user"))

    def missing(*words: str) -> str:
        done = subprocess.run(
            [*PROGRAM, *words, "status"], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 3
        return done.stderr

    assert str(tmp_path / "a") in missing()
    assert str(tmp_path / "b") in missing("--home", str(tmp_path / "b"))
    environment["PSIHASH_HOME"] = ""
    assert str(tmp_path / "user" / ".psihash") in missing()
