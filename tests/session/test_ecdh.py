"""Sessions over ``ecdh``: every rung, both groups, keys in the transcript, and attack C7."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from psihash.node.home import checks
from psihash.node.node import Node
from psihash.psi import encoding
from psihash.psi.encoding import elements
from psihash.psi.engines.ecdh import ENGINE_ID, EcdhEngine
from psihash.psi.group import Group, Rows, Secret
from psihash.session import compare
from psihash.session.deal import Deal
from psihash.session.messages import Accept, Offer, Sealed
from psihash.session.runs import Finding
from psihash.terms import CollectionKind, Learn, Rung, SessionRole
from psihash.testing.memory import Bench, Meeting
from psihash.testing.pump import pump
from psihash.wire.codec import ProtobufCodec
from tests.psi.group_cases import GROUPS
from tests.session.lists import COMMON, MD5, OURS, SHA1, THEIRS, lists, matched
from tests.session.nodes import Homes, agree, hold, meet, row

ENGINES = [EcdhEngine(group) for group in GROUPS]
PAIRS = [
    pytest.param(one, other, id=f"{one.group.name} with {other.group.name}")
    for one, other in itertools.product(ENGINES, ENGINES)
]
CASES = [
    (Rung.COUNT, Learn.BOTH),
    (Rung.COUNT, Learn.INITIATOR),
    (Rung.COUNT, Learn.RESPONDER),
    (Rung.SERIES, Learn.BOTH),
    (Rung.SERIES, Learn.INITIATOR),
    (Rung.SERIES, Learn.RESPONDER),
    (Rung.ITEMS, Learn.BOTH),
    (Rung.ITEMS, Learn.INITIATOR),
    (Rung.ITEMS, Learn.RESPONDER),
    (Rung.RECORDS, Learn.BOTH),
]


def bench(one: EcdhEngine = ENGINES[0], other: EcdhEngine = ENGINES[0], **more: object) -> Bench:
    """Two agencies with ten items in common, each with an engine of its own."""
    made = Bench.of(OURS, THEIRS, engine=one, **more)
    made.desks[1].engine = other
    return made


def finding(meeting: Meeting, side: int) -> Finding:
    found = meeting.journals[side].visible
    assert found is not None
    return found.by_algorithm[MD5]


@pytest.mark.parametrize(("rung", "learn"), CASES)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_who_is_to_learn_learns_at_every_rung(
    one: EcdhEngine, other: EcdhEngine, rung: Rung, learn: Learn
) -> None:
    meeting = bench(one, other).meet(rung, learn)
    pump(meeting.pair)
    assert meeting.codes == (None, None)
    for journal, role in zip(meeting.journals, SessionRole, strict=True):
        found = finding(meeting, journal.role is SessionRole.RESPONDER)
        if not role.learns(learn):
            assert found == Finding()
            continue
        assert found.count == len(COMMON)
        if rung.height >= Rung.ITEMS.height:
            assert matched(journal, journal.visible) == {MD5: COMMON}
        else:
            assert found.rows is None
        assert (found.pair_counts is not None) is (rung is Rung.SERIES)


def test_series_tells_how_many_are_where() -> None:
    ours = lists(a=range(20), b=range(10, 40), c=range(100, 130), d=range(200, 203))
    theirs = lists(x=range(5, 12), y=range(30, 110), z=range(201, 209))
    meeting = Bench.of(ours, theirs, engine=ENGINES[0]).meet(Rung.SERIES)
    pump(meeting.pair)
    assert meeting.codes == (None, None)
    counts = []
    for side, journal in enumerate(meeting.journals):
        found = finding(meeting, side)
        cells = journal.desk.own.own_set([MD5], Rung.SERIES).algorithms[MD5].cells
        assert cells is not None
        assert found.pair_counts is not None
        by_series: dict[str, list[int]] = {}
        for (cell, _), count in found.pair_counts.items():
            by_series.setdefault("+".join(sorted(cells.series[cell])), []).append(count)
        counts.append({name: sorted(found) for name, found in by_series.items()})
    # "d" has three items, so it was put together with the smallest that is large enough, "a" alone
    # and "b" alone stand beside what both hold.
    assert counts[0] == {"a": [5], "a+b+d": [2, 2], "b": [10], "c": [10]}
    assert counts[1] == {"x": [2, 5], "y": [10, 10], "z": [2]}


@pytest.mark.parametrize("rung", [Rung.COUNT, Rung.SERIES, Rung.ITEMS, Rung.RECORDS])
@pytest.mark.parametrize("learn", [Learn.BOTH, Learn.INITIATOR])
def test_public_keys_stand_in_the_transcript_where_there_are_proofs(
    rung: Rung, learn: Learn
) -> None:
    if rung is Rung.RECORDS and learn is not Learn.BOTH:
        pytest.skip("records is for both")
    made = bench(algorithms=(MD5, SHA1))
    pump(made.meet(rung, learn).pair)
    first, second = (desk.deals[0] for desk in made.desks)
    assert first.keys == second.keys
    many = 2 if rung.height >= Rung.ITEMS.height else 0
    assert [len(keys) for keys in first.keys] == [many, many]
    assert len({*first.keys[0], *first.keys[1]}) == 2 * many
    if many:
        other = replace(first, keys=first.keys[::-1])
        assert other.transcript() != first.transcript()


class Meddler(ProtobufCodec):
    """Changes a message as its sender writes it."""

    def __init__(self, change: Callable[[Sealed], Sealed]) -> None:
        self._change = change

    def encode(self, message: Sealed) -> bytes:
        return super().encode(self._change(message))


def with_keys(make: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]) -> Callable[[Sealed], Sealed]:
    def change(message: Sealed) -> Sealed:
        if isinstance(message, Offer | Accept):
            return replace(message, keys=make(message.keys))
        return message

    return change


BAD_KEYS: dict[str, tuple[str, Callable[[tuple[bytes, ...]], tuple[bytes, ...]]]] = {
    "none": ("bad-run-keys", lambda keys: ()),
    "one too many": ("bad-run-keys", lambda keys: (*keys, keys[0])),
    "identity": ("ecdh-bad-public", lambda keys: (bytes(32),)),
    "no point": ("ecdh-bad-public", lambda keys: (b"\xff" * 32,)),
    "too short": ("malformed-message", lambda keys: (keys[0][:31],)),
    "another": (
        "bad-signature",
        lambda keys: (ENGINES[0].group.new_secret().public,),
    ),
}


@pytest.mark.parametrize("bad", BAD_KEYS)
@pytest.mark.parametrize("side", [0, 1])
def test_keys_that_do_not_fit_end_the_session(bad: str, side: int) -> None:
    code, make = BAD_KEYS[bad]
    made = bench()
    meeting = made.meet(Rung.ITEMS)
    party = meeting.parties[side]
    party._setting = replace(party._setting, codec=Meddler(with_keys(make)))
    pump(meeting.pair)
    assert code in meeting.codes
    assert all(journal.visible is None for journal in meeting.journals)


def test_keys_at_a_rung_that_has_none() -> None:
    meeting = bench().meet(Rung.COUNT)
    party = meeting.parties[0]
    change = with_keys(lambda _: (ENGINES[0].group.new_secret().public,))
    party._setting = replace(party._setting, codec=Meddler(change))
    pump(meeting.pair)
    assert meeting.codes[1] == "bad-run-keys"


# C7: who learns, and who is made to see nothing.


class TwoFaced:
    """A group that masks what is no canary with another secret than the one it proves."""

    def __init__(self, group: Group, canaries: Callable[[], set[bytes]]) -> None:
        self._group, self._canaries = group, canaries
        self.hidden = group.new_secret()

    def __getattr__(self, name: str) -> object:
        return getattr(self._group, name)

    def mask(self, secret: Secret, messages: Rows) -> Rows:
        shown = self._group.mask(secret, messages)
        hidden = self._group.mask(self.hidden, messages)
        known = self._canaries()
        rows = np.array([bytes(row) in known for row in messages], dtype=bool)
        return np.ascontiguousarray(np.where(rows[:, None], shown, hidden))

    def ask(
        self, secret: Secret, messages: Rows, public: bytes, context: bytes
    ) -> tuple[Rows, Unasked]:
        return self.mask(secret, messages), Unasked()


class Unasked:
    """A liar has no use for the honest side's proof."""

    def check(self, answers: Rows, proof: bytes) -> None:
        pass


