"""docs/auditor-guide.md: thirteen answers, and every command and option in them exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from psihash_client.main import cli

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "auditor-guide.md").read_text(
    encoding="utf-8"
)
LINES = sorted(
    set(re.findall(r"`(psihash [^`]+)`", PAGE))
    | set(re.findall(r"^(psihash [^#\n]+)", PAGE, re.MULTILINE))
)


def test_thirteen_questions_are_answered() -> None:
    rows = re.findall(r"^\| ([0-9]+) \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 14))
    assert all("`" in answer for _, _, answer in rows)


@pytest.mark.parametrize("line", LINES)
def test_every_command_and_option_exists(line: str) -> None:
    words = line.split()[1:]
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        assert found is not None, line
        command, words = found, words[1:]
    assert not isinstance(command, click.Group), line
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
    assert len([w for w in words if not w.startswith("-")]) >= sum(
        isinstance(each, click.Argument) and each.required for each in command.params
    )


def test_the_undetectable_case_is_named() -> None:
    assert "what-cannot-be-detected" in PAGE
    log = (Path(__file__).resolve().parents[2] / "docs" / "audit-log.md").read_text(
        encoding="utf-8"
    )
    assert "Without a common honest observer a split view cannot be detected" in log
