"""An agreement: its terms and the documents known about it; its status is derived, never stored.

The order in which documents arrive does not matter: whatever is asked of an agreement depends on
the set of documents alone. So a push, a later contact and a file on a stick reach one state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from psihash import canonical, errors
from psihash.agreement import defaults
from psihash.agreement.admission import check_admissible
from psihash.agreement.documents import (
    Annex,
    Document,
    Refusal,
    Revocation,
    TermsSignature,
    VerifiedDocument,
)
from psihash.agreement.status import AgreementState, Facts, Incident, Missing, derive
from psihash.agreement.terms import Terms
from psihash.agreement.times import parse_time

ANNEX_CONFLICT = errors.define(
    "annex-conflict", "one side signed two different annexes with the same revision: an incident"
)
ANNEX_SWAPPED = errors.define(
    "annex-swapped",
    "a later annex of a side offers other collections than the one approved: an incident",
)
AGREEMENT_FULL = errors.define(
    "agreement-full", "one side has sent more documents for an agreement than are kept"
)


_CHECKED_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class Agreement:
    """Immutable: :meth:`with_document` returns a new one. Start with ``Agreement(terms)``."""

    terms: Terms
    verified: tuple[VerifiedDocument, ...] = ()
    """Distinct, sorted by digest; only :meth:`with_document` adds one."""
    _proof: object = None

    def __post_init__(self) -> None:
        if self.verified and self._proof is not _CHECKED_HERE:
            raise TypeError("documents enter an agreement through with_document")

    @property
    def documents(self) -> tuple[Document, ...]:
        return tuple(known.document for known in self.verified)

    def with_document(self, verified: VerifiedDocument) -> Agreement:
        """This agreement with one more document; itself if it is known already.

        Raises RefusedError where the document cannot belong here. An annex that contradicts
        another is taken: it is evidence, and the state says so.
        """
        document = verified.document
        check_admissible(self.terms, verified)
        if any(document.digest == known.digest for known in self.documents):
            return self
        if len(self._by(type(document), document.author)) >= defaults.MAX_DOCUMENTS_PER_AUTHOR:
            raise errors.RefusedError(AGREEMENT_FULL, "too many documents for this agreement")
        known = sorted((*self.verified, verified), key=lambda each: each.document.digest)
        return Agreement(self.terms, tuple(known), _CHECKED_HERE)

    @property
    def id(self) -> str:
        return self.terms.id

    @property
    def digest(self) -> bytes:
        """32 bytes that name the agreement in session ids and transcripts."""
        return canonical.digest(b"psihash/agreement/1", self.terms.digest)

    @property
    def revision(self) -> str:
        """Revisions of both annexes in force, proposer's first, such as ``2.1``; 0 is none."""
        annexes = (self.annex(agency) for agency in self.terms.agencies)
        return ".".join(str(annex.revision if annex else 0) for annex in annexes)

    def peer_of(self, agency: str) -> str:
        """The other party. Raises RefusedError for an agency that is no party."""
        return self.terms.party(self.terms.role_of(agency).opposite).agency

    def annex(self, agency: str) -> Annex | None:
        """The annex in force: the one with the highest revision, if there is just one such."""
        own = [d for d in self.documents if isinstance(d, Annex) and d.author == agency]
        top = max((annex.revision for annex in own), default=0)
        newest = [annex for annex in own if annex.revision == top]
        sound = len(newest) == 1 and not _swapped(own)
        return newest[0] if sound else None

    def signature(self, agency: str) -> TermsSignature | None:
        """The agency's signature; the earliest decision, should there be several."""
        found = [d for d in self.documents if isinstance(d, TermsSignature) and d.author == agency]
        return min(found, key=lambda d: (d.decided, d.digest), default=None)

    def case(self, agency: str) -> str:
        """The agency's case reference as agreed; empty if it keeps it to itself."""
        annex = self.annex(agency)
        return self.terms.case[agency] or (annex.case if annex else "")

    def legal_basis(self, agency: str) -> str:
        annex = self.annex(agency)
        return self.terms.legal_basis[agency] or (annex.legal_basis if annex else "")

    def incidents(self) -> tuple[Incident, ...]:
        """Every revision that one side signed twice with different content."""
        counts: dict[tuple[str, int], int] = {}
        for document in self.documents:
            if isinstance(document, Annex):
                key = (document.author, document.revision)
                counts[key] = counts.get(key, 0) + 1
        conflicts = [
            Incident(ANNEX_CONFLICT, agency, revision)
            for (agency, revision), count in sorted(counts.items())
            if count > 1
        ]
        swaps = [
            Incident(ANNEX_SWAPPED, agency, revision)
            for agency in self.terms.agencies
            if (revision := _swapped([d for d in self.documents if _is_annex(d, agency)]))
        ]
        return (*conflicts, *swaps)

    def missing(self) -> tuple[Missing, ...]:
        """What must come before the agreement can be active."""
        lacking = []
        for agency in self.terms.agencies:
            if not self._by(TermsSignature, agency):
                lacking.append(Missing(agency, "signature"))
            if self.annex(agency) is None:
                lacking.append(Missing(agency, "annex"))
        return tuple(lacking)

    def state(self, now: str) -> AgreementState:
        """Status and open ends at ``now`` (RFC 3339). A pure function of documents and time."""
        facts = self._facts(now)
        return AgreementState(derive(facts), self.missing(), self.incidents())

    def _facts(self, now: str) -> Facts:
        parse_time(now)
        return Facts(
            revoked=any(isinstance(known, Revocation) for known in self.documents),
            refused=any(isinstance(known, Refusal) for known in self.documents),
            over=now >= self.terms.valid_until,
            conflicted=any(
                self.annex(agency) is None and bool(self._by(Annex, agency))
                for agency in self.terms.agencies
            ),
            proposer_signed=bool(self._by(TermsSignature, self.terms.agencies[0])),
            complete=not self.missing(),
            begun=now >= self.terms.valid_from,
        )

    def _by(self, kind: type[Document], author: str) -> list[Document]:
        return [d for d in self.documents if isinstance(d, kind) and d.author == author]


def _is_annex(document: Document, agency: str) -> bool:
    return isinstance(document, Annex) and document.author == agency


def _swapped(annexes: Iterable[Document]) -> int:
    """The first revision that offers other collections than the one before, or smaller classes; 0
    if none does. What was approved is the first annex: a later one may only grow."""
    found = [d for d in annexes if isinstance(d, Annex)]
    counts = Counter(annex.revision for annex in found)
    # A revision that was signed twice is a conflict of its own, which a later one heals.
    once = sorted((d for d in found if counts[d.revision] == 1), key=lambda d: d.revision)
    for before, after in pairwise(once):
        known = {offered.id: offered for offered in before.collections}
        same = {offered.id: offered.kind for offered in after.collections} == {
            name: offered.kind for name, offered in known.items()
        }
        if not same or any(
            offered.classes.get(name, 0) < size
            for offered in after.collections
            for name, size in known[offered.id].classes.items()
        ):
            return after.revision
    return 0
