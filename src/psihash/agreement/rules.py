"""May this session run? Both sides ask, with the same numbers, before a first frame.

The result of :func:`check_session` is a value that only this module makes: the session layer
takes nothing else as leave to go on. ``clauses`` holds what the terms themselves say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from psihash import errors
from psihash.agreement.charges import Charges, Classes, Usage, charge
from psihash.agreement.clauses import SessionRequest, check_budget, check_cases, check_clauses
from psihash.agreement.documents import Annex
from psihash.agreement.state import ANNEX_CONFLICT, Agreement
from psihash.agreement.status import Status
from psihash.agreement.terms import Party, Terms
from psihash.terms import SIZE_CLASSES, AlgorithmId, Rung, is_size_class, size_class

AGREEMENT_UNSIGNED = errors.define(
    "agreement-unsigned", "the terms of the agreement lack a signature"
)
AGREEMENT_NOT_ACTIVE = errors.define(
    "agreement-not-active", "the agreement lacks an annex that is in force"
)
AGREEMENT_NOT_YET_VALID = errors.define(
    "agreement-not-yet-valid", "the agreement's first day has not come"
)
AGREEMENT_EXPIRED = errors.define("agreement-expired", "the agreement's last day has passed")
AGREEMENT_REFUSED = errors.define("agreement-refused", "one side refused the terms")
AGREEMENT_REVOKED = errors.define("agreement-revoked", "one side ended the agreement")
AGREEMENT_PARTY_DIFFERS = errors.define(
    "agreement-party-differs",
    "the terms describe a party with another card or key than the one known here",
)
ANNEX_MISMATCH = errors.define(
    "annex-mismatch", "what a side puts in does not fit the annexes in force"
)

ANNEX_OUTGROWN = errors.define(
    "annex-outgrown",
    "our own set is larger than the class that our annex states",
    private=True,
)

__all__ = [
    "PermittedSession",
    "SessionRequest",
    "check_active",
    "check_parties",
    "check_session",
    "largest_classes",
]

_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class PermittedSession:
    """Leave to run one session, with what it costs. Only check_session makes one."""

    agreement: str
    agreement_digest: bytes
    revision: str
    request: SessionRequest
    charges: Charges
    valid_until: str
    """The session must be over by then."""
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _MADE_HERE:
            raise TypeError("only check_session makes a PermittedSession")


def check_session(
    agreement: Agreement, request: SessionRequest, usage: Usage, now: str
) -> PermittedSession:
    """Leave to run, or RefusedError with the code of the first clause that says no.

    ``usage`` is the ledger's sum since ``period_start(now, terms.period_days)``; ``now`` is
    RFC 3339. The caller writes ``charges`` to the ledger in the transaction that accepts.
    """
    check_active(agreement, now)
    check_clauses(agreement.terms, request)
    check_cases(agreement, request)
    sides = _check_annexes(agreement, request)
    charges = charge(sides, request.learn, both_in_one_run=request.both_in_one_run)
    check_budget(agreement.terms, usage, charges)
    return PermittedSession(
        agreement.id,
        agreement.digest,
        agreement.revision,
        request,
        charges,
        agreement.terms.valid_until,
        _MADE_HERE,
    )


def check_parties(terms: Terms, known: tuple[Party, Party]) -> None:
    """Before signing: the terms must describe both sides as their cards here do.

    Names for people are not compared. Raises RefusedError.
    """
    described = {
        (party.agency, party.country, party.card, party.signing_key) for party in terms.parties
    }
    if described != {(each.agency, each.country, each.card, each.signing_key) for each in known}:
        raise errors.RefusedError(
            AGREEMENT_PARTY_DIFFERS, "the terms describe a party other than its card here does"
        )


def largest_classes(annex: Annex, algorithms: tuple[AlgorithmId, ...]) -> dict[AlgorithmId, int]:
    """The largest size class that the union of an annex's collections can need.

    Distinct digests of the union are at most the sum over the collections. Raises RefusedError
    where the annex has nothing of an algorithm.
    """
    sums = {
        algorithm: sum(offered.classes.get(algorithm, 0) for offered in annex.collections)
        for algorithm in algorithms
    }
    if not all(sums.values()):
        raise errors.RefusedError(ANNEX_MISMATCH, "an annex offers nothing of an algorithm")
    # A sum above the largest class there is needs no larger one: the terms cap every list below.
    return {
        algorithm: size_class(min(total, SIZE_CLASSES[-1])) for algorithm, total in sums.items()
    }


def check_active(agreement: Agreement, now: str) -> None:
    """Raise RefusedError, naming what is missing, unless the agreement is active at ``now``."""
    state = agreement.state(now)
    if state.status is Status.ACTIVE:
        return
    code, message = _NOT_ACTIVE[state.status]
    if state.status is Status.PROPOSED and all(gap.what != "signature" for gap in state.missing):
        code, message = AGREEMENT_NOT_ACTIVE, "an annex to the agreement is missing"
    raise errors.RefusedError(code, message, hint=_HINTS.get(code, ""))


_HINTS: Final = {
    AGREEMENT_UNSIGNED: "if they have signed, `psihash peer sync PEER` fetches their answer",
    AGREEMENT_NOT_ACTIVE: "`psihash agreement show` says what is missing; `psihash peer sync PEER`",
}
_NOT_ACTIVE: Final = {
    Status.UNSIGNED: (AGREEMENT_UNSIGNED, "the proposer has not signed the terms"),
    Status.PROPOSED: (AGREEMENT_UNSIGNED, "the other side has not signed the terms"),
    Status.CONFLICTED: (ANNEX_CONFLICT, "one side signed two annexes with the same revision"),
    Status.NOT_YET_VALID: (AGREEMENT_NOT_YET_VALID, "the agreement is not valid yet"),
    Status.EXPIRED: (AGREEMENT_EXPIRED, "the agreement has expired"),
    Status.REFUSED: (AGREEMENT_REFUSED, "the agreement was refused"),
    Status.REVOKED: (AGREEMENT_REVOKED, "the agreement was revoked"),
}


def _check_annexes(
    agreement: Agreement, request: SessionRequest
) -> tuple[tuple[Annex, Classes], tuple[Annex, Classes]]:
    """Both sides mean the same annexes, and the lists fit into them."""
    _check_own_room(agreement, request)
    own = _check_side(agreement, request.own, request.own_annex, request, request.own_classes)
    peer = agreement.peer_of(request.own)
    other = _check_side(agreement, peer, request.peer_annex, request, request.peer_classes)
    if {offered.id for offered in own.collections} & {each.id for each in other.collections}:
        # The ledger and the commitments know collections by these ids.
        raise errors.RefusedError(ANNEX_MISMATCH, "both annexes use the same collection id")
    for algorithm, size in request.own_classes.items():
        if request.own_items[algorithm] > size:
            raise errors.RefusedError(
                ANNEX_OUTGROWN, "our set has outgrown its size class", hint="issue a new annex"
            )
    return (own, request.own_classes), (other, request.peer_classes)


def _check_own_room(agreement: Agreement, request: SessionRequest) -> None:
    annex = agreement.annex(request.own)
    if annex is None:
        return  # named below
    for algorithm, largest in _rooms(annex, request).items():
        if request.own_classes.get(algorithm, 0) > largest:
            raise errors.RefusedError(
                ANNEX_OUTGROWN, "our set has outgrown its size class", hint="issue a new annex"
            )


def _rooms(annex: Annex, request: SessionRequest) -> dict[AlgorithmId, int]:
    """How long each list may be. At series each number is filled up to a class of its own, which
    no annex states: there the terms' largest class alone bounds the list."""
    largest = largest_classes(annex, request.algorithms)
    return dict.fromkeys(largest, SIZE_CLASSES[-1]) if request.rung is Rung.SERIES else largest


def _check_side(
    agreement: Agreement, agency: str, digest: bytes, request: SessionRequest, classes: Classes
) -> Annex:
    annex = agreement.annex(agency)
    if annex is None or annex.digest != digest:
        raise errors.RefusedError(ANNEX_MISMATCH, "the two sides hold different annexes")
    largest = _rooms(annex, request)
    if classes.keys() != largest.keys():
        raise errors.RefusedError(ANNEX_MISMATCH, "a side names classes for other algorithms")
    for algorithm, size in classes.items():
        # Only true classes: any other number would tell more about a set than its class does.
        if not is_size_class(size) or size > largest[algorithm]:
            raise errors.RefusedError(ANNEX_MISMATCH, "a list does not fit the annex in force")
    return annex
