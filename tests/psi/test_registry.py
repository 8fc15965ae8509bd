"""Which engine is chosen, and which words a refusal has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from psihash.errors import PsihashError, RefusedError, UnavailableError
from psihash.psi import groups, registry
from psihash.psi.engine import Engine, EngineProperties, Items, Party, Rng, RunSecret, RunTerms
from psihash.psi.engines import openmined_library
from psihash.psi.engines.ecdh import ENGINE_ID as ECDH_ID
from psihash.psi.group import GROUP_MISSING
from psihash.psi.registry import Registry, default, short_name
from psihash.terms import Learn, Role, Rung

PROPERTIES = EngineProperties(frozenset(), False, "", "", 1, 1.0, 1.0)


class Named:
    """An engine that has a name and rungs and nothing else."""

    def __init__(self, engine_id: str, *rungs: Rung) -> None:
        self._id = engine_id
        self._properties = replace(PROPERTIES, rungs=frozenset(rungs))

    @property
    def id(self) -> str:
        return self._id

    @property
    def properties(self) -> EngineProperties:
        return self._properties

    def secret(self, rung: Rung) -> RunSecret | None:
        raise AssertionError("the registry makes no secrets")

    def party(
        self, role: Role, items: Items, terms: RunTerms, rng: Rng, secret: RunSecret | None = None
    ) -> Party:
        raise AssertionError("the registry makes no parties")


FAST = Named("fast-curve/1", Rung.COUNT, Rung.SERIES, Rung.ITEMS)
SLOW = Named("slow-curve/2", Rung.COUNT, Rung.ITEMS)
BOTH = Registry([FAST, SLOW], {"gone-curve/1": "no wheel for this machine"})
IDS = [FAST.id, SLOW.id]


@pytest.mark.parametrize(
    ("rung", "allowed", "peer", "requested", "expected"),
    [
        (Rung.COUNT, IDS, IDS, "auto", FAST),
        (Rung.COUNT, IDS, IDS, "slow", SLOW),
        (Rung.COUNT, [SLOW.id], IDS, "auto", SLOW),
        (Rung.COUNT, IDS, [SLOW.id, "unheard-of/9"], "auto", SLOW),
        (Rung.SERIES, reversed(IDS), IDS, "auto", FAST),
        (Rung.RECORDS, IDS, [SLOW.id], "auto", SLOW),
    ],
)
def test_the_first_that_fits_is_chosen(
    rung: Rung, allowed: list[str], peer: list[str], requested: str, expected: Engine
) -> None:
    chosen = BOTH.choose(rung, Learn.BOTH, set(allowed), set(peer), requested)
    assert chosen is expected


@pytest.mark.parametrize(
    ("rung", "learn", "allowed", "peer", "requested", "kind", "code", "words"),
    [
        (
            Rung.COUNT,
            Learn.BOTH,
            IDS,
            IDS,
            "none",
            UnavailableError,
            "engine-missing",
            "fast, slow",
        ),
        (Rung.COUNT, Learn.BOTH, IDS, IDS, "gone", UnavailableError, "engine-missing", "no wheel"),
        (Rung.COUNT, Learn.BOTH, IDS, [], "auto", UnavailableError, "engine-missing", "peer"),
        (Rung.SERIES, Learn.BOTH, IDS, IDS, "slow", RefusedError, "rung-not-served", "'series'"),
        (
            Rung.SERIES,
            Learn.BOTH,
            IDS,
            [SLOW.id],
            "auto",
            UnavailableError,
            "engine-missing",
            "peer",
        ),
        (Rung.COUNT, Learn.BOTH, [], IDS, "auto", RefusedError, "engine-not-allowed", "agreement"),
        (
            Rung.COUNT,
            Learn.BOTH,
            [FAST.id],
            IDS,
            "slow",
            RefusedError,
            "engine-not-allowed",
            "agreement",
        ),
        (Rung.RECORDS, Learn.INITIATOR, IDS, IDS, "auto", RefusedError, "rung-not-served", "both"),
    ],
)
def test_a_refusal_names_the_obstacle(
    rung: Rung,
    learn: Learn,
    allowed: list[str],
    peer: list[str],
    requested: str,
    kind: type[PsihashError],
    code: str,
    words: str,
) -> None:
    with pytest.raises(kind, match=words) as caught:
        BOTH.choose(rung, learn, allowed, peer, requested)
    assert caught.value.code == code


def test_an_engine_is_found_by_its_id() -> None:
    assert BOTH.get("slow-curve/2") is SLOW
    assert BOTH.installed() == (FAST, SLOW)
    with pytest.raises(UnavailableError, match="no wheel") as caught:
        BOTH.get("gone-curve/1")
    assert caught.value.code == registry.ENGINE_MISSING
    with pytest.raises(UnavailableError) as caught:
        BOTH.get("slow")
    assert "slow" not in caught.value.message, "an id may come from a peer and is not repeated"


def test_auto_takes_ecdh_before_openmined() -> None:
    engines = [engine.id for engine in default().installed()]
    assert engines[0] == ECDH_ID
    for rung in (Rung.COUNT, Rung.SERIES, Rung.ITEMS, Rung.RECORDS):
        assert default().choose(rung, Learn.BOTH, engines, engines).id == ECDH_ID
    assert default("sodium").get(ECDH_ID).properties.microseconds_per_item > 100


def test_series_is_refused_by_name_where_no_engine_serves_it() -> None:
    only_openmined = [engine.id for engine in default().installed() if "openmined" in engine.id]
    if not only_openmined:
        pytest.skip("openmined-psi is not installed on this machine")
    chosen = Registry([default().get(only_openmined[0])])
    with pytest.raises(RefusedError, match="no installed engine serves the rung 'series'"):
        chosen.choose(Rung.SERIES, Learn.BOTH, only_openmined, only_openmined)


def test_a_machine_without_the_library_leaves_the_engine_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_group(_name: str) -> None:
        raise UnavailableError(GROUP_MISSING, "no group here")

    monkeypatch.setattr(openmined_library, "available", lambda: "no wheel here")
    assert [engine.id for engine in default().installed()] == [ECDH_ID]
    monkeypatch.setattr(groups, "best", no_group)
    bare = default()
    assert bare.installed() == ()
    assert bare.missing == {"openmined-p256/1": "no wheel here", ECDH_ID: "no group here"}
    with pytest.raises(UnavailableError, match="no wheel here"):
        bare.choose(Rung.COUNT, Learn.BOTH, [], [], "openmined")
    with pytest.raises(UnavailableError, match="installed: none"):
        bare.choose(Rung.COUNT, Learn.BOTH, [], [])


def test_short_names() -> None:
    assert short_name("openmined-p256/1") == "openmined"
    assert short_name("ecdh-ristretto255/1") == "ecdh"