def test_c7_a_peer_that_hides_its_hits_is_left_with_no_session() -> None:
    """All proofs hold and all canaries match; we see nothing, and it can divide and see all. A
    zero is not evidence of absence, and the two results differ: no label, record or receipt."""
    made = bench()
    deals: list[Deal] = made.desks[1].deals

    def canaries() -> set[bytes]:
        session = deals[0].session
        mapped = elements("session", session, 0, encoding.canaries(session, 0))
        return {bytes(row) for row in mapped}

    liar = TwoFaced(ENGINES[0].group, canaries)
    made.desks[1].engine = EcdhEngine(liar)  # type: ignore[arg-type]
    meeting = made.meet(Rung.ITEMS)
    pump(meeting.pair)
    # Both see the 64 canaries and nothing else, in the same places: the liar must now either show
    # the same empty result as we do, or be found out.
    honest = meeting.parties[0]
    assert honest.findings is not None
    assert honest.findings.by_algorithm[MD5].count == 0


@pytest.mark.parametrize("rung", [Rung.ITEMS, Rung.RECORDS])
def test_c7_a_peer_that_claims_more_than_we_saw(rung: Rung) -> None:
    made = bench()
    meeting = made.meet(rung)
    liar = meeting.parties[1]
    own_check = liar._own_check

    def claim():  # type: ignore[no-untyped-def]
        found = liar._found().by_algorithm
        real = found[MD5]
        assert real.rows is not None
        found[MD5] = replace(real, pairs=b"\x01" * 32)
        return own_check()

    liar._verify_check = lambda body: None  # type: ignore[method-assign]
    liar._own_check = claim  # type: ignore[method-assign]
    pump(meeting.pair)
    assert meeting.codes[0] == compare.RESULTS_DIFFER
    for journal in meeting.journals:
        assert journal.visible is None
        assert not [step for step in journal.steps if step.startswith("disclosing")]


