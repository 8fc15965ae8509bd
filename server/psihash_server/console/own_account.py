"""One's own account: the password, and where one is logged in."""

from __future__ import annotations

from starlette.responses import Response

from psihash import errors
from psihash.identity.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from psihash.node.people import console_login
from psihash_server.console import account, pages
from psihash_server.console.visit import BAD_FIELD, Visit


def show(visit: Visit) -> Response:
    return _page(visit)


def change_password(visit: Visit) -> Response:
    """Every log-in of the person ends with the old password, this one too."""
    new = visit.secret("new")
    try:
        if new != visit.secret("again"):
            raise errors.InputError(BAD_FIELD, "the new password was not typed the same twice")
        console_login.change_password(visit.node, visit.secret("password"), new)
    except errors.PsihashError as error:
        return _page(visit, pages.status_of(error), error)
    return account.gone(visit, "/login?changed=yes")


def log_out_everywhere(visit: Visit) -> Response:
    """End every log-in of the person, at the command line too."""
    visit.services.logins.log_out_all(visit.held.view.operator)
    return account.gone(visit, "/login")


def _page(visit: Visit, status: int = 200, error: errors.PsihashError | None = None) -> Response:
    return pages.page(
        visit,
        "account.html",
        "Your account",
        status,
        error=error,
        expires=visit.held.view.expires,
        least=MIN_CHARACTERS,
        most=MAX_CHARACTERS,
    )
