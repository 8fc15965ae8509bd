"""One request by somebody who is logged in, as the pages see it."""

from __future__ import annotations

import enum
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from psihash import errors
from psihash.node.node import Node
from psihash.node.people import console_login, roles
from psihash.node.people.console_login import ConsoleLogins, Held
from psihash_server.console.once import Once
from psihash_server.console.place import Place
from psihash_server.console.verifier import Verifier

FORM_EXPIRED = errors.define(
    "form-expired", "a form of the console was not made for this log-in, or has been tampered with"
)
BAD_FIELD = errors.define("bad-field", "a field of a form or an address is missing or malformed")

CSRF_FIELD = "csrf"
MAX_FIELDS = 1_000
"""Fields of one form."""

_Choice = TypeVar("_Choice", bound=enum.StrEnum)


@dataclass(frozen=True)
class Services:
    """What lives as long as the console does."""

    node: Node
    place: Place
    logins: ConsoleLogins
    verifier: Verifier
    is_page: Callable[[str], bool]
    """Whether a path is that of a page to read."""
    once: Once = field(default_factory=Once)


@dataclass(frozen=True)
class Visit:
    """``node`` acts as the person who asks; roles are checked by its use cases."""

    services: Services
    request: Request
    node: Node
    held: Held
    token: bytes = field(repr=False)
    form: FormData = field(default_factory=FormData)
    _allowed: dict[str, bool] = field(default_factory=dict)

    @property
    def csrf(self) -> str:
        return csrf_of(self.token)

    def may(self, use_case: str) -> bool:
        """Whether who asks holds a role for it; looked up once, pages ask it in every line."""
        if use_case not in self._allowed:
            try:
                roles.require(self.node, use_case)
            except errors.PsihashError:
                self._allowed[use_case] = False
            else:
                self._allowed[use_case] = True
        return self._allowed[use_case]

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def query(self, name: str, most: int = 200) -> str:
        return self.request.query_params.get(name, "").strip()[:most]

    def queries(self, name: str) -> list[str]:
        return self.request.query_params.getlist(name)[:20]

    def number(self, name: str) -> int | None:
        """A number from the address. Raises InputError ``bad-field``."""
        text = self.query(name)
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) <= 15):
            raise errors.InputError(BAD_FIELD, f"'{name}' is no number")
        return int(text)

    def field(self, name: str, *, required: bool = False, most: int = 4_000) -> str:
        """A text of the form. Raises InputError ``bad-field``."""
        value = self.form.get(name, "")
        text = value.strip() if isinstance(value, str) else ""
        if len(text) > most or (required and not text):
            said = f"longer than {most:,} characters" if text else "missing"
            raise errors.InputError(BAD_FIELD, f"the field '{name}' is {said}")
        return text

    def choice(self, name: str, kind: type[_Choice]) -> _Choice | None:
        """One of a vocabulary; None where nothing was chosen. Raises InputError ``bad-field``."""
        text = self.field(name)
        try:
            return kind(text) if text else None
        except ValueError:
            raise errors.InputError(
                BAD_FIELD, f"the field '{name}' has something else than its choices"
            ) from None

    def written(self, name: str) -> str:
        """What a field had, to be shown again above or in the form that was not taken."""
        value = self.form.get(name, "")
        return value if isinstance(value, str) else ""

    def secret(self, name: str) -> str:
        """A password of the form: as it was typed, with the spaces around it."""
        return self.written(name)[:1_000]

    def unlock(self) -> None:
        """Open the key of who asks with the password that was typed again, for this one request.
        Raises what :func:`psihash.node.people.console_login.unlock` does."""
        console_login.unlock(self.node, self.secret("password"))

    def fields(self, name: str) -> list[str]:
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def upload(self, name: str) -> UploadFile:
        """A file of the form. Raises InputError ``bad-field``."""
        value = self.form.get(name)
        if not isinstance(value, UploadFile) or not value.size:
            raise errors.InputError(BAD_FIELD, "no file was chosen", hint="choose the bundle file")
        return value


def csrf_of(token: bytes) -> str:
    """The token of forms: only who has the log-in's token can know it, and it does not give that
    away."""
    return hmac.new(token, b"psihash/console/csrf/1", hashlib.sha256).hexdigest()


def check_csrf(token: bytes, form: Mapping[str, object]) -> None:
    """Raise RefusedError ``form-expired`` unless the form was made for this log-in."""
    given = form.get(CSRF_FIELD)
    if not isinstance(given, str) or not hmac.compare_digest(
        given.encode("utf-8", "replace"), csrf_of(token).encode()
    ):
        raise errors.RefusedError(
            FORM_EXPIRED,
            "this form was not made for your log-in",
            hint="go back, load the page again, and send the form once more",
        )