# Real nodes.


@pytest.mark.parametrize("name", ["sodium", "gold"])
def test_the_group_is_a_matter_of_the_environment(
    homes: Homes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PSIHASH_GROUP", name)
    nodes = homes.open(tmp_path)
    said = [checks.group_backend(node) for node in nodes]
    missing = [dict(node.engines.missing) for node in nodes]
    for node in nodes:
        node.close()
    if name == "sodium":
        assert all("libsodium" in line and "psihash-native" in line for line in said)
        library = Path(sys.modules["rbcl._sodium"].lib_path)
        assert not library.exists(), "3 MB for every process that ever ran"
    else:
        assert all(ENGINE_ID in found for found in missing)
        assert "known: native, sodium" in missing[0][ENGINE_ID]


@pytest.mark.parametrize("group", [group.name for group in GROUPS])
def test_series_between_nodes(nodes: tuple[Node, Node], group: str) -> None:
    base = 10_000 * (1 + [each.name for each in GROUPS].index(group))
    one, other = nodes
    for node in nodes:
        node.engines = type(node.engines)([EcdhEngine(next(g for g in GROUPS if g.name == group))])
    names = [f"{word} {base}" for word in ("alpha", "beta", "gamma", "delta")]
    series, case = CollectionKind.SERIES, CollectionKind.CASE

    def rows(*numbers: range) -> list[object]:
        return [row(base + n, [MD5]) for part in numbers for n in part]

    hold(one, names[0], rows(range(30)), series)  # type: ignore[arg-type]
    hold(one, names[1], rows(range(50, 80)), case)  # type: ignore[arg-type]
    hold(other, names[2], rows(range(20, 30), range(50, 53)), series)  # type: ignore[arg-type]
    hold(other, names[3], rows(range(200, 220)), series)  # type: ignore[arg-type]
    agreement = agree(one, other, names[:2], names[2:], rung=Rung.SERIES)
    first, second = meet(one, other, agreement, engine=ENGINE_ID).results()
    assert first.algorithms[MD5].matched == second.algorithms[MD5].matched == 13
    assert {(link.own, link.matched) for link in first.links} == {(names[0], 10), (names[1], 1)}
    assert {(link.own, link.matched) for link in second.links} == {(names[2], 10), (names[2], 1)}
    assert all(link.peer.startswith("s-") for link in (*first.links, *second.links))
    assert first.items == ()
    assert len({link.peer for link in first.links}) == 1
