"""An agreement put together from its documents."""

from __future__ import annotations

from collections.abc import Iterable

from psihash.agreement.documents import VerifiedDocument
from psihash.agreement.state import Agreement
from psihash.agreement.terms import Terms


def assemble(terms: Terms, documents: Iterable[VerifiedDocument]) -> Agreement:
    """An agreement from all that is known of it, in whatever order."""
    agreement = Agreement(terms)
    for verified in documents:
        agreement = agreement.with_document(verified)
    return agreement
