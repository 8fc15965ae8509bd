"""``docs/cli.md`` and ``docs/settings.md`` say what the programs do."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields

import click
import pytest

from psihash.node.home.settings import Settings
from tests.architecture.repository import ROOT, files
from tests.cli import cli_page

SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
CLI = cli_page.PAGE.read_text(encoding="utf-8")
BY_HAND, _, WRITTEN = CLI.partition(cli_page.MARKER)


def test_the_reference_is_what_the_commands_say() -> None:
    assert cli_page.reference() == WRITTEN, "run python -m tests.cli.cli_page write"


@pytest.mark.parametrize(
    ("words", "command"), list(cli_page.commands()), ids=lambda each: str(each)[:40]
)
def test_every_command_and_option_is_in_the_page(
    words: tuple[str, ...], command: click.Command
) -> None:
    section = re.split(rf"^#+ psihash {' '.join(words)}$", CLI, flags=re.MULTILINE)[1]
    for parameter in command.params:
        for name in parameter.opts if isinstance(parameter, click.Option) else ():
            assert name in section.partition("\n#")[0]
    if not isinstance(command, click.Group):
        assert f"`{words[-1]}`" in BY_HAND or f"`{' '.join(words)}" in BY_HAND


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda field: field.name)
def test_every_setting_and_its_default_is_in_the_page(setting: object) -> None:
    name, default = setting.name, setting.default  # type: ignore[attr-defined]
    shown = "none: required"
    if default is not MISSING:
        shown = f'`"{default}"`' if isinstance(default, str) else f"`{default}`"
    row = next(line for line in SETTINGS.splitlines() if line.startswith(f"| `{name}` |"))
    assert row.split(" | ")[2] == shown


def test_every_environment_variable_is_in_the_page() -> None:
    named = set()
    for path in files("src/psihash", "server", "client"):
        if path.suffix == ".py":
            named |= set(re.findall(r"\bPSIHASH_[A-Z_]+\b", path.read_text(encoding="utf-8")))
    assert {name for name in named if f"`{name}`" not in SETTINGS} == set()
