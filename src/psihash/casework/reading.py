"""Reading the documents of this package, strictly, and signing them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors
from psihash.agreement.decision import parse_approval
from psihash.agreement.fields import Fields, bad, decode
from psihash.casework import answers, contribution, corrections, pack, words
from psihash.casework.documents import CONTEXT, NONCE_BYTES, CaseDocument
from psihash.identity import signatures

CASE_DOCUMENT_TOO_LARGE = errors.define(
    "case-document-too-large", "a request, answer or notice is larger than one document may be"
)

_D = TypeVar("_D", bound=CaseDocument)

_READERS: Final[dict[str, Callable[[Fields, dict[str, Any]], CaseDocument]]] = {
    pack.TYPE: pack.read,
    answers.TYPE: answers.read,
    corrections.NOTICE_TYPE: corrections.read_notice,
    corrections.ANSWER_TYPE: corrections.read_answer,
    contribution.TYPE: contribution.read,
    contribution.PART_TYPE: contribution.read_part,
    contribution.ANSWER_TYPE: contribution.read_answer,
}


def parse(data: bytes) -> CaseDocument:
    """A well-formed document, nothing verified. Raises InputError (``bad-document``)."""
    value = decode(data, max_bytes=words.MAX_DOCUMENT_BYTES)
    kind = value.get("type")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise bad("the document is of no known type")
    fields = Fields(value, "the document")
    fields.take("type")
    approval = fields.maybe("approval")
    document = reader(
        fields,
        {
            "author": fields.agency("author"),
            "recipient": fields.agency("recipient"),
            "nonce": fields.hexadecimal("nonce", NONCE_BYTES).hex(),
            "issued": fields.time("issued"),
            "expires": fields.time("expires"),
            "approval": None if approval is None else parse_approval(approval),
            "signature": fields.hexadecimal("signature", signatures.SIGNATURE_BYTES),
        },
    )
    fields.done()
    if document.expires <= document.issued:
        raise bad("the document expires before it is issued")
    return document


def sign(document: _D, key: Ed25519PrivateKey) -> _D:
    """Fill in the signature, after checking that the document will pass its own parser.

    Raises InputError (``bad-document``, ``case-document-too-large``).
    """
    signature = signatures.sign(key, CONTEXT, document.signed_bytes())
    signed = replace(document, signature=signature)
    # Room for an approval is kept free: it comes when nothing can be made shorter any more.
    room = 0 if document.approval is not None else words.MAX_APPROVAL_BYTES
    if len(signed.to_bytes()) > words.MAX_DOCUMENT_BYTES - room:
        raise errors.InputError(
            CASE_DOCUMENT_TOO_LARGE,
            f"this would be more than {words.MAX_DOCUMENT_BYTES - room:,} bytes",
            hint="fewer hits or less text; what is longer belongs into a second one",
        )
    parse(signed.to_bytes())
    return signed
