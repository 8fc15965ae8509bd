"""Appending: nothing lost, nothing signed that a damaged store says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from psihash import errors
from psihash.audit.checkpoint import open_checkpoint, sign_checkpoint
from psihash.audit.entry import open_entry
from psihash.audit.event import Event
from psihash.audit.log import EMPTY_HEAD, Log, LogHead, LogStore
from psihash.audit.merkle import EMPTY_ROOT, Frontier, verify_consistency, verify_inclusion
from psihash.audit.note import Signer
from psihash.audit.verify import verify_log
from tests.audit.bench import Bench, CountingRng, MemoryStore

_: type[LogStore] = MemoryStore

EARLY, LATE = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"


def damage(call: Callable[[], object]) -> None:
    with pytest.raises(errors.VerificationError) as caught:
        call()
    assert caught.value.code == "log-damaged"


def note(bench: Bench, time: str) -> str:
    return bench.log.append(Event.INCIDENT, None, {"what": "x"}, time).time


def test_entries_are_numbered_and_the_head_follows(bench: Bench) -> None:
    assert bench.store.head() == EMPTY_HEAD
    for seq in range(20):
        entry = bench.log.append(Event.INCIDENT, None, {"number": seq}, EARLY)
        assert entry.seq == seq
        assert open_entry(bench.store.rows[seq]) == entry
    leaves = bench.store.leaf_hashes(0, 20)
    frontier = Frontier()
    frontier.extend(leaves)
    assert bench.store.at == LogHead(20, frontier.to_bytes())


def test_time_never_goes_back(bench: Bench) -> None:
    assert note(bench, LATE) == LATE
    assert note(bench, EARLY) == LATE
    assert note(bench, "2026-01-02T00:00:00.001Z") == "2026-01-02T00:00:00.001Z"
    with pytest.raises(errors.InputError):
        note(bench, "2027")


def test_a_lost_race_is_run_again_on_the_new_head(bench: Bench) -> None:
    other = bench.again()
    bench.store.before_append = lambda: other.append(Event.INCIDENT, None, {"by": "b"}, LATE)
    mine = bench.log.append(Event.INCIDENT, None, {"by": "a"}, EARLY)
    assert (mine.seq, mine.time) == (1, LATE)
    checkpoint = bench.log.checkpoint()
    verify_log(bench.store.rows, [checkpoint], bench.origin, [bench.signer.public_key])


def test_a_race_that_is_always_lost_ends(bench: Bench) -> None:
    def win() -> None:
        bench.store.before_append = None
        bench.again().append(Event.INCIDENT, None, {"by": "b"}, EARLY)
        bench.store.before_append = win

    bench.store.before_append = win
    with pytest.raises(errors.StorageError) as caught:
        note(bench, EARLY)
    assert caught.value.code == "log-contended"
    assert all(b'"by":"b"' in (row.local or b"") for row in bench.store.rows)


def test_what_cannot_be_logged_changes_nothing(bench: Bench) -> None:
    bench.fill(1)
    before = (list(bench.store.rows), bench.store.at)
    with pytest.raises(errors.StateError):
        bench.log.append(Event.EXPORT, None, {"file": "ab" * 16}, EARLY)
    with pytest.raises(errors.InputError):
        bench.log.append(Event.EXPORT, None, {"share": 0.5}, EARLY)
    assert (bench.store.rows, bench.store.at) == before


def test_checkpoints_are_durable_and_repeatable(bench: Bench) -> None:
    keys = [bench.signer.public_key]
    empty = open_checkpoint(bench.log.checkpoint(), bench.origin, *keys)
    assert (empty.size, empty.root) == (0, EMPTY_ROOT)
    bench.fill(5)
    first = bench.log.checkpoint()
    assert first == bench.log.checkpoint() == bench.again().checkpoint()
    assert bench.store.checkpoint(None) == bench.store.checkpoint(5) == first
    bench.fill(6)
    second = bench.again().checkpoint()
    assert open_checkpoint(second, bench.origin, *keys).root == bench.log.tree().root()
    assert sorted(bench.store.notes) == [0, 5, 11]


def test_proofs_hold_under_the_checkpoints(bench: Bench) -> None:
    keys = [bench.signer.public_key]
    heads = []
    for _step in range(6):
        bench.fill(3)
        heads.append(open_checkpoint(bench.log.checkpoint(), bench.origin, *keys))
    newest = heads[-1]
    for old in heads:
        for new in heads:
            if old.size <= new.size:
                proof = bench.log.consistency(old.size, new.size)
                verify_consistency(old.size, old.root, new.size, new.root, proof)
        proof = bench.log.consistency(old.size)
        verify_consistency(old.size, old.root, newest.size, newest.root, proof)
        for seq in range(old.size):
            leaf = bench.store.rows[seq].leaf_hash
            proof = bench.log.inclusion(seq, old.size)
            verify_inclusion(seq, old.size, leaf, proof, old.root)
    for bad in (
        lambda: bench.log.inclusion(18, 18),
        lambda: bench.log.inclusion(0, 19),
        lambda: bench.log.consistency(19),
        lambda: bench.log.tree(-1),
    ):
        with pytest.raises(errors.InputError):
            bad()


def test_a_log_goes_on_under_a_new_key(bench: Bench, make_signer: Callable[[int], Signer]) -> None:
    bench.fill(3)
    old_note = bench.log.checkpoint()
    new, old = make_signer(2), bench.signer.public_key
    log = Log(bench.store, bench.origin, new, CountingRng(), [old])
    same_size = log.checkpoint()
    log.append(Event.KEY_CHANGED, None, {}, EARLY)
    notes = [old_note, same_size, log.checkpoint()]
    assert verify_log(bench.store.rows, notes, bench.origin, [new.public_key, old]).size == 4
    damage(Log(bench.store, bench.origin, make_signer(3), CountingRng()).checkpoint)


def test_erased_parts_do_not_stop_the_log(bench: Bench) -> None:
    bench.fill(4)
    bench.store.rows = [row.withhold(local=True, shared=True) for row in bench.store.rows]
    bench.fill(1)
    notes = [bench.log.checkpoint()]
    seen = verify_log(bench.store.rows, notes, bench.origin, [bench.signer.public_key])
    assert (seen.size, seen.withheld_local, seen.withheld_shared) == (5, 4, 4)


def test_a_damaged_head_stops_the_log(bench: Bench) -> None:
    bench.fill(5)
    good = bench.store.at
    for bad in (
        LogHead(5, b""),
        LogHead(5, good.frontier[:-1]),
        LogHead(4, good.frontier),
        LogHead(-1, good.frontier),
    ):
        bench.store.at = bad
        damage(lambda: note(bench, EARLY))
        damage(bench.again().checkpoint)


def test_a_damaged_last_entry_stops_the_log(bench: Bench) -> None:
    bench.fill(5)
    rows = bench.store.rows
    for bad in (
        rows[:4],
        [*rows[:4], rows[3]],
        [*rows[:4], replace(rows[4], header=rows[4].header.replace(b"open", b"shut"))],
        [*rows[:4], replace(rows[4], leaf_hash=rows[3].leaf_hash)],
    ):
        bench.store.rows = bad
        damage(lambda: note(bench, EARLY))


def test_another_agencys_log_is_not_continued(bench: Bench) -> None:
    bench.fill(2)
    foreign = Log(bench.store, "psihash/log/de-bka", bench.signer, CountingRng())
    damage(lambda: foreign.append(Event.INCIDENT, None, {}, EARLY))


def test_a_changed_leaf_is_not_signed(bench: Bench) -> None:
    bench.fill(9)
    bench.log.checkpoint()
    bench.fill(2)
    rows = list(bench.store.rows)
    for at in range(len(rows)):
        bench.store.rows = [*rows[:at], replace(rows[at], leaf_hash=bytes(32)), *rows[at + 1 :]]
        damage(bench.again().checkpoint)
    bench.store.rows = rows
    bench.log.checkpoint()


def test_a_rewritten_log_is_not_signed(bench: Bench, make_bench: Callable[[], Bench]) -> None:
    bench.fill(9)
    bench.log.checkpoint()
    other = make_bench()
    other.fill(12, note="another history")
    other.store.notes = bench.store.notes
    damage(other.log.checkpoint)


def test_a_log_that_became_shorter_is_not_signed(
    bench: Bench, make_bench: Callable[[], Bench]
) -> None:
    bench.fill(9)
    bench.log.checkpoint()
    short = make_bench()
    short.fill(8)
    bench.store.rows, bench.store.at = short.store.rows, short.store.at
    damage(bench.again().checkpoint)
    bench.store.notes.clear()  # even so the process that signed remembers
    damage(bench.log.checkpoint)


def test_a_changed_checkpoint_stops_the_signing(bench: Bench) -> None:
    bench.fill(3)
    signed = bench.log.checkpoint()
    bench.store.notes[3] = signed.replace(b"\n3\n", b"\n2\n")
    damage(bench.log.checkpoint)


def test_another_head_signed_at_the_same_or_an_earlier_size_stops_the_signing(
    bench: Bench,
) -> None:
    bench.fill(3)
    bench.log.checkpoint()
    forked = sign_checkpoint(bench.log.origin, 3, bytes(32), bench.signer)
    honest, bench.store.notes[3] = bench.store.notes[3], forked
    damage(bench.log.checkpoint)
    bench.fill(2)
    damage(bench.again().checkpoint)
    bench.store.notes[3] = honest
    bench.log.checkpoint()


def test_a_process_may_be_ahead_of_the_last_checkpoint(bench: Bench) -> None:
    bench.fill(3)
    first = bench.log.checkpoint()
    bench.fill(3)
    bench.log.checkpoint()
    bench.store.notes = {3: first}  # the newest note was lost, the entries were not
    assert open_checkpoint(bench.log.checkpoint(), bench.origin, bench.signer.public_key).size == 6


def test_missing_leaves_are_noticed(bench: Bench) -> None:
    bench.fill(3)
    bench.store.leaf_hashes = lambda start, stop: bytes(32)  # type: ignore[method-assign]
    damage(bench.log.tree)
    damage(bench.log.checkpoint)
