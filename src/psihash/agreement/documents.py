"""Reading, signing and verifying the documents of an agreement.

A document is RFC 8785 JSON with a ``type``, the ``agreement`` it belongs to, its ``author`` and a
``signature``: Ed25519 by the author over the canonical document without that member, under the
context of its type. What is parsed is only well-formed; :func:`verify_document` makes the value
that says who wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors, limits
from psihash.agreement import defaults
from psihash.agreement.decision import parse_approval
from psihash.agreement.document_model import (
    Annex,
    Document,
    Offered,
    Refusal,
    Revocation,
    SignedDocument,
    TermsSignature,
)
from psihash.agreement.fields import Fields, bad, check_size_classes, decode, distinct
from psihash.agreement.terms import TYPE as TERMS_TYPE
from psihash.agreement.terms import Terms, parse_terms
from psihash.agreement.vocabulary import PartyRole
from psihash.identity import signatures
from psihash.terms import CollectionKind

__all__ = [
    "Annex",
    "Document",
    "Offered",
    "Refusal",
    "Revocation",
    "SignedDocument",
    "TermsSignature",
    "VerifiedDocument",
    "new_collection_id",
    "parse_body",
    "parse_document",
    "sign_document",
    "verify_document",
]

WRONG_AUTHOR = errors.define(
    "wrong-author", "a document names another author than the agency whose key is at hand"
)

_COLLECTION_ID: Final = re.compile(r"c-[0-9a-f]{16}")
_CODE: Final = re.compile(r"[a-z][a-z0-9]{0,31}(?:-[a-z0-9]{1,32}){0,7}")
_D = TypeVar("_D", bound=Document)

_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedDocument:
    """A document whose signature held under ``signing_key``. Only verify_document makes one."""

    document: Document
    signing_key: bytes
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _MADE_HERE:
            raise TypeError("only verify_document makes a VerifiedDocument")


def sign_document(document: _D, key: Ed25519PrivateKey) -> _D:
    """Fill in the signature, after checking that the document will pass its own parser.

    Raises InputError (``bad-document``).
    """
    signed = signatures.sign(key, document.CONTEXT, document.signed_bytes())
    result = replace(document, signature=signed)
    parse_document(result.to_bytes())
    return result


def verify_document(document: Document, author: str, signing_key: bytes) -> VerifiedDocument:
    """Check that ``author``, whose key (32 bytes) this is, wrote the document.

    Agency and key come together, from a verified card or from terms that were held against
    verified cards, so that one agency's key can never vouch for another's word. Raises
    VerificationError.
    """
    if document.author != author:
        raise errors.VerificationError(WRONG_AUTHOR, "the document is of another author")
    signatures.verify(signing_key, document.CONTEXT, document.signed_bytes(), document.signature)
    return VerifiedDocument(document, signing_key, _MADE_HERE)


def parse_document(data: bytes) -> Document:
    """A signed document from its canonical bytes. Raises InputError (``bad-document``)."""
    value = decode(data)
    kind = value.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise bad("the document is of no known type")
    fields = Fields(value, "the document")
    fields.take("type")
    document = reader(
        fields,
        {
            "author": fields.agency("author"),
            "agreement": fields.hexadecimal("agreement", 32).hex(),
            "signature": fields.hexadecimal("signature", signatures.SIGNATURE_BYTES),
        },
    )
    fields.done()
    return document


def parse_body(data: bytes) -> Terms | Document:
    """Whatever of an agreement may travel by itself: its terms or one signed document."""
    if decode(data).get("type") == TERMS_TYPE:
        return parse_terms(data)
    return parse_document(data)


def new_collection_id(rng: Callable[[int], bytes]) -> str:
    """A random id that says nothing about the collection."""
    return "c-" + rng(8).hex()


def _offered(value: Any) -> Offered:
    fields = Fields(value, "an offered collection")
    offered = Offered(
        id=fields.matching("id", _COLLECTION_ID),
        kind=fields.choice("kind", CollectionKind),
        classes=check_size_classes(fields.take("classes"), "an offered collection: classes"),
    )
    fields.done()
    return offered


def _read_signature(fields: Fields, common: dict[str, Any]) -> TermsSignature:
    approval = fields.maybe("approval")
    return TermsSignature(
        role=fields.choice("role", PartyRole),
        approval=None if approval is None else parse_approval(approval),
        **_decision(fields),
        **common,
    )


def _read_annex(fields: Fields, common: dict[str, Any]) -> Annex:
    raw = fields.sequence("collections", 1, limits.MAX_COLLECTIONS)
    collections = tuple(_offered(value) for value in raw)
    distinct(tuple(offered.id for offered in collections), "the document: collections")
    return Annex(
        revision=fields.integer("revision", 1, defaults.MAX_REVISION),
        collections=collections,
        case=fields.text("case", empty=True),
        legal_basis=fields.text("legal_basis", empty=True),
        issued=fields.time("issued"),
        **common,
    )


def _read_refusal(fields: Fields, common: dict[str, Any]) -> Refusal:
    return Refusal(
        code=fields.matching("code", _CODE),
        reason=fields.text("reason"),
        **_decision(fields),
        **common,
    )


def _read_revocation(fields: Fields, common: dict[str, Any]) -> Revocation:
    return Revocation(reason=fields.text("reason"), **_decision(fields), **common)


def _decision(fields: Fields) -> dict[str, Any]:
    return {
        "decided": fields.time("decided"),
        "actor": fields.text("actor", limit=defaults.MAX_NAME),
    }


_READERS: Final[dict[str, Callable[[Fields, dict[str, Any]], Document]]] = {
    TermsSignature.TYPE: _read_signature,
    Annex.TYPE: _read_annex,
    Refusal.TYPE: _read_refusal,
    Revocation.TYPE: _read_revocation,
}
