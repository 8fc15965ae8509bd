"""What every engine must do, at every rung it serves that compares: ``count`` and ``items``.

A new engine is covered by being in the registry.
"""

from __future__ import annotations

import platform
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psihash.errors import InputError, ProtocolError, RefusedError, StateError
from psihash.psi import encoding
from psihash.psi.engine import MAX_FRAME_BYTES, Engine, Items, Outcome, Party
from psihash.psi.registry import default
from psihash.terms import Role, Rung
from tests.psi.contract import ENGINES, SMALL, check, every_engine, every_rung
from tests.psi.parties import (
    Stream,
    lone_party,
    make_pair,
    run_pair,
    run_terms,
    some_tokens,
    token_rows,
)
from tests.psi.pumping import pump_parties


def test_this_machine_has_an_engine() -> None:
    wheels = {("linux", "x86_64"), ("darwin", "arm64")}
    if (sys.platform, platform.machine()) not in wheels and not ENGINES:
        pytest.skip("openmined-psi has no wheel for this machine: no engine is tested")
    assert ENGINES, f"no engine loads: {dict(default().missing)}"


# What a run gives.


@every_rung
@pytest.mark.parametrize(
    ("sender", "receiver"),
    [
        pytest.param(range(100), range(60, 160), id="overlap"),
        pytest.param(range(50), range(50), id="identical"),
        pytest.param(range(50), range(50, 100), id="disjoint"),
        pytest.param(range(1), range(1), id="one-the-same"),
        pytest.param(range(1), range(1, 2), id="one-different"),
        pytest.param(range(300), range(297, 305), id="large-sender"),
        pytest.param(range(297, 305), range(300), id="large-receiver"),
        pytest.param(range(0), range(5), id="empty-sender"),
        pytest.param(range(5), range(0), id="empty-receiver"),
        pytest.param(range(0), range(0), id="both-empty"),
    ],
)
def test_the_receiver_learns_the_overlap_and_the_sender_nothing(
    engine: Engine, rung: Rung, sender: range, receiver: range
) -> None:
    a, b = some_tokens(sender), some_tokens(receiver)
    sent, received, _ = run_pair(engine, rung, a, b)
    assert sent == Outcome()
    check(received, rung, b, a)


@every_rung
def test_lists_of_several_real_frames(engine: Engine, rung: Rung) -> None:
    a, b = some_tokens(range(4200)), some_tokens(range(4100, 8300))
    sent, received, trace = run_pair(engine, rung, a, b)
    assert sent == Outcome()
    check(received, rung, b, a)
    assert max(len(frame) for _, frame in trace.frames) <= MAX_FRAME_BYTES


@pytest.mark.usefixtures("small_frames")
@every_rung
@pytest.mark.parametrize("sizes", [(7, 8), (8, 7), (9, 16), (16, 9), (17, 64), (64, 17)])
def test_lists_that_end_at_and_beside_a_frame(
    engine: Engine, rung: Rung, sizes: tuple[int, int]
) -> None:
    a, b = some_tokens(range(sizes[0])), some_tokens(range(5, 5 + sizes[1]))
    check(run_pair(engine, rung, a, b)[1], rung, b, a)


@every_rung
@given(data=st.data())
@settings(max_examples=40)
def test_any_two_lists(engine: Engine, rung: Rung, data: st.DataObject) -> None:
    names = st.lists(st.integers(0, 30), unique=True, max_size=25)
    a, b = data.draw(names), data.draw(names)
    mine = token_rows([bytes(some_tokens(range(x, x + 1))[0]) for x in b])
    theirs = token_rows([bytes(some_tokens(range(x, x + 1))[0]) for x in a])
    check(run_pair(engine, rung, theirs, mine)[1], rung, mine, theirs)


@every_rung
def test_tokens_that_differ_only_in_zeros_are_different(engine: Engine, rung: Rung) -> None:
    body = [b"\x05" * n + bytes(32 - n) for n in range(33)]
    a, b = token_rows(body[:20]), token_rows(body[15:])
    check(run_pair(engine, rung, a, b)[1], rung, b, a)


@every_rung
def test_the_order_of_the_lists_changes_nothing(engine: Engine, rung: Rung) -> None:
    a, b = some_tokens(range(40)), some_tokens(range(30, 70))
    for seed in (b"1", b"2", b"3"):
        rng = Stream(seed)
        mine, theirs = b[encoding.permutation(40, rng)], a[encoding.permutation(40, rng)]
        check(run_pair(engine, rung, theirs, mine)[1], rung, mine, theirs)


