"""Verifies the whole log in the background: when the console starts, once a day, and on request."""

from __future__ import annotations

import threading
from typing import Final

from psihash.node.node import Node
from psihash.node.oversight import log_state
from psihash.node.oversight.log_state import Verified
from psihash_server import logs

EVERY_SECONDS: Final = 24 * 3600.0


class Verifier:
    """The last verification. May be used from several threads."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._wanted = threading.Event()
        self._stopped = False
        self._busy = False
        self.last: Verified | None = None

    @property
    def busy(self) -> bool:
        """Whether one is under way or about to be."""
        return self._busy or self._wanted.is_set()

    def ask(self) -> None:
        """Verify as soon as possible."""
        self._wanted.set()

    def start(self) -> None:
        """Begin in a thread of its own, with a verification."""
        self.ask()
        threading.Thread(target=self._run, name="psihash-verifier", daemon=True).start()

    def stop(self) -> None:
        self._stopped = True
        self._wanted.set()

    def once(self) -> Verified:
        """Verify here and now."""
        self._busy = True
        self._wanted.clear()
        try:
            self.last = log_state.verify(self._node)
        finally:
            self._busy = False
        return self.last

    def _run(self) -> None:
        while True:
            self._wanted.wait(EVERY_SECONDS)
            if self._stopped:
                return
            try:
                self.once()
            except Exception as fault:  # noqa: BLE001 - a locked store passes; it is asked again
                logs.CONSOLE.warning("the log could not be verified: %s", type(fault).__name__)
