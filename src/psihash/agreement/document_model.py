"""The four signed documents of an agreement, as values. ``documents`` reads, signs and verifies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from psihash import canonical
from psihash.agreement.decision import Approval
from psihash.agreement.vocabulary import PartyRole
from psihash.identity import signatures
from psihash.terms import AlgorithmId, CollectionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDocument:
    """What the four have in common."""

    TYPE: ClassVar[str]
    CONTEXT: ClassVar[signatures.Context]

    author: str
    agreement: str
    """The agreement's id, 64 hex digits."""
    signature: bytes = b""
    """64 bytes; empty only on the way to ``sign_document``."""

    def members(self) -> dict[str, Any]:
        """The JSON members that this type adds."""
        raise TypeError("a signed document is one of the four types")

    def signed_bytes(self) -> bytes:
        return canonical.encode(self._unsigned())

    def to_bytes(self) -> bytes:
        return canonical.encode(self._unsigned() | {"signature": self.signature.hex()})

    @property
    def digest(self) -> bytes:
        """SHA-256 over the signed bytes: one name for what was said, however often signed."""
        return hashlib.sha256(self.signed_bytes()).digest()

    def _unsigned(self) -> dict[str, Any]:
        common = {"type": self.TYPE, "author": self.author, "agreement": self.agreement}
        return common | self.members()


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsSignature(SignedDocument):
    """The author agrees to the terms."""

    TYPE: ClassVar[str] = "agreement-signature/1"
    CONTEXT: ClassVar[signatures.Context] = signatures.Context.AGREEMENT_TERMS

    role: PartyRole
    decided: str
    actor: str
    """Who decided, as the author's agency names the person or the office."""
    approval: Approval | None = None
    """The approver's own decision. An agency that has operators cannot sign without one."""

    def members(self) -> dict[str, Any]:
        common = {"role": self.role.value, "decided": self.decided, "actor": self.actor}
        return common if self.approval is None else common | {"approval": self.approval.to_dict()}


@dataclass(frozen=True, slots=True)
class Offered:
    """One collection of an annex, under a random id. Never its name, never its exact size."""

    id: str
    kind: CollectionKind
    classes: Mapping[AlgorithmId, int]
    """Size class of the distinct digests, by algorithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annex(SignedDocument):
    """What the author puts in. The highest revision is in force."""

    TYPE: ClassVar[str] = "agreement-annex/1"
    CONTEXT: ClassVar[signatures.Context] = signatures.Context.AGREEMENT_ANNEX

    revision: int
    collections: tuple[Offered, ...]
    case: str
    """The author's case reference; empty to leave what the terms say, or to keep it hidden."""
    legal_basis: str
    """Empty to leave what the terms say."""
    issued: str

    def members(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "collections": [_offered_dict(offered) for offered in self.collections],
            "case": self.case,
            "legal_basis": self.legal_basis,
            "issued": self.issued,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(SignedDocument):
    """The other side does not agree to the terms. Final: a new proposal is a new agreement."""

    TYPE: ClassVar[str] = "agreement-refusal/1"
    CONTEXT: ClassVar[signatures.Context] = signatures.Context.DOCUMENT

    code: str
    reason: str
    decided: str
    actor: str

    def members(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "reason": self.reason,
            "decided": self.decided,
            "actor": self.actor,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation(SignedDocument):
    """Either side ends the agreement, at once and for good."""

    TYPE: ClassVar[str] = "agreement-revocation/1"
    CONTEXT: ClassVar[signatures.Context] = signatures.Context.AGREEMENT_REVOCATION

    reason: str
    decided: str
    actor: str

    def members(self) -> dict[str, Any]:
        return {"reason": self.reason, "decided": self.decided, "actor": self.actor}


Document = TermsSignature | Annex | Refusal | Revocation


def _offered_dict(offered: Offered) -> dict[str, Any]:
    return {
        "id": offered.id,
        "kind": offered.kind.value,
        "classes": {name.value: size for name, size in offered.classes.items()},
    }
