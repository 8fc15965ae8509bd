"""Which verified documents an agreement takes."""

from __future__ import annotations

from psihash import errors
from psihash.agreement.documents import Annex, Refusal, TermsSignature, VerifiedDocument
from psihash.agreement.terms import Terms
from psihash.agreement.vocabulary import PartyRole

DOCUMENT_MISPLACED = errors.define(
    "document-misplaced",
    "a document belongs to another agreement, or its author may not write it",
)
AGREEMENT_KEY_DIFFERS = errors.define(
    "agreement-key-differs", "terms were signed with another key than the one that they name"
)
ANNEX_OUTSIDE_TERMS = errors.define(
    "annex-outside-terms", "an annex offers or states something that the signed terms do not allow"
)


def check_admissible(terms: Terms, verified: VerifiedDocument) -> None:
    """Raise RefusedError unless the document can belong to an agreement on ``terms``.

    Depends on nothing else that is known of the agreement, so that order cannot matter.
    """
    _check_place(terms, verified)
    if isinstance(verified.document, Annex):
        _check_annex(terms, verified.document)


def _check_place(terms: Terms, verified: VerifiedDocument) -> None:
    document = verified.document
    role = terms.role_of(document.author)
    if document.agreement != terms.id:
        raise errors.RefusedError(DOCUMENT_MISPLACED, "the document is not of this agreement")
    if isinstance(document, Refusal) and role is not PartyRole.OTHER:
        raise errors.RefusedError(
            DOCUMENT_MISPLACED, "a proposer revokes its own proposal and cannot refuse it"
        )
    if isinstance(document, TermsSignature):
        if document.role is not role:
            raise errors.RefusedError(DOCUMENT_MISPLACED, "the signature names the wrong role")
        if verified.signing_key != terms.party(role).signing_key:
            raise errors.RefusedError(
                AGREEMENT_KEY_DIFFERS, "the terms name another key for this signature"
            )


def _check_annex(terms: Terms, annex: Annex) -> None:
    """An annex fills in what the terms leave open and changes nothing that they say."""
    for stated, agreed in (
        (annex.case, terms.case[annex.author]),
        (annex.legal_basis, terms.legal_basis[annex.author]),
    ):
        if stated and agreed and stated != agreed:
            raise _outside("the annex states another case or legal basis than the terms")
    if not (annex.legal_basis or terms.legal_basis[annex.author]):
        raise _outside("neither the terms nor the annex state a legal basis")
    for offered in annex.collections:
        if not offered.classes.keys() <= set(terms.algorithms):
            raise _outside("the annex offers an algorithm that was not agreed")
        if max(offered.classes.values()) > terms.max_size_class:
            raise _outside("the annex offers a collection above the largest size class")


def _outside(reason: str) -> errors.RefusedError:
    return errors.RefusedError(ANNEX_OUTSIDE_TERMS, reason)
