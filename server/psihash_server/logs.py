"""What ``psihash serve`` and ``psihash console`` say while they run: JSON lines or plain text on
standard error.

Only fixed words, codes, methods, numbers and agency ids: never what a call carried, and never a
digest. The audit log is another thing, and the one that counts.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Final

CALLS: Final = logging.getLogger("psihash.calls")
SERVER: Final = logging.getLogger("psihash.server")
CONSOLE: Final = logging.getLogger("psihash.console")
_FIELDS: Final = ("method", "code", "peer", "milliseconds", "address", "watch", "slot")


class JsonLines(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        values: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "part": record.name,
            "what": record.getMessage(),
        }
        values |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        return json.dumps(values)


class PlainLines(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        said = [f"{name}={getattr(record, name)}" for name in _FIELDS if hasattr(record, name)]
        return " ".join([record.getMessage(), *said])


def set_up(form: str, level: int = logging.INFO) -> None:
    """``form`` is ``json`` or ``text``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else PlainLines())
    root = logging.getLogger("psihash")
    root.handlers[:] = [handler]
    root.setLevel(level)
    root.propagate = False
