"""A form that is sent twice does its work once.

Each form of a page has a name of its own. Who clicks twice, or sends it again after going back, is
shown what the first time led to. What failed may be sent again.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import Final

from starlette.responses import RedirectResponse, Response

from psihash import errors

FORM_BUSY = errors.define("form-busy", "the same form was sent before and is still being worked on")

FIELD: Final = "once"
WAIT_SECONDS: Final = 20.0
_MOST_HELD: Final = 1_000
_MAX_NAME: Final = 64

Key = tuple[str, str]
"""(what names the log-in, name of the form)."""


def new_name() -> str:
    """A name that no other form has."""
    return secrets.token_hex(16)


class Once:
    """The forms that were sent to one console. May be used from several threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: set[Key] = set()
        self._led_to: dict[Key, str] = {}

    def run(self, login: str, name: object, work: Callable[[], Response]) -> Response:
        """What ``work`` answers; where it did its work before for this form, the way to what that
        led to. Raises StateError ``form-busy``."""
        if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:
            return work()
        key = (login, name)
        known = self._begin(key)
        if known is not None:
            return RedirectResponse(known, 303)
        led_to = None
        try:
            answer = work()
            if answer.status_code == 303:
                led_to = answer.headers["location"]
        finally:
            self._end(key, led_to)
        return answer

    def _begin(self, key: Key) -> str | None:
        with self._changed:
            if not self._changed.wait_for(lambda: key not in self._open, WAIT_SECONDS):
                raise errors.StateError(
                    FORM_BUSY,
                    "the same form was sent a moment ago and is still being worked on",
                    hint="look at the overview in a moment, whether it was done",
                )
            known = self._led_to.get(key)
            if known is None:
                self._open.add(key)
            return known

    def _end(self, key: Key, led_to: str | None) -> None:
        with self._changed:
            self._open.discard(key)
            if led_to is not None:
                self._led_to[key] = led_to
                while len(self._led_to) > _MOST_HELD:
                    self._led_to.pop(next(iter(self._led_to)))
            self._changed.notify_all()
