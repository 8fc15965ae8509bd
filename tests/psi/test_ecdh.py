"""What ``ecdh-ristretto255/1`` does beyond the contract of all engines."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from psihash.errors import InputError, ProtocolError
from psihash.psi.encoding import Bytes2D
from psihash.psi.engine import MAX_FRAME_BYTES, Items, Outcome
from psihash.psi.engines import ecdh_frames, ecdh_parties
from psihash.psi.engines.ecdh import EcdhEngine
from psihash.psi.engines.ecdh_compare import pairs_in_common
from psihash.psi.engines.ecdh_frames import Kind
from psihash.terms import Learn, Role, Rung
from tests.psi.contract import ECDH, SMALL, check, name_of
from tests.psi.ecdh_peer import as_receiver, as_sender, mapped
from tests.psi.parties import (
    Stream,
    common_rows,
    join,
    lone_party,
    make_pair,
    run_pair,
    run_terms,
    some_tokens,
)
from tests.psi.pumping import Trace, pump_parties

every_ecdh = pytest.mark.parametrize("engine", ECDH, ids=name_of)
RUNGS = (Rung.COUNT, Rung.ITEMS)
every_rung = pytest.mark.parametrize("rung", RUNGS)
CROSSED = [
    pytest.param(one, other, id=f"{one.group.name} with {other.group.name}")
    for one, other in itertools.product(ECDH, ECDH)
]


def both(
    one: EcdhEngine, other: EcdhEngine, rung: Rung, a: Bytes2D, b: Bytes2D
) -> tuple[Outcome | None, Outcome | None, Trace]:
    """A run in which both learn, over two engines."""
    n, m = len(a), len(b)
    first, second = join(
        (one, Items(a), run_terms(rung, n, m, learn=Learn.BOTH)),
        (other, Items(b), run_terms(rung, m, n, learn=Learn.BOTH)),
    )
    trace = pump_parties(first, second)
    return first.outcome, second.outcome, trace


@every_rung
@pytest.mark.parametrize(("one", "other"), CROSSED)
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (range(40), range(25, 60)),
        (range(30), range(30)),
        (range(30), range(30, 60)),
        (range(1), range(1)),
        (range(0), range(7)),
        (range(7), range(0)),
        (range(0), range(0)),
    ],
)
def test_both_learn_in_one_run_whatever_groups_they_have(
    one: EcdhEngine, other: EcdhEngine, rung: Rung, a: range, b: range
) -> None:
    mine, theirs = some_tokens(a), some_tokens(b)
    first, second, _ = both(one, other, rung, mine, theirs)
    check(first, rung, mine, theirs)
    check(second, rung, theirs, mine)
    assert first is not None
    assert second is not None
    assert first.pairs == second.pairs
    assert (first.pairs is None) is (rung is Rung.COUNT)


@every_rung
def test_lists_of_several_frames_both_learn(rung: Rung) -> None:
    size = ecdh_frames.FRAME_POINTS + 500
    a, b = some_tokens(range(size)), some_tokens(range(size - 700, size + 900))
    first, second, trace = both(ECDH[0], ECDH[0], rung, a, b)
    check(first, rung, a, b)
    check(second, rung, b, a)
    assert max(len(frame) for _, frame in trace.frames) <= MAX_FRAME_BYTES
    assert ecdh_frames.MAX_FRAME <= MAX_FRAME_BYTES


@pytest.mark.usefixtures("small_frames")
@pytest.mark.parametrize("rung", [Rung.COUNT, Rung.SERIES, Rung.ITEMS])
@pytest.mark.parametrize("learn", [Learn.BOTH, Learn.INITIATOR])
def test_frames_do_not_depend_on_the_hits(rung: Rung, learn: Learn) -> None:
    shapes = set()
    for start in (0, 13, 40):
        a, b = some_tokens(range(40)), some_tokens(range(start, start + 27))
        tags = {27: np.arange(27, dtype=np.uint32), 40: np.zeros(40, dtype=np.uint32)}
        sides = []
        for tokens, others in ((a, b), (b, a)):
            items = Items(tokens, tags[len(tokens)] if rung is Rung.SERIES else None)
            terms = run_terms(rung, len(tokens), len(others), learn=learn)
            sides.append((ECDH[0], items, terms))
        trace = pump_parties(*join(*sides))
        shapes.add(tuple((sender, len(frame)) for sender, frame in trace.frames))
    assert len(shapes) == 1


@pytest.mark.usefixtures("small_frames")
@every_rung
def test_a_side_that_does_not_learn_gets_no_answer(rung: Rung) -> None:
    sent, _, trace = run_pair(ECDH[0], rung, *SMALL, learn=Learn.RESPONDER)
    assert sent == Outcome()
    kinds = {(side, frame[1]) for side, frame in trace.frames}
    assert (1, Kind.ANSWER) not in kinds
    assert (1, Kind.DIGEST) not in kinds
    assert (0, Kind.ANSWER) in kinds


@pytest.mark.usefixtures("small_frames")
@pytest.mark.parametrize("learn", [Learn.BOTH, Learn.INITIATOR])
def test_digests_come_before_answers_and_whole_lists_before_both(learn: Learn) -> None:
    _, _, trace = run_pair(ECDH[0], Rung.COUNT, *SMALL, learn=learn)
    order = [(side, Kind(frame[1])) for side, frame in trace.frames]
    first_answer = min(at for at, (_, kind) in enumerate(order) if kind is Kind.ANSWER)
    digests = [at for at, (_, kind) in enumerate(order) if kind is Kind.DIGEST]
    lists = [at for at, (_, kind) in enumerate(order) if kind is Kind.LIST]
    assert len(digests) == (2 if learn is Learn.BOTH else 1)
    assert max(lists) < min(digests) <= max(digests) < first_answer


@pytest.mark.usefixtures("small_frames")
@every_rung
@pytest.mark.parametrize(
    ("own", "peer", "ahead"), [(80, 80, 4), (8, 80, 4), (80, 8, 1), (16, 800, 4), (800, 16, 1)]
)
def test_who_stops_is_a_window_ahead_at_most(rung: Rung, own: int, peer: int, ahead: int) -> None:
    """Answers that leave before the first answer of the peer has come; ``peer`` questions."""
    side, points, _ = as_receiver(rung, peer, some_tokens(range(own)))
    questions = side.group.mask(side.secret, mapped(some_tokens(range(peer))))
    said = side.tell(*side.send_list(questions))
    if rung is Rung.COUNT:
        assert len(said) == 1
        said = side.tell(side.digest(side.honest_answers(points)))
    assert len(said) == ahead


@pytest.mark.usefixtures("small_frames")
@every_rung
@pytest.mark.parametrize(("n", "m"), [(200, 200), (400, 9), (9, 400), (8, 72), (160, 40)])
def test_lockstep_goes_on_to_the_end(rung: Rung, n: int, m: int) -> None:
    a, b = some_tokens(range(n)), some_tokens(range(5, 5 + m))
    first, second = make_pair(ECDH[0], rung, a, b, Learn.BOTH)
    ahead = [0, 0]
    sides = (first, second)

    def watch(_number: int, frame: bytes) -> list[bytes]:
        return [frame]

    trace = pump_parties(first, second, watch)
    for side, frame in trace.frames:
        ahead[side] += frame[1] == Kind.ANSWER
        mine, theirs = ahead[side], ahead[1 - side]
        going, coming = -(-(m, n)[side] // 8), -(-(n, m)[side] // 8)
        if theirs < coming:
            # The pump delivers one by one, so what has been sent may not have come yet.
            assert mine / going <= (theirs + 1) / coming + 5 / min(going, coming)
    check(sides[0].outcome, rung, a, b)
    check(sides[1].outcome, rung, b, a)


def test_public_keys_are_only_where_proofs_are() -> None:
    engine = ECDH[0]
    assert engine.secret(Rung.COUNT) is None
    assert engine.secret(Rung.SERIES) is None
    one, other = engine.secret(Rung.ITEMS), engine.secret(Rung.ITEMS)
    assert one is not None
    assert other is not None
    assert one.public != other.public
    one.check_peer(other.public)
    for bad in (one.public, bytes(32), b"", b"\xff" * 32, other.public + b"\0"):
        with pytest.raises(ProtocolError) as caught:
            one.check_peer(bad)
        assert caught.value.code == "ecdh-bad-public"


def test_a_secret_that_does_not_fit_the_rung_is_refused() -> None:
    engine, items = ECDH[0], Items(SMALL[0])
    secret, peer = engine.secret(Rung.ITEMS), engine.secret(Rung.ITEMS)
    assert peer is not None
    at_items, at_count = (run_terms(rung, 20, 20) for rung in (Rung.ITEMS, Rung.COUNT))
    with pytest.raises(InputError):
        engine.party(Role.SENDER, items, at_items, Stream())
    with pytest.raises(InputError):
        engine.party(Role.SENDER, items, at_count, Stream(), secret)
    with pytest.raises(ProtocolError) as caught:
        engine.party(Role.SENDER, items, at_items, Stream(), secret)
    assert caught.value.code == "ecdh-bad-public"


def test_series_needs_a_number_for_each_element() -> None:
    terms = run_terms(Rung.SERIES, 20, 20)
    for tags in (None, np.zeros(19, dtype=np.uint32), np.zeros(20, dtype=np.int64)):
        with pytest.raises(InputError):
            lone_party(ECDH[0], Role.SENDER, Items(SMALL[0], tags), terms)  # type: ignore[arg-type]


def test_equal_halves_of_tags_are_told_apart() -> None:
    tags = np.array(
        [[*[1] * 8, *[k] * 8] for k in range(6)] + [[*[2] * 8, *[0] * 8]], dtype=np.uint8
    )
    own, theirs = pairs_in_common(tags[[5, 0, 6, 3]], tags[[1, 3, 5, 4, 6]])
    assert own.tolist() == [0, 2, 3]
    assert theirs.tolist() == [2, 4, 1]
    none = np.empty((0, 16), dtype=np.uint8)
    assert [len(part) for part in pairs_in_common(tags, none)] == [0, 0]
    assert [len(part) for part in pairs_in_common(none, tags)] == [0, 0]


@every_ecdh
def test_a_receiver_says_nothing_before_the_senders_list(engine: EcdhEngine) -> None:
    """Two streams at once could block each other for ever."""
    for rung in RUNGS:
        peer, said = as_sender(rung, 20, SMALL[0], group=engine.group)
        assert said == []
        points = peer.group.mask(peer.secret, mapped(SMALL[1]))
        said = peer.tell(*peer.send_list(points))
        assert said[0][1] == Kind.LIST


def test_the_window_is_what_the_page_says() -> None:
    assert ecdh_parties.WINDOW == 4
    assert ecdh_frames.FRAME_POINTS == 7168


def test_the_oracle_agrees_with_a_clear_comparison() -> None:
    assert common_rows(*SMALL) == list(range(11, 20))
