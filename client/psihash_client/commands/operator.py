"""``psihash operator``, ``psihash login`` and ``psihash logout``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from psihash import errors
from psihash_client.labels import short
from psihash_client.options import path
from psihash_client.output import facts, note, table
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.people.login import LoginView
    from psihash.node.people.operators import OperatorView

PASSWORDS_DIFFER = errors.define(
    "passwords-differ", "a new password was typed in two different ways"
)

ROLES = ("analyst", "approver", "auditor", "admin")


@click.group()
def operator() -> None:
    """The people who act for this agency.

    Without operators the user of the operating system does everything. The first operator is an
    admin; from then on every decision needs somebody who is logged in and has the role for it.
    """


@operator.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--role",
    "roles",
    type=click.Choice(ROLES, case_sensitive=False),
    multiple=True,
    required=True,
    help="May be repeated. An admin cannot be an approver.",
)
@click.option(
    "--password-file",
    metavar="FILE",
    help="First line: the new person's password, instead of typing it.",
)
@pass_shell
def add(shell: Shell, name: str, roles: tuple[str, ...], password_file: str | None) -> None:
    """Add a person, who types a password of its own here: at least 12 characters.

    An admin has to be logged in, and is asked for its own password too
    (PSIHASH_OPERATOR_PASSWORD_FILE without a terminal). A further approver is pending until an
    approver agrees.
    """
    from psihash.agreement.roster import OperatorRole
    from psihash.node.people import operators

    with shell.node() as node:
        password = _new_password(shell, password_file, f"New password of {name}: ")
        wanted = tuple(OperatorRole(role) for role in dict.fromkeys(roles))
        added = operators.add(node, name, wanted, password)
    shell.show(asdict(added), _added(added))


@operator.command("list")
@pass_shell
def list_(shell: Shell) -> None:
    """List the operators. Names never leave this agency; peers see the ids."""
    from psihash.node.people import operators

    with shell.node() as node:
        views = operators.listing(node)
    rows = [
        (each.name, ", ".join(each.roles), each.status, each.operator, each.created[:10])
        for each in views
    ]
    empty = ["There are no operators: the user of the operating system does everything."]
    headers = ("name", "roles", "status", "id", "since")
    document = {"operators": [asdict(each) for each in views]}
    shell.show(document, table(headers, rows, elastic=(0,)) if rows else empty)


@operator.command()
@click.argument("name", metavar="NAME")
@click.option("--force", is_flag=True, help="Also the last approver: nobody can approve after.")
@pass_shell
def disable(shell: Shell, name: str, force: bool) -> None:
    """Take a person off. What it signs from now on counts nowhere."""
    from psihash.node.people import operators

    with shell.node() as node:
        gone = operators.disable(node, name, force=force)
    shell.show(asdict(gone), [f"{gone.name} ({gone.operator}) is {gone.status}."])


@operator.command()
@click.option("--password-file", metavar="FILE", help="First line: your present password.")
@click.option("--new-password-file", metavar="FILE", help="First line: your new password.")
@pass_shell
def passwd(shell: Shell, password_file: str | None, new_password_file: str | None) -> None:
    """Change your own password. Nobody can change another person's."""
    from psihash.node.people import login as logins
    from psihash.node.people import operators

    with shell.node() as node:
        node.password_file = None if password_file is None else path(password_file)
        old = logins.given_password(node, "Your present password: ")
        new = _new_password(shell, new_password_file, "Your new password: ")
        changed = operators.change_password(node, old, new)
    lines = ["The password is changed. Log in again: `psihash login NAME`."]
    shell.show(asdict(changed), lines)


@click.command()
@click.argument("name", metavar="NAME", required=False)
@click.option("--password-file", metavar="FILE", help="First line: the password.")
@click.option("--status", is_flag=True, help="Say who is logged in, and do nothing.")
@pass_shell
def login(shell: Shell, name: str | None, password_file: str | None, status: bool) -> None:
    """Say who you are: for eight hours, or until `psihash logout`.

    Deciding asks for the password again, because it opens the key that signs the decision.
    """
    from psihash.node.people import login as logins

    with shell.node() as node:
        if status:
            _show_login(shell, logins.status(node))
            return
        if name is None:
            raise click.UsageError("Missing argument 'NAME'.")
        node.password_file = None if password_file is None else path(password_file)
        password = logins.given_password(node, f"Password of {name}: ")
        view = logins.login(node, name, password)
    _show_login(shell, view)


@click.command()
@pass_shell
def logout(shell: Shell) -> None:
    """Forget who was logged in at this home."""
    from psihash.node.people import login as logins

    with shell.node() as node:
        logins.logout(node)
    shell.show({"operator": None}, ["Nobody is logged in here now."])


def _new_password(shell: Shell, file: str | None, question: str) -> bytes:
    from psihash.identity.passwords import parse_password
    from psihash.node.people import login as logins

    if file is not None:
        return logins.read_password(path(file))
    if shell.ask is None:
        raise errors.InputError(
            logins.NO_PASSWORD,
            "the new password cannot be asked for: there is no terminal",
            hint="name a file that holds it",
        )
    note("The person types the password, alone: at least 12 characters.")
    password = parse_password(shell.ask(question))
    if parse_password(shell.ask(f"The same again ({question.rstrip(': ')}): ")) != password:
        raise errors.InputError(PASSWORDS_DIFFER, "the two passwords differ")
    return password


def _show_login(shell: Shell, view: LoginView | None) -> None:
    if view is None:
        shell.show({"operator": None}, ["Nobody is logged in here."])
        return
    until = f"{view.expires} at the latest"
    lines = [f"{view.name} ({', '.join(view.roles)}) is logged in, until {until}."]
    shell.show(asdict(view), lines)


def _added(view: OperatorView) -> Iterator[str]:
    yield from facts(
        [
            ("name", view.name),
            ("id", view.operator),
            ("roles", ", ".join(view.roles)),
            ("status", view.status),
        ]
    )
    yield ""
    if view.request:
        yield f"An approver has to agree: `psihash approve {short(view.request)} --show`."
    else:
        yield f"Next: `psihash login {view.name}`."
