"""What the templates and the page on retention name is there: commands, options, settings."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
from psihash_client.main import cli

from psihash.agreement import terms
from psihash.node.home.settings import Settings
from psihash.node.records.statistics import GROUPS

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(ROOT.glob("docs/templates/*.md"))
PAGES = [*TEMPLATES, ROOT / "docs" / "retention.md"]
SETTINGS = {each.name for each in fields(Settings)}
TERMS = {each.name for each in fields(terms.Terms)}


def _command(words: list[str]) -> click.Command:
    """The command that words name, as far as they are names of commands."""
    found: click.Command = cli
    for word in words:
        if not isinstance(found, click.Group):
            break
        below = found.get_command(click.Context(found), word)
        assert below is not None, f"no command {words}"
        found = below
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`psihash ([a-z][^`]*)`", text)
    assert named
    for line in named:
        words = line.split()
        command = _command([word for word in words if re.fullmatch(r"[a-z-]+", word)])
        known = {name for each in command.params for name in each.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_and_term_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"[`\[]([a-z]+(?:_[a-z]+)+)[`\] ]", text))
    assert named <= SETTINGS | TERMS | {"secure_delete"}


@pytest.mark.parametrize("page", TEMPLATES, ids=lambda page: page.name)
def test_templates_leave_room_and_name_their_article(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.search(r"Directive \(EU\) 2016/680 Art\. (21|24|27)", text)
    assert len(re.findall(r"\[[^\]()]+\](?!\()", text)) >= 10


@pytest.mark.parametrize("page", TEMPLATES, ids=lambda page: page.name)
def test_links_of_templates_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).is_file()] == []


def test_every_group_of_statistics_is_explained() -> None:
    page = (ROOT / "docs" / "retention.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| ([a-z, -]+) \|", page.partition("## Statistics")[2], re.MULTILINE)
    assert {name for cell in explained for name in cell.split(", ")} >= set(GROUPS)


def test_the_default_periods_are_said_right() -> None:
    assert Settings(agency="x").log_retention_days == 3 * 365
    for name in ("retention.md", "audit-log.md"):
        assert "three years" in (ROOT / "docs" / name).read_text(encoding="utf-8")
