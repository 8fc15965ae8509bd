"""Writes the command reference in ``docs/cli.md`` from the commands' own help.

What stands above the marker is written by hand. ``write`` puts the rest into the tree, ``check``
compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
from psihash_client.lazy import LazyGroup
from psihash_client.main import cli

from tests.architecture.repository import ROOT

PAGE = ROOT / "docs" / "cli.md"
MARKER = "<!-- from here on written by `python -m tests.cli.cli_page write` -->\n"
WIDTH = 100


def commands(
    group: click.Group = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command and group below ``group`` with the words that name it, in their order."""
    names = group.list_commands(click.Context(group))
    for name in names if isinstance(group, LazyGroup) else group.commands:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def help_text(words: tuple[str, ...]) -> str:
    """What ``psihash WORDS --help`` prints on a terminal of :data:`WIDTH` columns."""
    settings = dict(cli.context_settings, terminal_width=WIDTH, max_content_width=WIDTH)
    context = click.Context(cli, info_name="psihash", **settings)
    command: click.Command = cli
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(context, word)
        assert found is not None
        context = click.Context(
            found,
            parent=context,
            info_name=word,
            terminal_width=WIDTH,
            max_content_width=WIDTH,
        )
        command = found
    return command.get_help(context)


def reference() -> str:
    """The part below the marker."""
    parts = [f"\n```\n{help_text(())}\n```\n"]
    for words, _ in commands():
        title = "#" * (2 + len(words))
        parts.append(f"\n{title} psihash {' '.join(words)}\n\n```\n{help_text(words)}\n```\n")
    return "".join(parts)


def main(arguments: list[str]) -> None:
    """The command line: one word, ``write`` or ``check``."""
    text = PAGE.read_text(encoding="utf-8")
    by_hand, marker, written = text.partition(MARKER)
    match arguments:
        case ["write"]:
            PAGE.write_text(by_hand + MARKER + reference(), encoding="utf-8")
        case ["check"]:
            if not marker or written != reference():
                sys.exit("docs/cli.md is not what the commands say")
        case _:
            sys.exit("say write or check")


if __name__ == "__main__":
    main(sys.argv[1:])
