"""A request: what waits for a person's decision, and who asked for it.

::

    request/1 = {agency, created, kind, nonce, proposer, subject, type, signature}

``subject`` says what is to be decided, in members of its own for each kind. ``proposer`` is the
operator who asks and whose own key signs the request, so that nobody can put another's name under
what he asked for himself; ``peer`` where the other agency asks; empty where the agency has no
operators. The request's id is the SHA-256 of the document without its signature.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical
from psihash.agreement.fields import Fields, bad, decode
from psihash.agreement.terms import ENGINE_ID
from psihash.identity import signatures
from psihash.terms import AlgorithmId, Rung, SessionRole

TYPE: Final = "request/1"
NONCE_BYTES: Final = 16
BY_PEER: Final = "peer"
"""The proposer of what the other agency asks for."""
BY_SINGLE_OPERATOR: Final = ""
"""The proposer where the agency has no operators."""

OPERATOR_ID: Final = re.compile(r"op-[0-9a-f]{16}")
_HEX_64: Final = re.compile(r"[0-9a-f]{64}")
_HEX_64_OR_NONE: Final = re.compile(r"(?:[0-9a-f]{64})?")
_WATCH: Final = re.compile(r"w[0-9a-f]{23}")
_TYPE: Final = re.compile(r"[a-z][a-z-]{0,62}/[0-9]{1,4}")


class RequestKind(enum.StrEnum):
    """What can be asked for."""

    PROPOSE = "propose"
    """Our own terms, before they are signed and sent."""
    AGREEMENT = "agreement"
    """A peer's terms: taken up by somebody here, who says what we put in."""
    SESSION = "session"
    """One rung of one session with one peer."""
    OPERATOR = "operator"
    """A new approver."""
    FOLLOW_UP = "follow-up"
    CORRECTION = "correction"
    WATCH = "watch"
    """A standing query, with its schedule and its end."""
    CONTRIBUTION = "contribution"
    """Items that are to go to a centre."""
    TAKE_IN = "take-in"
    """Items that a member gives to this centre."""


@dataclass(frozen=True, slots=True)
class Request:
    """Well-formed, nothing verified: ``verify_decision`` looks at the proposer's signature."""

    agency: str
    kind: RequestKind
    subject: Mapping[str, Any] = field(hash=False)
    proposer: str
    created: str
    nonce: bytes
    signature: bytes = b""
    """64 bytes by the proposer's own key; empty where the proposer is no operator."""

    @property
    def by_operator(self) -> bool:
        return self.proposer not in (BY_PEER, BY_SINGLE_OPERATOR)

    def signed_bytes(self) -> bytes:
        return canonical.encode(self._unsigned())

    def to_bytes(self) -> bytes:
        return canonical.encode(request_dict(self))

    @property
    def id(self) -> str:
        """64 hex digits."""
        return hashlib.sha256(self.signed_bytes()).hexdigest()

    def _unsigned(self) -> dict[str, Any]:
        return {
            "type": TYPE,
            "agency": self.agency,
            "kind": self.kind.value,
            "subject": dict(self.subject),
            "proposer": self.proposer,
            "created": self.created,
            "nonce": self.nonce.hex(),
        }


def request_dict(request: Request) -> dict[str, Any]:
    """The JSON form, to stand inside another document."""
    return request._unsigned() | {"signature": request.signature.hex()}


def new_request(
    agency: str,
    kind: RequestKind,
    subject: Mapping[str, Any],
    *,
    proposer: str,
    created: str,
    rng: Callable[[int], bytes],
    key: Ed25519PrivateKey | None = None,
) -> Request:
    """A request, signed by ``key`` where an operator proposes. Raises InputError."""
    request = Request(agency, kind, dict(subject), proposer, created, rng(NONCE_BYTES))
    if request.by_operator:
        if key is None:
            raise bad("a request: an operator signs what it proposes")
        signed = signatures.sign(key, signatures.Context.REQUEST, request.signed_bytes())
        request = replace(request, signature=signed)
    return parse_request(request.to_bytes())


def parse_request(data: bytes) -> Request:
    """A request from its canonical bytes. Raises InputError (``bad-document``)."""
    fields = Fields(decode(data), "the request")
    fields.constant("type", TYPE)
    kind = fields.choice("kind", RequestKind)
    request = Request(
        agency=fields.agency("agency"),
        kind=kind,
        subject=_subject(kind, fields.take("subject")),
        proposer=_proposer(fields),
        created=fields.time("created"),
        nonce=fields.hexadecimal("nonce", NONCE_BYTES),
        signature=_signature(fields),
    )
    fields.done()
    if request.by_operator is not bool(request.signature):
        raise bad("the request: an operator's is signed, any other is not")
    return request


