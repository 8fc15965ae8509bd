"""How a command ends when it fails: one place that turns every exception into words and a code.

Exit codes follow the class of the error (``docs/errors.md``); usage errors are 2, Ctrl-C is 130.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Mapping
from typing import Any, Final

import click

from psihash import errors
from psihash_client.output import note

USAGE = errors.define("usage", "the command line has a word that does not belong there")
INTERRUPTED = errors.define("interrupted", "the command was interrupted at the keyboard")
INTERNAL = errors.define("internal-error", "a fault in psihash itself; nothing more is known")
OUTPUT_FAILED = errors.define("output-failed", "the result could not be written where it should go")

INTERRUPTED_EXIT = 130
TRACEBACK_VARIABLE = "PSIHASH_TRACEBACK"


_HINTS: Final = {
    "agreement-unknown": "run `psihash agreement list`; `psihash agreement import FILE` takes in a "
    "file that was brought along",
    "bad-endpoint": "such as node.police.example:7443",
    "bundle-malformed": "the file is damaged or no bundle: ask for it again, and compare its "
    "SHA-256 with who made it",
    "cannot-read-list": "look at the file's name and at who may read it",
    "entry-changed": "somebody or a fault of the disk changed the store: stop the node, copy the "
    "home as it is, tell the auditor, and compare with a bundle or a partner made earlier",
    "wrong-passphrase": "type it again, or look into the file that passphrase_file of psihash.toml "
    "names; nobody can reset it",
    "wrong-password": "type it again; who forgot it asks an admin: `psihash operator reset NAME`",
    "bad-fingerprint": "`psihash peer card` at the other agency prints it: ten groups of four, "
    "such as IEAF-SCUO-...",
}
"""What to do, by code, about errors of parts that know no commands."""


class Detailed(Exception):
    """An error, with what else its JSON document tells beside it."""

    def __init__(self, error: errors.PsihashError, **details: Any) -> None:
        super().__init__(error.message)
        self.error, self.details = error, details


def report(failure: BaseException, as_json: bool) -> int:
    """Tell what went wrong; return the exit code."""
    match failure:
        case Detailed(error=error):
            words = error.code, error.message, error.hint
            return _say(as_json, *words, error.exit_code, failure.details)
        case errors.PsihashError():
            hint = failure.hint or _HINTS.get(failure.code, "")
            return _say(as_json, failure.code, failure.message, hint, failure.exit_code)
        case click.exceptions.NoArgsIsHelpError() if not as_json:
            failure.show()
            return errors.InputError.exit_code
        case click.ClickException():
            return _usage(failure, as_json)
        case KeyboardInterrupt() | EOFError() | click.Abort():
            return _say(as_json, INTERRUPTED, "interrupted", "", INTERRUPTED_EXIT)
        case OSError():
            reason = failure.strerror or type(failure).__name__
            return _say(as_json, OUTPUT_FAILED, f"the operating system says: {reason}", "", 1)
    return _internal(failure, as_json)


def _usage(failure: click.ClickException, as_json: bool) -> int:
    hint = ""
    if isinstance(failure, click.UsageError) and failure.ctx is not None:
        hint = f"run `{failure.ctx.command_path} --help`"
    if isinstance(failure, click.NoSuchOption) and failure.option_name in ("--json", "--home"):
        hint = f"{failure.option_name} stands in front of the command: psihash --json COMMAND"
    message = " ".join(failure.format_message().split())  # click breaks some into several lines
    return _say(as_json, USAGE, message, hint, errors.InputError.exit_code)


def _internal(failure: BaseException, as_json: bool) -> int:
    # The text of a foreign exception may quote what it choked on, so only its type is told.
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(failure)
    frames = traceback.extract_tb(failure.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "nowhere"
    return _say(
        as_json,
        INTERNAL,
        f"a fault in psihash: {type(failure).__name__} at {place}",
        f"set {TRACEBACK_VARIABLE}=1 to see more; it may show holdings, so take care where",
        errors.PsihashError.exit_code,
    )


def _say(
    as_json: bool,
    code: str,
    message: str,
    hint: str,
    exit_code: int,
    details: Mapping[str, Any] | None = None,
) -> int:
    if as_json:
        error = {"code": code, "message": message, "hint": hint}
        document = {"error": error, **(details or {})}
        click.echo(json.dumps(document, ensure_ascii=True, indent=2, default=str))
    else:
        note(f"psihash: {message}")
        note(f"  code: {code}")
        if hint:
            note(f"  hint: {hint}")
    return exit_code
