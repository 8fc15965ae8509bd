"""A measured process, seen from the program that measures: lines of JSON in, lines of JSON out."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from psihash import errors
from psihash_client.bench.model import BENCH_FAILED

_STOP_SECONDS: Final = 20
_LAST_WORDS: Final = 2_000


class Child:
    """A process that answers each line on its standard input with one line; ended at the end of
    the ``with`` block, whatever happens. What it says elsewhere goes to a file."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self._name, self._log = name, folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
                # Ctrl-C is for the program that measures; it ends its children itself.
                start_new_session=True,
            )

    def ask(self, **wanted: Any) -> dict[str, Any]:
        """Say one line, and wait for the answer."""
        self.tell(**wanted)
        return self.answer()

    def tell(self, **wanted: Any) -> None:
        if self._process.stdin is None:
            raise AssertionError("standard input is a pipe")
        try:
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._failure() from None

    def answer(self) -> dict[str, Any]:
        """The next line. Raises PsihashError ``bench-failed`` where none comes, or an error."""
        if self._process.stdout is None:
            raise AssertionError("standard output is a pipe")
        try:
            document: dict[str, Any] = json.loads(self._process.stdout.readline())
        except ValueError:
            raise self._failure() from None
        if error := document.get("error"):
            raise errors.PsihashError(
                BENCH_FAILED, f"{self._name} ended: {error['message']} ({error['code']})"
            )
        return document

    def _failure(self) -> errors.PsihashError:
        lines = self._log.read_text(errors="replace")[-_LAST_WORDS:].strip().splitlines()
        said = f"; it said last: {lines[-1]}" if lines else ""
        return errors.PsihashError(BENCH_FAILED, f"{self._name} ended without a result{said}")

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._process
        try:
            if kind is not None:
                process.terminate()
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()  # it ends when this does
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
