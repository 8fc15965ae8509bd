"""C4: what the order of a list tells. Every list on the wire is in the order of its own masked
bytes, over the whole list: fresh in every run, and the same whatever the store or the peer did."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from psihash.errors import ProtocolError
from psihash.psi import encoding
from psihash.psi.engine import Items, Party, RunTerms
from psihash.psi.engines.openmined import OpenminedEngine
from psihash.psi.engines.openmined_frames import FRAME_POINTS
from psihash.terms import Learn, Role, Rung
from psihash.testing.memory import Bench
from psihash.testing.pump import pump
from tests.psi import reference_p256 as ref
from tests.psi.hostile import Points, needs_library, rows_of
from tests.psi.parties import BINDING, CONTEXT_ID, Stream, some_tokens
from tests.session.lists import OURS, THEIRS

pytestmark = needs_library
SIZE = 512
COMMON = 150


def terms(run: int, rung: Rung = Rung.COUNT, size: int = SIZE) -> RunTerms:
    return RunTerms("session", CONTEXT_ID, run, rung, Learn.BOTH, size, size, BINDING)


def parties(run: int) -> tuple[Party, Party, encoding.Bytes2D, encoding.Bytes2D]:
    """A sender and a receiver at count whose lists share some items, in the same store order."""
    shared = some_tokens(range(COMMON))
    ours = np.concatenate([shared, some_tokens(range(1000, 1000 + SIZE - COMMON))])
    theirs = np.concatenate([shared, some_tokens(range(5000, 5000 + SIZE - COMMON))])
    engine = OpenminedEngine()
    return (
        engine.party(Role.SENDER, Items(ours), terms(run), Stream(b"s")),
        engine.party(Role.RECEIVER, Items(theirs), terms(run), Stream(b"r")),
        ours,
        theirs,
    )


class Curious:
    """A receiver that follows the protocol and keeps everything that it saw, and the truth that
    only a test can ask for: which answer belongs to which question."""

    def __init__(self, run: int) -> None:
        sender, receiver, self.ours, self.theirs = parties(run)
        wire = ref.Wire("session", CONTEXT_ID, run, "count", SIZE, SIZE)
        setup = list(sender.start())
        self.setup = wire.points(ref.SETUP, setup)
        list(receiver.start())
        request = [frame for part in setup for frame in receiver.receive(part)]
        self.request = wire.points(ref.REQUEST, request)
        response = [frame for part in request for frame in sender.receive(part)]
        self.response = wire.points(ref.RESPONSE, response)
        for frame in response:
            list(receiver.receive(frame))
        assert receiver.outcome is not None
        assert receiver.outcome.count == COMMON
        self.sender: Any = sender
        self.receiver: Any = receiver

    def place_of_answers(self) -> npt.NDArray[np.int64]:
        """For each question, where in the response its answer stands."""
        where = {point: place for place, point in enumerate(self.response)}
        answers = [self.sender._library.answer(rows_of([asked]))[0] for asked in self.request]
        return np.array([where[answer.tobytes()] for answer in answers])

    def matched_questions(self) -> npt.NDArray[np.bool_]:
        """Which questions are about items that both have."""
        shared = {row.tobytes() for row in self.ours[:COMMON]}
        return np.array([self.theirs[row].tobytes() in shared for row in self.receiver._rows])


def correlation(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.fixture(scope="module")
def seen() -> list[Curious]:
    return [Curious(run) for run in range(2)]


LIMIT = 5 / SIZE**0.5
"""Five standard deviations of the correlation of two independent orders."""


def test_the_place_of_an_answer_says_nothing_about_its_question(seen: list[Curious]) -> None:
    for run in seen:
        assert abs(correlation(np.arange(SIZE), run.place_of_answers())) < LIMIT


def test_aligning_matched_places_with_the_own_list_names_no_more_than_chance(
    seen: list[Curious],
) -> None:
    """The attack: the k-th matched answer is taken for the k-th matched question. In a list in
    store order that names most of them; here it names about one."""
    for run in seen:
        places, matched = run.place_of_answers(), run.matched_questions()
        assert int(matched.sum()) == COMMON
        rank = np.argsort(np.argsort(places[matched]))
        named = int(np.count_nonzero(rank == np.arange(COMMON)))
        assert named <= 10
        assert abs(correlation(rank, np.arange(COMMON))) < 5 / COMMON**0.5


def test_matched_answers_stand_anywhere_in_the_list(seen: list[Curious]) -> None:
    """Neither at one end nor in one frame: chi-square over eight parts of the list."""
    for run in seen:
        places = run.place_of_answers()[run.matched_questions()]
        counts = np.bincount(places * 8 // SIZE, minlength=8)
        expected = COMMON / 8
        assert float(((counts - expected) ** 2 / expected).sum()) < 50  # 7 degrees: p < 1e-7


def test_lists_go_out_and_come_back_in_the_order_of_their_bytes(seen: list[Curious]) -> None:
    """The reader could sort them itself, so the order holds nothing else: no frame, no store."""
    for run in seen:
        for points in (run.setup, run.request, run.response):
            assert points == sorted(points)


def test_two_runs_over_the_same_list_have_unrelated_orders(seen: list[Curious]) -> None:
    orders = [run.receiver._rows for run in seen]
    assert abs(correlation(np.argsort(orders[0]), np.argsort(orders[1]))) < LIMIT
    assert abs(correlation(orders[0], np.arange(SIZE))) < LIMIT  # nor with the store's
    assert not set(seen[0].setup) & set(seen[1].setup)


def test_the_list_of_a_session_is_shuffled_over_its_whole_length() -> None:
    """Items, canaries and dummies stand anywhere, whatever the order of the holdings."""
    tokens = some_tokens(range(300))
    canaries = encoding.canaries(CONTEXT_ID, 0)
    totals = np.zeros(4)
    for seed in range(20):
        _, mapping = encoding.padded_list(tokens, SIZE, canaries, Stream(b"%d" % seed))
        items = np.flatnonzero(mapping >= 0)
        totals += np.bincount(items * 4 // SIZE, minlength=4)
        assert abs(correlation(mapping[items], items)) < 5 / 300**0.5
    expected = totals.sum() / 4
    assert float(((totals - expected) ** 2 / expected).sum()) < 25


# -- frames are slices of one order --------------------------------------------------------------

LONG = FRAME_POINTS + 500


def receiver_and_setup() -> tuple[Party, ref.Wire, Points]:
    """A receiver that waits for a setup of two frames, and such a setup."""
    tokens = some_tokens(range(LONG))
    engine = OpenminedEngine()
    size = terms(0, size=LONG)
    sender = engine.party(Role.SENDER, Items(tokens), size, Stream(b"s"))
    good = ref.Wire("session", CONTEXT_ID, 0, "count", LONG, LONG).points(
        ref.SETUP, list(sender.start())
    )
    receiver = engine.party(Role.RECEIVER, Items(tokens), size, Stream(b"r"))
    list(receiver.start())
    return receiver, ref.Wire("session", CONTEXT_ID, 0, "count", LONG, LONG), good


def test_a_list_that_is_sorted_in_each_frame_only_is_refused() -> None:
    receiver, wire, good = receiver_and_setup()
    per_frame = sorted(good[500:]) + sorted(good[:500])
    first, second = wire.frames(ref.SETUP, per_frame)
    assert list(receiver.receive(first)) == []
    with pytest.raises(ProtocolError) as caught:
        list(receiver.receive(second))
    assert caught.value.code == "psi-wrong-order"


def test_no_question_leaves_before_the_whole_setup_is_here() -> None:
    receiver, wire, good = receiver_and_setup()
    first, second = wire.frames(ref.SETUP, good)
    assert list(receiver.receive(first)) == []
    assert len(list(receiver.receive(second))) == 2


def test_at_count_a_session_has_no_result_per_frame_or_algorithm_part() -> None:
    """All that is signed or shown of a run at count is one number."""
    made = Bench.of(OURS, THEIRS, engine=OpenminedEngine())
    meeting = made.meet(Rung.COUNT)
    pump(meeting.pair)
    for journal in meeting.journals:
        assert journal.visible is not None
        for finding in journal.visible.by_algorithm.values():
            assert finding.rows is None
            assert finding.count == 10
        assert journal.visible.labels == {}
        assert journal.visible.records == {}
