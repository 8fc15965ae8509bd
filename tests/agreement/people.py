"""An agency's operators for tests: an admin, an analyst, two approvers, with their keys."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash.agreement import roster as rosters
from psihash.agreement.decision import Decision, Verdict, decide
from psihash.agreement.request import Request, RequestKind, SessionSubject, new_request
from psihash.agreement.roster import Member, OperatorRecord, OperatorRole, OperatorStatus, Roster
from psihash.identity.signatures import public_bytes
from psihash.terms import AlgorithmId, Rung, SessionRole

AGENCY = "nl-police"
NOW = "2026-03-01T12:00:00Z"
AGREEMENT = "ab" * 32


SESSION = SessionSubject(
    agreement=AGREEMENT,
    peer="be-police",
    rung=Rung.RECORDS,
    previous="",
    role=SessionRole.INITIATOR,
    engine="ecdh-ristretto255/1",
    algorithms=(AlgorithmId.MD5,),
    case="CASE-1",
    peer_case="",
    annex="0a" * 32,
    peer_annex="0b" * 32,
)


def session_subject(**changes: Any) -> dict[str, Any]:
    """The subject of a session's request."""
    return replace(SESSION, **changes).to_dict()


def operator_id(number: int) -> str:
    return f"op-{number:016x}"


@dataclass
class People:
    """A roster that grows, and all the keys behind it."""

    agency_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    roster: Roster | None = None

    @classmethod
    def usual(cls) -> People:
        people = cls()
        people.add(1, "admin", by=[1])
        people.add(2, "analyst", by=[1])
        people.add(3, "approver", by=[1])
        people.add(4, "approver", by=[1, 3])
        return people

    @property
    def agency_keys(self) -> set[bytes]:
        return {public_bytes(self.agency_key)}

    def record(
        self,
        number: int,
        *roles: str,
        by: Sequence[int],
        status: str = "active",
        key: Ed25519PrivateKey | None = None,
    ) -> OperatorRecord:
        """The signed next record about operator ``number``."""
        name = operator_id(number)
        own = key or self.keys.setdefault(name, Ed25519PrivateKey.generate())
        member = Member(
            name,
            tuple(OperatorRole(role) for role in roles),
            public_bytes(own),
            OperatorStatus(status),
        )
        record = rosters.next_record(self.roster, AGENCY, member, NOW)
        names = [operator_id(each) for each in by]
        signed = {each: rosters.record_signature(record, self.keys[each]) for each in names}
        return rosters.sign_record(record, self.agency_key, signed)

    def add(self, number: int, *roles: str, by: Sequence[int], status: str = "active") -> Roster:
        record = self.record(number, *roles, by=by, status=status)
        self.roster = rosters.extend(self.roster, record, AGENCY, self.agency_keys)
        return self.roster

    @property
    def held(self) -> Roster:
        assert self.roster is not None
        return self.roster

    def key(self, number: int) -> Ed25519PrivateKey:
        return self.keys[operator_id(number)]

    def request(
        self,
        proposer: int | str = 2,
        rung: Rung = Rung.RECORDS,
        role: SessionRole = SessionRole.INITIATOR,
        *,
        key: Ed25519PrivateKey | None = None,
    ) -> Request:
        name = operator_id(proposer) if isinstance(proposer, int) else proposer
        return new_request(
            AGENCY,
            RequestKind.SESSION,
            session_subject(rung=rung, role=role),
            proposer=name,
            created=NOW,
            rng=os.urandom,
            key=key or self.keys.get(name),
        )

    def decide(
        self, request: Request, by: int = 3, verdict: Verdict = Verdict.APPROVED, now: str = NOW
    ) -> Decision:
        name = operator_id(by)
        return decide(request, verdict, name, self.keys[name], reason="needed", now=now)
