"""What every command gets: the home it works on and how its result is printed."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from psihash_client import output

if TYPE_CHECKING:
    from psihash.node.node import Node


@dataclass
class Shell:
    """The global options, and what follows from them."""

    home: Path
    json: bool
    _answers: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def ask(self) -> Callable[[str], str] | None:
        """Asks for a passphrase without echo, each question once; None without a terminal."""
        return self._ask if sys.stdin.isatty() else None

    def _ask(self, question: str) -> str:
        if question not in self._answers:
            self._answers[question] = getpass.getpass(question)
        return self._answers[question]

    @contextmanager
    def node(self) -> Iterator[Node]:
        """The node of the home, closed afterwards."""
        from psihash.node.home import opening

        node = opening.open_node(self.home, ask=self.ask)
        try:
            yield node
        finally:
            node.close()

    def show(self, document: output.Document, lines: Iterable[str]) -> None:
        output.show(self.json, document, lines)

    def ask_line(self, question: str) -> str:
        """What is typed at a terminal, seen; empty where there is none."""
        if self.ask is None:
            return ""
        line: str = click.prompt(output.plain(question), default="", show_default=False, err=True)
        return line.strip()

    def confirm(self, question: str) -> None:
        """On a terminal, go on only after a yes; without one there is nobody to ask."""
        if sys.stdin.isatty():
            click.confirm(output.plain(question), abort=True, err=True)


pass_shell = click.make_pass_decorator(Shell)
