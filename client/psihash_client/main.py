"""``psihash``: the command line. Commands parse, call a use case of ``psihash.node``, and print."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from psihash import __version__
from psihash_client import failures
from psihash_client.lazy import Lazy, LazyGroup
from psihash_client.options import path
from psihash_client.shell import Shell

DEFAULT_HOME: Final = "~/.psihash"
HOME_VARIABLE: Final = "PSIHASH_HOME"

_AT: Final = "psihash_client.commands."

COMMANDS: Final = {
    "init": Lazy(_AT + "init", "init", "Make this agency's home: keys, card, empty store."),
    "peer": Lazy(_AT + "peer", "peer", "Cards and peers: show yours, accept theirs."),
    "import": Lazy(_AT + "importing", "import_", "Read hash lists into a collection."),
    "collection": Lazy(_AT + "collection", "collection", "What this agency holds."),
    "lookup": Lazy(_AT + "collection", "lookup", "What is held about one digest."),
    "formats": Lazy(_AT + "importing", "formats", "The list formats that import reads."),
    "agreement": Lazy(_AT + "agreement", "agreement", "Agreements: propose, approve, revoke."),
    "serve": Lazy(_AT + "serve", "serve", "Answer peers until interrupted."),
    "preflight": Lazy(_AT + "matching", "preflight", "What a match would disclose and cost."),
    "match": Lazy(_AT + "matching", "match", "Find out which holdings overlap with a peer's."),
    "central": Lazy(_AT + "central", "central", "Be a centre: publish for members to match."),
    "session": Lazy(_AT + "session", "session", "Sessions and their results."),
    "hit": Lazy(_AT + "hit", "hit", "Matched items: confirm or reject them."),
    "watch": Lazy(_AT + "watch", "watch", "Standing queries against a central set."),
    "contribute": Lazy(_AT + "contribute", "contribute", "Give to a centre what it does not have."),
    "followup": Lazy(_AT + "followup", "followup", "Ask a peer about hits; answer its requests."),
    "correction": Lazy(_AT + "correction", "correction", "Items wrongly listed or erased."),
    "export": Lazy(_AT + "export", "export", "Write a result for another tool."),
    "ledger": Lazy(_AT + "ledger", "ledger", "What sessions were charged, and what is left."),
    "statistics": Lazy(_AT + "statistics", "statistics", "Numbers by peer and purpose."),
    "retention": Lazy(_AT + "retention", "retention", "Erase what may no longer be kept."),
    "operator": Lazy(_AT + "operator", "operator", "The people who act for this agency."),
    "login": Lazy(_AT + "operator", "login", "Say who you are, for eight hours."),
    "logout": Lazy(_AT + "operator", "logout", "Forget who was logged in."),
    "inbox": Lazy(_AT + "inbox", "inbox", "What waits for a decision."),
    "approve": Lazy(_AT + "inbox", "approve", "Read the page on a request, and say yes."),
    "refuse": Lazy(_AT + "inbox", "refuse", "Say no to a request."),
    "console": Lazy(_AT + "console", "console", "Web pages for auditors, approvers, analysts."),
    "audit": Lazy(_AT + "audit", "audit", "The log: verify it, hand it on, compare it."),
    "witness": Lazy(_AT + "witness", "witness", "Cosign the logs of others."),
    "status": Lazy(_AT + "status", "status", "This node at a glance."),
    "doctor": Lazy(_AT + "status", "doctor", "Examine this node and name what is wrong."),
    "db": Lazy(_AT + "db", "db", "The store: its schema, and upgrading an older one."),
    "bench": Lazy(_AT + "bench", "bench", "Measure the engines on this machine."),
    "renew": Lazy(_AT + "status", "renew", "Renew the TLS certificate; change the card."),
}
"""Every command; its module is imported when it runs."""


class Root(LazyGroup):
    """The outermost command: every failure of any other ends here."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        words = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            code = super().main(words, *rest, **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_stdout()
            sys.exit(1)
        except (Exception, KeyboardInterrupt) as failure:  # noqa: BLE001 - the last place there is
            sys.exit(failures.report(failure, _wants_json(words)))
        sys.exit(code if isinstance(code, int) else 0)


def _wants_json(words: Sequence[str]) -> bool:
    """Whether ``--json`` stands before the command, also where the rest cannot be parsed."""
    expecting_value = False
    for word in words:
        if expecting_value:
            expecting_value = False
        elif word == "--json":
            return True
        elif word == "--home":
            expecting_value = True
        elif not word.startswith("-"):
            return False
    return False


def _forget_stdout() -> None:
    """The reader has gone: keep the interpreter from failing again when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    "psihash", cls=Root, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--home",
    metavar="DIR",
    envvar=HOME_VARIABLE,
    default=DEFAULT_HOME,
    help=f"The agency's home (or {HOME_VARIABLE}; default {DEFAULT_HOME}).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.version_option(__version__, prog_name="psihash", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, home: str, as_json: bool) -> None:
    """Learn which hash lists of two agencies overlap, and nothing else.

    Both options stand before the command: psihash --home DIR --json COMMAND.
    """
    ctx.obj = Shell(_home(home), as_json)


def _home(text: str) -> Path:
    return path(text or DEFAULT_HOME)


def main() -> None:
    """The entry point ``psihash``."""
    cli.main(prog_name="psihash")


if __name__ == "__main__":
    main()
