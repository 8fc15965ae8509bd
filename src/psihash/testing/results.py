"""Session results for tests, built by hand (``result``, ``item``, ``record``) or by hypothesis.

Needs hypothesis, so :mod:`psihash.testing` does not import it by itself.
"""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import strategies as st

from psihash.hashset.model import Category, Dialect, Verdict
from psihash.session.result import (
    AlgorithmResult,
    Link,
    MatchedItem,
    MatchedItems,
    PeerRecord,
    SessionResult,
)
from psihash.terms import AlgorithmId, CollectionKind, Learn, Rung, SessionRole

MD5, SHA1, SHA256 = AlgorithmId.MD5, AlgorithmId.SHA1, AlgorithmId.SHA256


def result(**changes: Any) -> SessionResult:
    """A result at rung ``records`` with nothing matched, then changed as asked."""
    values: dict[str, Any] = {
        "session": "ab" * 32,
        "peer": "nl-police",
        "agreement": "cd" * 32,
        "role": SessionRole.INITIATOR,
        "rung": Rung.RECORDS,
        "learn": Learn.BOTH,
        "engine": "ecdh-ristretto255/1",
        "case": "2026-0042",
        "peer_case": "NL-7",
        "opened": "2026-11-02T10:00:00Z",
        "closed": "2026-11-02T10:05:00Z",
        "algorithms": {MD5: AlgorithmResult(10, 0)},
        "matched_items": 0,
        "matched_items_min": 0,
        "matched_items_max": 0,
        "links": (),
        "items": (),
        "receipt": "ef" * 32,
    }
    values |= changes
    for name in ("items", "quarantined"):
        values[name] = MatchedItems.of(values.get(name, ()))
    return SessionResult(**values)


def digests(number: int, *algorithms: AlgorithmId) -> dict[AlgorithmId, str]:
    return {
        name: hashlib.new(name.value, str(number).encode()).hexdigest()
        for name in (algorithms or (MD5, SHA1, SHA256))
    }


def item(number: int = 0, **changes: Any) -> MatchedItem:
    values: dict[str, Any] = {
        "digests": digests(number),
        "matched_by": (MD5,),
        "collections": ("seizure",),
        "verdicts": (),
        "peer_collections": (),
    }
    return MatchedItem(**(values | changes))


def record(*verdicts: Verdict, **changes: Any) -> PeerRecord:
    values: dict[str, Any] = {
        "collection": "Library",
        "kind": CollectionKind.LIBRARY,
        "verdicts": verdicts,
        "contact": "desk@example.org",
    }
    return PeerRecord(**(values | changes))


labels = st.text(max_size=20) | st.sampled_from(["=1+1", "@SUM(A1)", "a;=b", '"', "|", "\t-2", ""])
"""Any text at all, and the ones that bite. Lone surrogates too: st.text() has none by default."""

flags = st.sampled_from([True, False, None])

categories = st.builds(
    Category,
    st.sampled_from(list(Dialect)),
    st.sampled_from(["", "0", "1", "4", "255", "256", "8", "yes", "KiPo", "²"]),
    labels,
)

verdicts = st.builds(
    Verdict,
    category=st.none() | categories,
    victim_identified=flags,
    offender_identified=flags,
    distributed=flags,
    series=st.lists(labels, max_size=3).map(tuple),
    dated=st.sampled_from([None, "2023-06-07", "2024-01-02T03:04:05Z"]),
    submissions=st.none() | st.integers(0, 10**6),
    country=st.sampled_from([None, "NL", "BR"]),
    source=st.none() | labels,
)

_records = st.builds(
    PeerRecord,
    collection=labels,
    kind=st.sampled_from(list(CollectionKind)),
    verdicts=st.lists(verdicts, max_size=3).map(tuple),
    contact=st.none() | labels,
)

_items = st.builds(
    MatchedItem,
    digests=st.builds(
        lambda number, names: digests(number, *names),
        st.integers(0, 10**9),
        st.lists(st.sampled_from(list(AlgorithmId)), min_size=1, max_size=6, unique=True),
    ),
    matched_by=st.just((MD5,)),
    collections=st.lists(labels, max_size=3).map(tuple),
    verdicts=st.lists(st.tuples(labels, verdicts), max_size=3).map(tuple),
    peer_collections=st.lists(labels, max_size=3).map(tuple),
    records=st.lists(_records, max_size=3).map(tuple),
    media_type=st.sampled_from([None, "image/jpeg", "Video", "=cmd/x"]),
    size=st.none() | st.integers(0, 2**53 - 1),
    further_digests=st.just(()),
)

any_result = st.builds(
    result,
    rung=st.sampled_from([Rung.ITEMS, Rung.RECORDS]),
    items=st.lists(_items, max_size=5).map(tuple),
    case=labels,
    peer_case=labels,
)
"""Any result from rung ``items`` upwards."""

any_count_result = st.builds(
    result,
    rung=st.sampled_from([Rung.COUNT, Rung.SERIES]),
    algorithms=st.dictionaries(
        st.sampled_from(list(AlgorithmId)),
        st.builds(AlgorithmResult, st.integers(0, 10**7), st.none() | st.integers(0, 10**7)),
    ),
    links=st.lists(st.builds(Link, labels, labels, st.integers(0, 100)), max_size=4).map(tuple),
    matched_items=st.none() | st.integers(0, 100),
)
"""Any result below rung ``items``."""
