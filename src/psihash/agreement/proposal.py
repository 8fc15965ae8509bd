"""Writing terms and documents: what ``propose``, ``approve``, ``refuse`` and ``revoke`` need.

Everything made here goes through the strict parsers, so nobody can write what nobody would read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from psihash.agreement import defaults
from psihash.agreement.approvals import RungRule, complete
from psihash.agreement.terms import NONCE_BYTES, Party, Terms, parse_terms
from psihash.agreement.times import add_days
from psihash.agreement.vocabulary import DataSubject, HandlingCode, OpenedBy, Tlp
from psihash.identity.cards import Card
from psihash.identity.fingerprints import format_fingerprint
from psihash.terms import AlgorithmId, Learn, Rung

Rng = Callable[[int], bytes]


def party_of(card: Card) -> Party:
    """A side of the terms as its card describes it now."""
    return Party(
        card.agency,
        card.name,
        card.country,
        format_fingerprint(card.fingerprint),
        card.keys.signing,
    )


def build_terms(
    proposer: Party,
    other: Party,
    *,
    purpose: str,
    legal_basis: Mapping[str, str],
    case: Mapping[str, str],
    rung: Rung,
    now: str,
    rng: Rng,
    learn: Learn = Learn.BOTH,
    offence_category: str = "",
    data_subjects: Sequence[DataSubject] = defaults.DATA_SUBJECTS,
    algorithms: Sequence[AlgorithmId] = defaults.ALGORITHMS,
    engines: Sequence[str] = defaults.ENGINES,
    opened_by: OpenedBy = defaults.OPENED_BY,
    max_size_class: int = defaults.MAX_SIZE_CLASS,
    sessions_per_period: int = defaults.SESSIONS_PER_PERIOD,
    elements_per_period: int = defaults.ELEMENTS_PER_PERIOD,
    period_days: int = defaults.PERIOD_DAYS,
    valid_from: str | None = None,
    valid_until: str | None = None,
    handling_code: HandlingCode = defaults.HANDLING_CODE,
    handling_note: str = "",
    tlp: Tlp = defaults.TLP,
    retention_days: int = defaults.RETENTION_DAYS,
    contacts: Mapping[str, str] | None = None,
    minimum_items: int = defaults.MINIMUM_ITEMS,
    approvals: Mapping[Rung, RungRule] | None = None,
) -> Terms:
    """Terms for a proposal made at ``now``; valid from then for a year unless said otherwise.

    ``legal_basis``, ``case`` and ``contacts`` are by agency id; what is left out is empty. A rung
    without a rule in ``approvals`` is agreed by the agreement itself.
    Raises InputError (``bad-document``) or RefusedError (``records-need-both``).
    """
    start = now if valid_from is None else valid_from
    agencies = (proposer.agency, other.agency)
    terms = Terms(
        nonce=rng(NONCE_BYTES),
        parties=(proposer, other),
        legal_basis=_both(legal_basis, agencies),
        purpose=purpose,
        case=_both(case, agencies),
        offence_category=offence_category,
        data_subjects=tuple(data_subjects),
        algorithms=tuple(algorithms),
        engines=tuple(engines),
        rung=rung,
        learn=learn,
        opened_by=opened_by,
        max_size_class=max_size_class,
        sessions_per_period=sessions_per_period,
        elements_per_period=elements_per_period,
        period_days=period_days,
        valid_from=start,
        valid_until=add_days(start, defaults.VALID_DAYS) if valid_until is None else valid_until,
        handling_code=handling_code,
        handling_note=handling_note,
        tlp=tlp,
        retention_days=retention_days,
        contacts=_both(contacts or {}, agencies),
        minimum_items=minimum_items,
        approvals=complete(approvals or {}, rung),
    )
    return parse_terms(terms.to_bytes())


def _both(texts: Mapping[str, str], agencies: tuple[str, str]) -> dict[str, str]:
    """A text for each side. A name that is neither side stays in, for the parser to refuse."""
    return dict.fromkeys(agencies, "") | dict(texts)
