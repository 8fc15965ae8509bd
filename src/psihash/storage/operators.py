"""This agency's operators and their log-ins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from psihash import errors
from psihash.storage.database import Database
from psihash.storage.tables_people import operator_invitations, operator_logins, operators
from psihash.storage.times import normal

OPERATOR_EXISTS = errors.define("operator-exists", "an operator of that name exists already")


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """One person. ``sealed_key`` opens with the password alone."""

    id: str
    name: str
    roles: tuple[str, ...]
    status: str
    """``active``, ``disabled``; ``joined``: an admin has to confirm who used an invitation;
    ``pending``: an approver whom no approver has confirmed yet."""
    password_hash: str
    public_key: bytes
    sealed_key: bytes
    created: str
    failures: int = 0
    locked_until: str | None = None


@dataclass(frozen=True, slots=True)
class Login:
    operator: str
    created: str
    expires: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """A code that somebody may use once to become an operator, or to come back as one."""

    name: str
    operator: str
    """The id that the person will have, or has."""
    roles: tuple[str, ...]
    code_hash: str
    created: str
    expires: str
    failures: int = 0
    locked_until: str | None = None


class OperatorStore:
    """Operators by id; names are unique and local."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def any(self) -> bool:
        """Whether this agency has left single-operator mode: it never goes back."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(operators.c.id).limit(1)).first() is not None

    def add(self, row: OperatorRow) -> None:
        """Raises StateError ``operator-exists``."""
        with self._database.transaction() as connection:
            if self.named(row.name) is not None:
                raise errors.StateError(OPERATOR_EXISTS, "an operator of that name exists already")
            connection.execute(
                operators.insert().values(
                    id=row.id,
                    name=row.name,
                    roles=" ".join(row.roles),
                    status=row.status,
                    password_hash=row.password_hash,
                    public_key=row.public_key,
                    sealed_key=row.sealed_key,
                    created=normal(row.created),
                    failures=row.failures,
                    locked_until=row.locked_until,
                )
            )

    def find(self, operator: str) -> OperatorRow | None:
        return self._one(operators.c.id == operator)

    def named(self, name: str) -> OperatorRow | None:
        return self._one(operators.c.name == name)

    def all(self) -> list[OperatorRow]:
        """Everybody, by name."""
        with self._database.reading() as connection:
            query = sa.select(operators).order_by(operators.c.name)
            return [_row(row) for row in connection.execute(query)]

    def set_status(self, operator: str, status: str) -> None:
        self._update(operator, status=status)

    def set_password(self, operator: str, password_hash: str, sealed_key: bytes) -> None:
        """Replace both in one step: they belong to one password."""
        self._update(operator, password_hash=password_hash, sealed_key=sealed_key)

    def set_credentials(
        self, operator: str, status: str, password_hash: str, public_key: bytes, sealed_key: bytes
    ) -> None:
        """A new key under a new password, for somebody who had others before."""
        self._update(
            operator,
            status=status,
            password_hash=password_hash,
            public_key=public_key,
            sealed_key=sealed_key,
            failures=0,
            locked_until=None,
        )

    def set_failures(self, operator: str, failures: int, locked_until: str | None) -> None:
        until = None if locked_until is None else normal(locked_until)
        self._update(operator, failures=failures, locked_until=until)

    def lock(self, operator: str) -> None:
        """Inside a transaction: keep other writers off this operator until it ends."""
        with self._database.transaction() as connection:
            query = sa.select(operators.c.id).where(operators.c.id == operator)
            connection.execute(query.with_for_update()).first()

    def remove(self, operator: str) -> None:
        """Forget an operator who never acted."""
        with self._database.transaction() as connection:
            self.log_out_all(operator)
            connection.execute(operators.delete().where(operators.c.id == operator))

    def log_in(self, token_hash: bytes, operator: str, now: str, expires: str) -> None:
        """Keep a log-in; what has expired goes."""
        with self._database.transaction() as connection:
            expired = operator_logins.c.expires <= normal(now)
            connection.execute(operator_logins.delete().where(expired))
            connection.execute(
                operator_logins.insert().values(
                    token_hash=token_hash,
                    operator=operator,
                    created=normal(now),
                    expires=normal(expires),
                )
            )

    def login(self, token_hash: bytes) -> Login | None:
        query = sa.select(operator_logins).where(operator_logins.c.token_hash == token_hash)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else Login(row.operator, row.created, row.expires)

    def log_out(self, token_hash: bytes) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                operator_logins.delete().where(operator_logins.c.token_hash == token_hash)
            )

    def log_out_all(self, operator: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                operator_logins.delete().where(operator_logins.c.operator == operator)
            )

    def invite(self, invitation: Invitation) -> None:
        """Keep an invitation in the place of any earlier one of that name."""
        with self._database.transaction() as connection:
            self.uninvite(invitation.name)
            values = {name: getattr(invitation, name) for name in Invitation.__dataclass_fields__}
            values |= {
                "roles": " ".join(invitation.roles),
                "created": normal(invitation.created),
                "expires": normal(invitation.expires),
            }
            connection.execute(operator_invitations.insert().values(**values))

    def uninvite(self, name: str) -> bool:
        """Drop an invitation; whether there was one."""
        columns = operator_invitations.c
        with self._database.transaction() as connection:
            gone = connection.execute(operator_invitations.delete().where(columns.name == name))
            return gone.rowcount == 1

    def invitations(self) -> list[Invitation]:
        """All of them, by name."""
        query = sa.select(operator_invitations).order_by(operator_invitations.c.name)
        with self._database.reading() as connection:
            return [_invitation(row) for row in connection.execute(query)]

    def invitation(self, name: str) -> Invitation | None:
        return next((each for each in self.invitations() if each.name == name), None)

    def lock_invitation(self, name: str) -> Invitation | None:
        """Inside a transaction: an invitation, kept from other writers until it ends."""
        columns = operator_invitations.c
        with self._database.transaction() as connection:
            query = sa.select(columns.name).where(columns.name == name)
            connection.execute(query.with_for_update()).first()
        return self.invitation(name)

    def set_invitation_failures(self, name: str, failures: int, locked_until: str | None) -> None:
        until = None if locked_until is None else normal(locked_until)
        columns = operator_invitations.c
        with self._database.transaction() as connection:
            connection.execute(
                operator_invitations.update()
                .where(columns.name == name)
                .values(failures=failures, locked_until=until)
            )

    def _one(self, where: sa.ColumnElement[bool]) -> OperatorRow | None:
        with self._database.reading() as connection:
            row = connection.execute(sa.select(operators).where(where)).first()
        return None if row is None else _row(row)

    def _update(self, operator: str, **values: Any) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                operators.update().where(operators.c.id == operator).values(**values)
            )


def _row(row: Any) -> OperatorRow:
    return OperatorRow(
        row.id,
        row.name,
        tuple(row.roles.split()),
        row.status,
        row.password_hash,
        row.public_key,
        row.sealed_key,
        row.created,
        row.failures,
        row.locked_until,
    )


def _invitation(row: Any) -> Invitation:
    return Invitation(
        row.name,
        row.operator,
        tuple(row.roles.split()),
        row.code_hash,
        row.created,
        row.expires,
        row.failures,
        row.locked_until,
    )
