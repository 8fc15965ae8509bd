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
    from psihash.node.people.invitations import Invited
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
@pass_shell
def invite(shell: Shell, name: str, roles: tuple[str, ...]) -> None:
    """Make a one-time code for a new person, who joins at a keyboard of its own.

    Give it to the person by hand or by telephone. It is good once, for three days.
    """
    from psihash.agreement.roster import OperatorRole
    from psihash.node.people import invitations

    with shell.node() as node:
        wanted = tuple(OperatorRole(role) for role in dict.fromkeys(roles))
        invited = invitations.invite(node, name, wanted)
    shell.show(asdict(invited), _invited(invited))


@operator.command()
@click.argument("name", metavar="NAME")
@pass_shell
def reset(shell: Shell, name: str) -> None:
    """For who forgot the password: end the key at once, and make a code for a new one.

    Nothing that the old key signs from now on counts. What it decided before still verifies.
    """
    from psihash.node.people import invitations

    with shell.node() as node:
        invited = invitations.reset(node, name)
    shell.show(asdict(invited), _invited(invited))


@operator.command()
@click.argument("name", metavar="NAME")
@click.option("--code-file", metavar="FILE", help="First line: the code, instead of typing it.")
@click.option("--password-file", metavar="FILE", help="First line: your new password.")
@pass_shell
def join(shell: Shell, name: str, code_file: str | None, password_file: str | None) -> None:
    """Use the code that an admin gave you, choose your password and make your key.

    Then an admin confirms you: read your key's fingerprint to the admin.
    """
    from psihash.node.people import invitations

    with shell.node() as node:
        code = _code(shell, code_file)
        password = _new_password(shell, password_file, f"New password of {name}: ")
        joined = invitations.join(node, name, code, password)
    lines = [
        f"{joined.name} ({joined.operator}) has the key {joined.key}.",
        f"An admin compares it with you, and runs `psihash operator confirm {joined.name}`.",
    ]
    shell.show(asdict(joined), lines)


@operator.command()
@click.argument("name", metavar="NAME")
@pass_shell
def confirm(shell: Shell, name: str) -> None:
    """Put who joined by a code on the list of operators. First compare the key with the person.

    The admin's own password signs it. A further approver is pending until an approver agrees.
    """
    from psihash.node.people import invitations

    with shell.node() as node:
        added = invitations.confirm(node, name)
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
    """Take a person off, or an invitation back. What it signs from now on counts nowhere."""
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


def _code(shell: Shell, file: str | None) -> str:
    from psihash.node.home import passphrase
    from psihash.node.people import login as logins

    if file is not None:
        return passphrase.from_file(path(file), "code", logins.NO_PASSWORD).decode(
            "utf-8", "replace"
        )
    if shell.ask is None:
        raise errors.InputError(
            logins.NO_PASSWORD,
            "the code cannot be asked for: there is no terminal",
            hint="name a file that holds it: --code-file",
        )
    return shell.ask("Code: ")


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


def _invited(view: Invited) -> Iterator[str]:
    yield from facts(
        [
            ("name", view.name),
            ("id", view.operator),
            ("roles", ", ".join(view.roles)),
            ("code", view.code),
            ("good until", view.expires),
        ]
    )
    yield ""
    yield "The code is shown once. The person uses it at this node:"
    yield f"  psihash operator join {view.name}"
    yield "Then an admin compares the key with the person:"
    yield f"  psihash operator confirm {view.name}"


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
            ("key", view.key),
        ]
    )
    yield ""
    if view.request:
        yield f"An approver has to agree: `psihash approve {short(view.request)} --show`."
    else:
        yield f"Next: `psihash login {view.name}`."