@every_rung
def test_a_memory_map_serves_and_is_not_changed(engine: Engine, rung: Rung, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_bytes(some_tokens(range(50)).tobytes())
    mapped = np.memmap(path, dtype=np.uint8, mode="r", shape=(50, 32))
    b = some_tokens(range(40, 60))
    check(run_pair(engine, rung, mapped, b)[1], rung, b, mapped)
    assert path.read_bytes() == some_tokens(range(50)).tobytes()


@every_rung
def test_a_padded_list_gives_back_the_real_matches(engine: Engine, rung: Rung) -> None:
    canaries = encoding.canaries(bytes(range(32)), 0)
    a, _ = encoding.padded_list(some_tokens(range(30)), 128, canaries, Stream(b"a"))
    b, mapping = encoding.padded_list(some_tokens(range(20, 50)), 108, canaries, Stream(b"b"))
    outcome = run_pair(engine, rung, a.tokens, b.tokens)[1]
    assert outcome is not None
    assert encoding.real_count(outcome) == 10
    if rung is Rung.ITEMS:
        assert encoding.real_positions(outcome, mapping).tolist() == list(range(10))


# What travels.


@pytest.mark.usefixtures("small_frames")
@every_rung
def test_every_run_is_masked_afresh(engine: Engine, rung: Rung) -> None:
    a, b = some_tokens(range(20)), some_tokens(range(10, 30))
    runs = [run_pair(engine, rung, a, b)[2] for _ in range(2)]
    first, second = ({frame for _, frame in run.frames} for run in runs)
    assert not first & second
    for run in runs:
        sent = b"".join(frame for _, frame in run.frames)
        assert not any(bytes(row) in sent for row in np.concatenate([a, b]))


@pytest.mark.usefixtures("small_frames")
@every_rung
def test_frames_are_made_one_at_a_time(engine: Engine, rung: Rung) -> None:
    """Both sides answer with iterators that make a frame when it is asked for."""
    a, b = make_pair(engine, rung, some_tokens(range(30)), some_tokens(range(30)))
    for answers in (a.start(), b.start()):
        assert isinstance(answers, Iterator)
        assert not isinstance(answers, (list, tuple))
        assert len(list(answers)) in (0, 4)


@pytest.mark.usefixtures("small_frames")
@every_rung
def test_progress_grows_to_its_total(engine: Engine, rung: Rung) -> None:
    a, b = make_pair(engine, rung, some_tokens(range(30)), some_tokens(range(30)))
    seen: list[tuple[int, ...]] = [(*a.progress, *b.progress)]

    def look(_number: int, frame: bytes) -> list[bytes]:
        seen.append((*a.progress, *b.progress))
        return [frame]

    pump_parties(a, b, look)
    seen.append((*a.progress, *b.progress))
    assert seen == sorted(seen)
    assert seen[0][0] == seen[0][2] == 0
    assert seen[-1][0] == seen[-1][1]
    assert seen[-1][2] == seen[-1][3]


# How it may be called.


@every_rung
def test_calls_out_of_order_are_refused(engine: Engine, rung: Rung) -> None:
    for side in make_pair(engine, rung, *SMALL):
        with pytest.raises(StateError):
            list(side.receive(b""))
        list(side.start())
        with pytest.raises(StateError):
            list(side.start())


@every_rung
def test_a_call_before_the_last_was_drained_is_refused(engine: Engine, rung: Rung) -> None:
    a, b = make_pair(engine, rung, *SMALL)
    frames = a.start()
    next(frames)
    with pytest.raises(StateError):
        list(a.receive(b""))
    undrained = b.start()
    with pytest.raises(StateError):
        list(b.receive(b""))
    del undrained


@every_rung
def test_a_second_thread_is_kept_out(engine: Engine, rung: Rung) -> None:
    side: Party = make_pair(engine, rung, some_tokens(range(3000)), SMALL[1])[0]
    worker = threading.Thread(target=lambda: list(side.start()))
    worker.start()
    refused = 0
    while worker.is_alive():
        try:
            list(side.receive(b""))
        except StateError:
            refused += 1
        except ProtocolError:
            break
    worker.join()
    assert refused


@every_rung
def test_a_frame_after_the_end_undoes_the_result(engine: Engine, rung: Rung) -> None:
    a, b = make_pair(engine, rung, *SMALL)
    frames = pump_parties(a, b).frames
    for side in (a, b):
        with pytest.raises(ProtocolError):
            list(side.receive(frames[-1][1]))
        assert side.outcome is None


@every_engine
def test_a_list_that_does_not_fit_the_terms_is_refused(engine: Engine) -> None:
    tokens = some_tokens(range(20))
    wrong = [
        Items(tokens[:19]),
        Items(tokens[:, :31]),
        Items(tokens.view(np.int8)),
        Items(tokens, np.zeros(20, dtype=np.uint32)),
    ]
    for items in wrong:
        with pytest.raises(InputError):
            lone_party(engine, Role.SENDER, items, run_terms(Rung.COUNT, 20, 20))


@every_rung
def test_an_own_list_with_an_item_twice_is_refused(engine: Engine, rung: Rung) -> None:
    twice = np.concatenate([SMALL[0], SMALL[0][3:4]])
    for role in Role:
        side = lone_party(engine, role, Items(twice), run_terms(rung, 21, 20))
        with pytest.raises(InputError):
            list(side.start())


@every_engine
def test_what_an_engine_does_not_serve_it_refuses(engine: Engine) -> None:
    for rung in set(Rung) - engine.properties.rungs:
        with pytest.raises(RefusedError, match=rung.value):
            lone_party(engine, Role.SENDER, Items(SMALL[0]), run_terms(rung, 20, 20))
    large = engine.properties.max_items + 1
    with pytest.raises(RefusedError) as caught:
        lone_party(engine, Role.SENDER, Items(SMALL[0]), run_terms(Rung.COUNT, 20, large))
    assert caught.value.code == "psi-too-large"


@every_engine
def test_an_engine_describes_itself(engine: Engine) -> None:
    properties = engine.properties
    assert engine.id.partition("/")[2].isdigit()
    assert properties.rungs <= {Rung.COUNT, Rung.SERIES, Rung.ITEMS}
    assert properties.security
    assert properties.error_rate
    assert properties.microseconds_per_item > 0
    assert properties.bytes_per_item > 0
