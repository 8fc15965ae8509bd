"""Requests of the kind ``operator``: an approver agrees to a further approver."""

from __future__ import annotations

from typing import Final

from psihash import errors
from psihash.agreement.page import Section
from psihash.agreement.roster import OperatorRecord, OperatorStatus, parse_draft, record_signature
from psihash.node.node import Node
from psihash.node.people import login, operators, requests, rosters
from psihash.node.people.request_kinds import Granted, Handler
from psihash.storage.errors import damaged
from psihash.storage.requests import RequestRow
from psihash.storage.rosters import ROSTER_MOVED

OPERATOR_GONE = errors.define(
    "operator-gone", "a person who was to become an operator was taken off before"
)


def _wanted(row: RequestRow) -> tuple[OperatorRecord, str, bytes]:
    """Record, the admin who wants it, and the admin's signature."""
    subject = requests.body(row).subject
    try:
        record = parse_draft(subject["record"])
        return record, str(subject["admin"]), bytes.fromhex(subject["signature"])
    except (KeyError, TypeError, ValueError):
        raise damaged("request") from None


def _check_wanted(node: Node, row: RequestRow) -> None:
    record, _, _ = _wanted(row)
    known = node.stores.operators.find(record.member.operator)
    if known is None or known.status != operators.PENDING:
        raise errors.StateError(
            OPERATOR_GONE, "the person was taken off meanwhile", hint="refuse the request"
        )
    roster = rosters.own(node)
    if roster is None or record.previous != roster.head:
        raise errors.StateError(
            ROSTER_MOVED,
            "the list of operators changed since this was asked for",
            hint="refuse it, and let the admin add the person again",
        )


def _confirm(node: Node, granted: Granted) -> None:
    record, admin, signature = _wanted(granted.row)
    operator, key = login.own_key(node)
    operators.keep(node, record, {admin: signature, operator: record_signature(record, key)})
    node.stores.operators.set_status(record.member.operator, OperatorStatus.ACTIVE.value)


def _drop(node: Node, row: RequestRow, _reason: str) -> None:
    record, _, _ = _wanted(row)
    known = node.stores.operators.find(record.member.operator)
    if known is None or known.status != operators.PENDING:
        return
    roster = rosters.own(node)
    if roster is not None and known.id in roster.members:
        # Somebody who was here before: what it asked and decided then keeps its name.
        node.stores.operators.set_status(known.id, OperatorStatus.DISABLED.value)
    else:
        node.stores.operators.remove(known.id)


def _forget(node: Node, row: RequestRow) -> None:
    _drop(node, row, "")


def _page(node: Node, row: RequestRow) -> list[Section]:
    record, _, _ = _wanted(row)
    known = node.stores.operators.find(record.member.operator)
    name = record.member.operator if known is None else known.name
    roles = ", ".join(role.value for role in record.member.roles)
    return [
        ("What is asked", f"To let {name} ({record.member.operator}) act as {roles}."),
        (
            "What it means",
            "From then on this person's own signature approves agreements, sessions, requests and "
            "further approvers for this agency, and partners accept it. Ask the person, not the "
            "admin, whether the password was typed by the person alone, and compare the key.",
        ),
        ("The person's key", operators.key_words(record.member.key)),
    ]


OPERATOR: Final = Handler(
    page=_page, check=_check_wanted, on_approved=_confirm, on_refused=_drop, on_expired=_forget
)
