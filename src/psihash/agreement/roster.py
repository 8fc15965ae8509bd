"""The roster: who may act for an agency, as a chain that only its own people can make longer.

::

    operator/1 = {agency, by, decided, key, number, operator, previous, roles, signatures, status,
                  type}

Each record describes one operator from then on; ``previous`` is the SHA-256 of the record before
it ("" for the first). ``signatures`` are the agency's and then one by each operator in ``by``, in
that order, all over the record without ``by`` and ``signatures``, so that two people can sign one
after the other. The peer never sees a person's name.

What holds for a chain:

1. record 0 makes an admin, who signs it with the key that it names;
2. every later record is signed by an active admin;
3. a record that makes someone an approver, or gives an approver another key, is signed by an
   active approver too, unless there has never been one;
4. an admin is no approver, and no two operators share a key.

So a copy of the agency's key alone can neither approve nor make an approver, and an admin who
disables all approvers cannot appoint one of its own afterwards.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical, errors
from psihash.agreement.fields import Fields, bad, decode, distinct
from psihash.agreement.request import OPERATOR_ID
from psihash.identity import signatures

ROSTER_BROKEN = errors.define(
    "roster-broken", "a record of an agency's operators breaks the rules of the chain"
)
ROSTER_FORKED = errors.define(
    "roster-forked", "an agency showed two different lists of its operators: an incident"
)
ROSTER_GAP = errors.define(
    "roster-gap", "a record of an agency's operators came before the one that it follows"
)

TYPE: Final = "operator/1"
MAX_RECORDS: Final = 1_000
MAX_SIGNERS: Final = 8
MAX_RECORD_BYTES: Final = 16 * 1024

_PREVIOUS: Final = re.compile(r"(?:[0-9a-f]{64})?")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}")


class OperatorRole(enum.StrEnum):
    """What an operator may do."""

    ANALYST = "analyst"
    """Imports, proposes, matches, confirms hits, exports."""
    APPROVER = "approver"
    """Decides what others ask for."""
    AUDITOR = "auditor"
    """Reads the log, the ledger and the statistics; no results."""
    ADMIN = "admin"
    """Operators, peers, settings, keys."""


class OperatorStatus(enum.StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Member:
    """One operator as the roster has it."""

    operator: str
    roles: tuple[OperatorRole, ...]
    key: bytes
    """Ed25519 public key, 32 bytes."""
    status: OperatorStatus

    def can(self, role: OperatorRole) -> bool:
        return self.status is OperatorStatus.ACTIVE and role in self.roles


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """One record, well-formed; only a :class:`Roster` says that it holds."""

    agency: str
    number: int
    previous: str
    member: Member
    decided: str
    by: tuple[str, ...] = ()
    signatures: tuple[bytes, ...] = ()
    """The agency's first, then one for each of ``by``."""

    def signed_bytes(self) -> bytes:
        return canonical.encode(record_dict(self))

    def to_bytes(self) -> bytes:
        signed = {"by": list(self.by), "signatures": [each.hex() for each in self.signatures]}
        return canonical.encode(record_dict(self) | signed)

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the whole record: what the next one names as its previous."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def record_dict(record: OperatorRecord) -> dict[str, Any]:
    """What is signed, as JSON."""
    return {
        "type": TYPE,
        "agency": record.agency,
        "number": record.number,
        "previous": record.previous,
        "operator": record.member.operator,
        "roles": [role.value for role in record.member.roles],
        "key": record.member.key.hex(),
        "status": record.member.status.value,
        "decided": record.decided,
    }


_CHECKED_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class Roster:
    """A chain that holds. Only :func:`extend` makes one."""

    agency: str
    records: tuple[OperatorRecord, ...]
    members: Mapping[str, Member]
    had_approver: bool
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _CHECKED_HERE:
            raise TypeError("only extend makes a Roster")

    @property
    def number(self) -> int:
        """Number of the last record."""
        return self.records[-1].number

    @property
    def head(self) -> str:
        """Digest of the last record, which names the whole chain."""
        return self.records[-1].digest

    def active(self, role: OperatorRole) -> list[Member]:
        return [each for each in self.members.values() if each.can(role)]


def next_record(held: Roster | None, agency: str, member: Member, decided: str) -> OperatorRecord:
    """The record that would come next, not signed yet."""
    number, previous = (0, "") if held is None else (held.number + 1, held.head)
    ordered = tuple(sorted(member.roles, key=list(OperatorRole).index))
    return OperatorRecord(agency, number, previous, replace(member, roles=ordered), decided)


def sign_record(
    record: OperatorRecord, agency_key: Ed25519PrivateKey, signed: Mapping[str, bytes]
) -> OperatorRecord:
    """Complete a record: ``signed`` are the signatures of the operators who decide, by operator.
    Raises InputError (``bad-document``)."""
    ours = record_signature(record, agency_key)
    whole = replace(record, by=tuple(signed), signatures=(ours, *signed.values()))
    return parse_record(whole.to_bytes())


def record_signature(record: OperatorRecord, key: Ed25519PrivateKey) -> bytes:
    """The signature of the agency or of an operator."""
    return signatures.sign(key, signatures.Context.OPERATOR_RECORD, record.signed_bytes())


def parse_record(data: bytes) -> OperatorRecord:
    """A record from its canonical bytes. Raises InputError (``bad-document``)."""
    fields = Fields(decode(data, max_bytes=MAX_RECORD_BYTES), "the operator record")
    by = _texts(fields, "by", OPERATOR_ID, MAX_SIGNERS)
    signed = _texts(fields, "signatures", _SIGNATURE, MAX_SIGNERS + 1)
    record = replace(
        _content(fields),
        by=distinct(by, "the operator record: by"),
        signatures=tuple(bytes.fromhex(each) for each in signed),
    )
    if len(record.signatures) != len(record.by) + 1:
        raise bad("the operator record: signatures are not one of the agency and one for each by")
    return record