def subject_key(kind: RequestKind, subject: Mapping[str, Any]) -> str:
    """64 hex digits that two requests have in common exactly where they ask for the same."""
    return canonical.digest(
        b"psihash/request-subject/1", kind.value.encode(), canonical.encode(subject)
    ).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSubject:
    """The subject of kind ``session``: all that runs, as the agency sees it that asks its own
    approver. A decision counts for exactly this and for nothing that differs in one word."""

    agreement: str
    """Its id, 64 hex digits."""
    peer: str
    rung: Rung
    previous: str
    """Id of the receipt that the session builds on, 64 hex digits, or empty."""
    role: SessionRole
    """Of the agency that asks its own approver."""
    engine: str
    algorithms: tuple[AlgorithmId, ...]
    case: str
    """The agency's own case reference."""
    peer_case: str
    """The other side's; empty where that keeps it to itself."""
    annex: str
    """Digest of the agency's own annex in force, 64 hex digits: what it puts in."""
    peer_annex: str
    """The same of the other side's."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "agreement": self.agreement,
            "peer": self.peer,
            "rung": self.rung.value,
            "previous": self.previous,
            "role": self.role.value,
            "engine": self.engine,
            "algorithms": [name.value for name in self.algorithms],
            "case": self.case,
            "peer_case": self.peer_case,
            "annex": self.annex,
            "peer_annex": self.peer_annex,
        }


def document_subject(document: str, kind: str, peer: str, session: str) -> dict[str, Any]:
    """The subject of the kinds ``follow-up``, ``correction`` and ``contribution``. ``document``:
    its id, ``session``: the one that it is about, or the agreement of a contribution, 64 hex
    digits each; ``kind``: its type."""
    return {"document": document, "type": kind, "peer": peer, "session": session}


def agreement_subject(agreement: str, peer: str) -> dict[str, Any]:
    """The subject of the kinds ``propose`` and ``agreement``."""
    return {"agreement": agreement, "peer": peer}


def _subject(kind: RequestKind, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise bad("the request: subject is no object, or an empty one")
    if kind is RequestKind.SESSION:
        parse_session_subject(value)
    if kind in (RequestKind.PROPOSE, RequestKind.AGREEMENT):
        fields = Fields(value, "the subject of an agreement")
        fields.matching("agreement", _HEX_64)
        fields.agency("peer")
        if "attachment" in value:
            fields.matching("attachment", _HEX_64)
        fields.done()
    if kind is RequestKind.WATCH:
        fields = Fields(value, "the subject of a watch")
        fields.matching("watch", _WATCH)
        fields.matching("agreement", _HEX_64)
        fields.agency("peer")
        fields.text("cron")
        fields.text("zone")
        fields.time("until")
        fields.matching("attachment", _HEX_64)
        fields.done()
    if kind is RequestKind.TAKE_IN:
        fields = Fields(value, "the subject of taking in")
        fields.matching("contribution", _HEX_64)
        fields.matching("agreement", _HEX_64)
        fields.agency("peer")
        fields.done()
    if kind in (RequestKind.FOLLOW_UP, RequestKind.CORRECTION, RequestKind.CONTRIBUTION):
        fields = Fields(value, "the subject of a document")
        fields.matching("document", _HEX_64)
        fields.matching("type", _TYPE)
        fields.agency("peer")
        fields.matching("session", _HEX_64)
        fields.done()
    return value


def parse_session_subject(value: Any) -> SessionSubject:
    """The subject of a request of kind ``session``. Raises InputError (``bad-document``)."""
    fields = Fields(value, "the subject of a session")
    subject = SessionSubject(
        agreement=fields.matching("agreement", _HEX_64),
        peer=fields.agency("peer"),
        rung=fields.choice("rung", Rung),
        previous=fields.matching("previous", _HEX_64_OR_NONE),
        role=fields.choice("role", SessionRole),
        engine=fields.matching("engine", ENGINE_ID),
        algorithms=fields.choices("algorithms", AlgorithmId),
        case=fields.text("case", empty=True),
        peer_case=fields.text("peer_case", empty=True),
        annex=fields.matching("annex", _HEX_64),
        peer_annex=fields.matching("peer_annex", _HEX_64),
    )
    fields.done()
    return subject


def _proposer(fields: Fields) -> str:
    text = fields.string("proposer")
    if text not in (BY_PEER, BY_SINGLE_OPERATOR) and not OPERATOR_ID.fullmatch(text):
        raise bad("the request: proposer is no operator")
    return text


def _signature(fields: Fields) -> bytes:
    text = fields.string("signature")
    if text and not re.fullmatch(r"[0-9a-f]{128}", text):
        raise bad("the request: signature is not 128 lower-case hex digits")
    return bytes.fromhex(text)
