"""What the signed documents of this package have in common, and how they are verified.

A document is RFC 8785 JSON with a ``type``, ``author``, ``recipient``, a ``nonce``, the times
``issued`` and ``expires``, and a ``signature``: Ed25519 by the author over the canonical document
without that member, under the context ``psihash/document/1``. Where the author has operators there
is an ``approval`` too: who asked to let the document go, and the approver's decision. The id is the
SHA-256 of the document without both, so that a decision can name what it lets go.
:mod:`psihash.casework.reading` reads and signs them, :mod:`psihash.casework.approving` checks the
approval; they travel sealed (:mod:`psihash.casework.sealed`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from psihash import canonical, errors
from psihash.agreement.decision import Approval
from psihash.agreement.documents import WRONG_AUTHOR
from psihash.casework import clocks, words
from psihash.identity import signatures

WRONG_RECIPIENT = errors.define("wrong-recipient", "a document was written to another agency")
DOCUMENT_EXPIRED = errors.define(
    "document-expired", "a document came after the time it is good for"
)
DOCUMENT_EARLY = errors.define(
    "document-early", "a document was issued in the future: one of the two clocks is wrong"
)

NONCE_BYTES: Final = 16

CONTEXT: Final = signatures.Context.DOCUMENT
_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDocument:
    """Members that every type has."""

    TYPE: ClassVar[str]

    author: str
    recipient: str
    nonce: str
    issued: str
    expires: str
    approval: Approval | None = None
    signature: bytes = b""

    def members(self) -> dict[str, Any]:
        """The JSON members that this type adds."""
        raise TypeError("a document is one of the types of this package")

    def signed_bytes(self) -> bytes:
        return canonical.encode(self._unsigned())

    def to_bytes(self) -> bytes:
        return canonical.encode(self._unsigned() | {"signature": self.signature.hex()})

    @property
    def id(self) -> str:
        """64 hex digits: one name for what is said, before and after it was approved."""
        return hashlib.sha256(canonical.encode(self._content())).hexdigest()

    def _unsigned(self) -> dict[str, Any]:
        content = self._content()
        return content if self.approval is None else content | {"approval": self.approval.to_dict()}

    def _content(self) -> dict[str, Any]:
        common = {
            "type": self.TYPE,
            "author": self.author,
            "recipient": self.recipient,
            "nonce": self.nonce,
            "issued": self.issued,
            "expires": self.expires,
        }
        return common | self.members()


@dataclass(frozen=True, slots=True)
class VerifiedCase:
    """A document that its author wrote to us, in time. Only :func:`verify` makes one."""

    document: CaseDocument
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _MADE_HERE:
            raise TypeError("only verify makes a VerifiedCase")


def verify(
    document: CaseDocument, author: str, recipient: str, signing_key: bytes, now: str
) -> VerifiedCase:
    """Check that ``author``, whose key (32 bytes) this is, wrote it to ``recipient``, in time.

    Raises VerificationError (``wrong-author``, ``bad-signature``) or RefusedError
    (``wrong-recipient``, ``document-expired``, ``document-early``).
    """
    if document.author != author:
        raise errors.VerificationError(WRONG_AUTHOR, "the document is of another author")
    if document.recipient != recipient:
        raise errors.RefusedError(WRONG_RECIPIENT, "the document was written to another agency")
    signatures.verify(signing_key, CONTEXT, document.signed_bytes(), document.signature)
    if document.issued > clocks.add(now, minutes=words.EARLY_MINUTES):
        raise errors.RefusedError(DOCUMENT_EARLY, "the document was issued in the future")
    if document.expires <= now:
        raise errors.RefusedError(DOCUMENT_EXPIRED, "the document is not good any more")
    return VerifiedCase(document, _MADE_HERE)