def parse_draft(value: Any) -> OperatorRecord:
    """A record that is not signed yet, from :func:`record_dict`."""
    return _content(Fields(value, "the operator record"))


def _content(fields: Fields) -> OperatorRecord:
    fields.constant("type", TYPE)
    record = OperatorRecord(
        agency=fields.agency("agency"),
        number=fields.integer("number", 0, MAX_RECORDS - 1),
        previous=fields.matching("previous", _PREVIOUS),
        member=Member(
            operator=fields.matching("operator", OPERATOR_ID),
            roles=fields.choices("roles", OperatorRole),
            key=fields.hexadecimal("key", signatures.PUBLIC_KEY_BYTES),
            status=fields.choice("status", OperatorStatus),
        ),
        decided=fields.time("decided"),
    )
    fields.done()
    return record


def extend(
    held: Roster | None, record: OperatorRecord, agency: str, agency_keys: Collection[bytes]
) -> Roster:
    """The roster with one more record; itself where it has that very record already.

    ``agency_keys``: the signing keys that the agency has had, each 32 bytes. Raises
    VerificationError (``roster-broken``, ``roster-forked``, ``bad-signature``) or StateError
    (``roster-gap``).
    """
    if record.agency != agency:
        raise _broken("a record is of another agency")
    length = 0 if held is None else len(held.records)
    if held is not None and record.number < length:
        if held.records[record.number].to_bytes() == record.to_bytes():
            return held
        raise _forked()
    if record.number > length:
        raise errors.StateError(ROSTER_GAP, "the record before this one has not come yet")
    if record.previous != ("" if held is None else held.head):
        raise _forked()
    members = {} if held is None else dict(held.members)
    had_approver = held is not None and held.had_approver
    _check_signatures(record, members, agency_keys)
    _check_rules(record, members, had_approver)
    members[record.member.operator] = record.member
    return Roster(
        agency,
        (*(held.records if held else ()), record),
        MappingProxyType(members),
        had_approver or record.member.can(OperatorRole.APPROVER),
        _CHECKED_HERE,
    )


def replay(
    records: Iterable[OperatorRecord], agency: str, agency_keys: Collection[bytes]
) -> Roster | None:
    """The roster of a whole chain, None for an empty one. Raises as :func:`extend`."""
    roster = None
    for record in records:
        roster = extend(roster, record, agency, agency_keys)
    return roster


def as_of(roster: Roster, moment: str, agency_keys: Collection[bytes]) -> Roster | None:
    """The roster as it was at a time: what was decided then is verified by the keys of then. It
    gives no right today, because who has an old key can write an old date. Raises as
    :func:`extend`."""
    then = takewhile(lambda record: record.decided <= moment, roster.records)
    return replay(then, roster.agency, agency_keys)


def _check_signatures(
    record: OperatorRecord, members: Mapping[str, Member], agency_keys: Collection[bytes]
) -> None:
    message = record.signed_bytes()
    signatures.load_public(record.member.key)
    _verify_any(agency_keys, message, record.signatures[0])
    for operator, signature in zip(record.by, record.signatures[1:], strict=True):
        signer = members.get(operator)
        if signer is None and record.number == 0 and operator == record.member.operator:
            signer = record.member
        if signer is None or signer.status is not OperatorStatus.ACTIVE:
            raise _broken("a record is signed by nobody who may sign")
        _verify(signer.key, message, signature)


def _check_rules(record: OperatorRecord, members: Mapping[str, Member], had_approver: bool) -> None:
    new, before = record.member, members.get(record.member.operator)
    if {OperatorRole.ADMIN, OperatorRole.APPROVER} <= set(new.roles):
        raise _broken("an admin cannot be an approver")
    if any(m.key == new.key and m.operator != new.operator for m in members.values()):
        raise _broken("two operators have one key")
    if record.number == 0:
        if not new.can(OperatorRole.ADMIN) or record.by != (new.operator,):
            raise _broken("the first record does not make an admin by itself")
        return
    signers = [members[operator] for operator in record.by]
    if not any(signer.can(OperatorRole.ADMIN) for signer in signers):
        raise _broken("no active admin signed a record")
    known = before is not None and before.can(OperatorRole.APPROVER) and before.key == new.key
    makes_approver = new.can(OperatorRole.APPROVER) and not known
    approved = any(signer.can(OperatorRole.APPROVER) for signer in signers)
    if makes_approver and had_approver and not approved:
        raise _broken("no active approver signed for a new approver")


def _verify(key: bytes, message: bytes, signature: bytes) -> None:
    signatures.verify(key, signatures.Context.OPERATOR_RECORD, message, signature)


def _verify_any(keys: Collection[bytes], message: bytes, signature: bytes) -> None:
    for key in keys:
        try:
            return _verify(key, message, signature)
        except errors.VerificationError:
            continue
    raise errors.VerificationError(
        signatures.BAD_SIGNATURE, "the agency's signature on an operator record does not hold"
    )


def _texts(fields: Fields, name: str, form: re.Pattern[str], most: int) -> tuple[str, ...]:
    values = fields.sequence(name, 1, most)
    if not all(isinstance(value, str) and form.fullmatch(value) for value in values):
        raise bad(f"the operator record: {name} has a form that is not allowed")
    return tuple(values)


def _broken(reason: str) -> errors.VerificationError:
    return errors.VerificationError(ROSTER_BROKEN, reason)


def _forked() -> errors.VerificationError:
    return errors.VerificationError(
        ROSTER_FORKED, "the record contradicts the operators that the agency showed before"
    )
