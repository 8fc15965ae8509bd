"""A log is whole, or the verifier says what is wrong with it and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psihash import errors
from psihash.audit.checkpoint import VerifiedCheckpoint, open_checkpoint, sign_checkpoint
from psihash.audit.entry import Entry, StoredEntry
from psihash.audit.event import Event
from psihash.audit.log import Log, LogHead
from psihash.audit.merkle import Frontier, StoredTree, leaf_hash
from psihash.audit.verify import (
    AcceptedCheckpoint,
    LogFault,
    VerifiedLog,
    check_included,
    check_peer_checkpoint,
    verify_log,
)
from tests.audit.bench import ORIGIN, TIME, Bench, CountingRng, MemoryStore, SeedSigner

SIGNER = SeedSigner(1)
KEYS = [SIGNER.public_key]


def fault(rows: list[StoredEntry], notes: list[bytes], *held: bytes) -> LogFault:
    with pytest.raises(LogFault) as caught:
        verify_log(rows, notes, ORIGIN, KEYS, witnessed=held)
    return caught.value


def opened(note: bytes) -> VerifiedCheckpoint:
    return open_checkpoint(note, ORIGIN, *KEYS)


def renumbered(row: StoredEntry, seq: int) -> StoredEntry:
    """The entry under another number with a leaf hash that fits: what a careful forger writes."""
    number = row.header.split(b'"seq":')[1].split(b",")[0]
    return rewritten(row, b'"seq":' + number, b'"seq":%d' % seq)


def rewritten(row: StoredEntry, old: bytes, new: bytes) -> StoredEntry:
    header = row.header.replace(old, new)
    assert header != row.header or old == new
    return replace(row, header=header, leaf_hash=leaf_hash(header))


def head_of(rows: list[StoredEntry]) -> bytes:
    frontier = Frontier()
    frontier.extend(b"".join(row.leaf_hash for row in rows))
    return sign_checkpoint(ORIGIN, len(rows), frontier.root(), SIGNER)


@pytest.fixture
def ten(bench: Bench) -> Bench:
    """Ten entries, checkpoints at 4, 8 and 10."""
    for count in (4, 4, 2):
        bench.fill(count)
        bench.log.checkpoint()
    return bench


def notes_of(bench: Bench) -> list[bytes]:
    return list(bench.store.notes.values())


def test_a_whole_log_verifies(ten: Bench) -> None:
    seen: list[Entry] = []
    ten.fill(3)
    held = [ten.store.notes[8]]
    log = verify_log(ten.store.rows, notes_of(ten), ORIGIN, KEYS, witnessed=held, visit=seen.append)
    assert (log.origin, log.size, log.root) == (ORIGIN, 13, ten.log.tree().root())
    assert (log.signed_size, log.unsigned, log.checkpoints) == (10, 3, 3)
    assert (log.witnessed_size, log.withheld_local, log.withheld_shared) == (8, 0, 0)
    assert [entry.seq for entry in seen] == list(range(13))


def test_a_checkpoint_that_others_hold_vouches_for_entries_too(ten: Bench) -> None:
    held = ten.store.notes.pop(10)
    log = verify_log(ten.store.rows, notes_of(ten), ORIGIN, KEYS, witnessed=[held])
    assert (log.signed_size, log.unsigned, log.witnessed_size) == (10, 0, 10)


def test_an_empty_log_verifies(bench: Bench) -> None:
    assert verify_log([], [bench.log.checkpoint()], ORIGIN, KEYS).size == 0


def test_parts_may_be_missing_and_are_counted(ten: Bench) -> None:
    rows = ten.store.rows
    rows[3] = rows[3].withhold(local=True)
    rows[5] = rows[5].withhold(local=True, shared=True)
    log = verify_log(rows, notes_of(ten), ORIGIN, KEYS)
    assert (log.withheld_local, log.withheld_shared) == (2, 1)


def test_nothing_vouches_for_a_log_without_checkpoints(ten: Bench) -> None:
    assert fault(ten.store.rows, []).code == "checkpoint-missing"
    assert verify_log(ten.store.rows, [], ORIGIN, KEYS, witnessed=notes_of(ten)).size == 10


def test_a_changed_byte_anywhere_in_an_entry_is_found_and_its_entry_named(ten: Bench) -> None:
    rows, notes = ten.store.rows, notes_of(ten)
    for index, row in enumerate(rows):
        for name in (column.name for column in fields(StoredEntry)):
            value: bytes = getattr(row, name)
            for at in range(len(value)):
                changed = value[:at] + bytes([value[at] ^ 1 << at % 8]) + value[at + 1 :]
                bad = replace(row, **{name: changed})
                found = fault([*rows[:index], bad, *rows[index + 1 :]], notes)
                assert (found.code, found.index, found.end) == ("entry-changed", index, index + 1)


def test_a_changed_byte_anywhere_in_a_checkpoint_is_found(ten: Bench) -> None:
    rows, notes = ten.store.rows, notes_of(ten)
    for number, note in enumerate(notes):
        for at in range(len(note)):
            changed = note[:at] + bytes([note[at] ^ 1 << at % 8]) + note[at + 1 :]
            found = fault(rows, [*notes[:number], changed, *notes[number + 1 :]])
            assert (found.code, found.index) == ("checkpoint-forged", number)
            assert fault(rows, notes, changed).code == "checkpoint-forged"


@pytest.mark.parametrize("index", range(10))
def test_an_entry_rewritten_with_fitting_hashes_is_found_by_the_next_root(
    index: int, ten: Bench
) -> None:
    rows, notes = ten.store.rows, notes_of(ten)
    rows[index] = rewritten(rows[index], b"session-open", b"incident")
    found = fault(rows, notes)
    first, end = next(pair for pair in ((0, 4), (4, 8), (8, 10)) if index < pair[1])
    assert (found.code, found.index, found.end) == ("entry-changed", first, end)


@pytest.mark.parametrize("index", range(10))
def test_an_entry_taken_out_is_found(index: int, ten: Bench) -> None:
    rows = ten.store.rows
    del rows[index]
    found = fault(rows, notes_of(ten))
    expected = "entry-missing" if index < 9 else "log-truncated"
    assert (found.code, found.index) == (expected, index)


@pytest.mark.parametrize("index", range(10))
def test_an_entry_taken_out_and_the_rest_renumbered_is_found(index: int, ten: Bench) -> None:
    rows = ten.store.rows
    rest = [renumbered(row, index + n) for n, row in enumerate(rows[index + 1 :])]
    found = fault([*rows[:index], *rest], notes_of(ten))
    assert found.vouched <= index < found.end
    assert found.code == ("entry-changed" if index < 8 else "log-truncated")


@pytest.mark.parametrize("one", range(10))
@pytest.mark.parametrize("two", range(10))
def test_two_entries_swapped_are_found(one: int, two: int, ten: Bench) -> None:
    rows = ten.store.rows
    rows[one], rows[two] = rows[two], rows[one]
    if one == two:
        verify_log(rows, notes_of(ten), ORIGIN, KEYS)
        return
    found = fault(rows, notes_of(ten))
    assert (found.code, found.index) == ("entry-reordered", min(one, two))


def test_a_missing_entry_is_found_before_damaged_ones(ten: Bench) -> None:
    rows = ten.store.rows
    rows[7] = replace(rows[7], header=b"")
    found = fault([*rows[:3], *rows[4:]], notes_of(ten))
    assert (found.code, found.index) == ("entry-missing", 3)


def test_two_entries_swapped_and_renumbered_are_found(ten: Bench) -> None:
    rows = ten.store.rows
    rows[5], rows[6] = renumbered(rows[6], 5), renumbered(rows[5], 6)
    found = fault(rows, notes_of(ten))
    assert (found.code, found.index, found.end) == ("entry-changed", 4, 8)


def test_a_repeated_entry_is_found(ten: Bench) -> None:
    rows = ten.store.rows
    found = fault([*rows[:5], rows[4], *rows[5:]], notes_of(ten))
    assert (found.code, found.index) == ("entry-reordered", 5)


def test_an_entry_put_in_between_is_found(ten: Bench) -> None:
    rows = ten.store.rows
    rest = [renumbered(row, 6 + n) for n, row in enumerate(rows[5:])]
    found = fault([*rows[:5], renumbered(rows[0], 5), *rest], notes_of(ten))
    assert (found.code, found.index, found.end) == ("entry-changed", 4, 8)


@pytest.mark.parametrize("kept", range(10))
def test_a_truncated_log_is_found(kept: int, ten: Bench) -> None:
    found = fault(ten.store.rows[:kept], notes_of(ten))
    assert (found.code, found.index, found.end) == ("log-truncated", kept, 10)
    assert found.vouched == kept // 4 * 4


def test_a_log_restored_from_an_old_backup_is_found_by_what_others_hold(ten: Bench) -> None:
    old = notes_of(ten)[:2]
    verify_log(ten.store.rows[:8], old, ORIGIN, KEYS)
    found = fault(ten.store.rows[:8], old, ten.store.notes[10])
    assert (found.code, found.index, found.end) == ("checkpoint-rolled-back", 8, 10)


def test_a_log_rolled_back_and_continued_is_a_fork(ten: Bench) -> None:
    rows, held = ten.store.rows, ten.store.notes.pop(10)
    del rows[8:]
    frontier = Frontier()
    frontier.extend(ten.store.leaf_hashes(0, 8))
    ten.store.at = LogHead(8, frontier.to_bytes())
    again = ten.again()
    for _ in range(5):
        again.append(Event.INCIDENT, None, {"other": True}, TIME)
    again.checkpoint()
    found = fault(rows, notes_of(ten), held)
    assert (found.code, found.index, found.end) == ("log-forked", 8, 10)


def test_two_signed_heads_of_one_size_are_a_fork_whatever_the_entries_say(
    ten: Bench, make_bench: Callable[[], Bench]
) -> None:
    other = make_bench()
    other.fill(8, note="another history")
    for held in ([other.log.checkpoint()], [other.log.checkpoint(), ten.store.notes[8]]):
        found = fault(ten.store.rows, notes_of(ten), *held)
        assert (found.code, found.end) == ("log-forked", 8)


def test_a_log_rewritten_and_signed_anew_is_a_fork_to_whoever_holds_the_old_head(
    ten: Bench, make_bench: Callable[[], Bench]
) -> None:
    other = make_bench()
    other.fill(12, note="another history")
    new = other.log.checkpoint()
    verify_log(other.store.rows, [new], ORIGIN, KEYS)
    found = fault(other.store.rows, [new], ten.store.notes[8])
    assert (found.code, found.index, found.end) == ("log-forked", 0, 8)


def test_a_log_rewritten_without_the_key_is_a_change(
    ten: Bench, make_bench: Callable[[], Bench]
) -> None:
    other = make_bench()
    other.fill(12, note="another history")
    found = fault(other.store.rows, notes_of(ten))
    assert (found.code, found.index, found.end) == ("entry-changed", 0, 4)


def test_the_first_fault_is_the_one_reported(ten: Bench) -> None:
    rows = ten.store.rows
    rows[2] = rewritten(rows[2], b"session-open", b"incident")
    for later in ([*rows[:6], *rows[7:]], rows[:6], [*rows[:6], replace(rows[6], header=b"")]):
        found = fault(later, notes_of(ten))
        assert (found.code, found.index, found.end) == ("entry-changed", 0, 4)


def test_an_entry_dated_back_is_found_even_when_signed(ten: Bench) -> None:
    rows = ten.store.rows
    rows[6] = rewritten(rows[6], b"2026-01-01", b"2025-12-31")
    found = fault(rows, [head_of(rows)])
    assert (found.code, found.index) == ("entry-backdated", 6)


def test_an_entry_of_another_log_is_found_even_when_signed(ten: Bench) -> None:
    rows = ten.store.rows
    rows[6] = rewritten(rows[6], b"nl-police", b"de-bka")
    found = fault(rows, [head_of(rows)])
    assert (found.code, found.index) == ("entry-changed", 6)


def test_trust_comes_from_the_keys_alone(ten: Bench, make_signer: Callable[[int], object]) -> None:
    forger = SeedSigner(66)
    notes = [sign_checkpoint(ORIGIN, 10, ten.log.tree().root(), forger)]
    found = fault(ten.store.rows, notes)
    assert (found.code, found.index) == ("checkpoint-forged", 0)
    elsewhere = [sign_checkpoint("psihash/log/de-bka", 10, ten.log.tree().root(), SIGNER)]
    assert fault(ten.store.rows, elsewhere).code == "checkpoint-forged"


@settings(max_examples=200)
@given(st.data())
def test_no_edit_of_a_signed_log_passes(data: st.DataObject) -> None:
    rows, notes = _SIGNED
    edited = list(rows)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(edited) - 1)))
        to = data.draw(st.integers(0, max(0, len(edited) - 1)))
        match data.draw(st.sampled_from(["remove", "swap", "repeat", "renumber", "rewrite"])):
            case "remove" if edited:
                del edited[at]
            case "swap" if edited:
                edited[at], edited[to] = edited[to], edited[at]
            case "repeat" if edited:
                edited.insert(at, edited[to])
            case "renumber" if edited:
                edited[at] = renumbered(edited[at], to)
            case "rewrite" if edited:
                edited[at] = rewritten(edited[at], b'"v":1', b'"v":1')
    if [row.leaf_hash for row in edited[: len(rows)]] == [row.leaf_hash for row in rows]:
        return
    with pytest.raises(LogFault) as caught:
        verify_log(edited, notes, ORIGIN, KEYS)
    first_edit = next(
        (n for n, (a, b) in enumerate(zip(edited, rows, strict=False)) if a != b), len(edited)
    )
    assert caught.value.vouched <= first_edit < caught.value.end


def _signed() -> tuple[list[StoredEntry], list[bytes]]:
    store = MemoryStore()
    log = Log(store, ORIGIN, SIGNER, CountingRng())
    for seq in range(9):
        log.append(Event.INCIDENT, None, {"number": seq}, TIME)
        if seq in (2, 8):
            log.checkpoint()
    return store.rows, list(store.notes.values())


_SIGNED = _signed()


def test_an_entry_shown_to_a_peer_verifies_with_its_proof_alone(ten: Bench) -> None:
    checkpoint = opened(ten.store.notes[8])
    for seq in range(8):
        shown = ten.store.rows[seq].withhold(local=True)
        proof = ten.log.inclusion(seq, 8)
        entry = check_included(shown, proof, checkpoint)
        assert (entry.seq, entry.shared_facts()) == (seq, {"rung": "items", "note": ""})
        for bad in (
            replace(shown, shared=b"{}"),
            renumbered(shown, (seq + 1) % 8),
            rewritten(shown, b"session-open", b"incident"),
            rewritten(shown, b"nl-police", b"de-bka"),
        ):
            with pytest.raises(errors.VerificationError):
                check_included(bad, proof, checkpoint)
        with pytest.raises(errors.VerificationError):
            check_included(shown, proof, opened(ten.store.notes[10]))


def test_an_entry_of_another_log_is_not_taken_from_a_peer(ten: Bench) -> None:
    rows = ten.store.rows
    rows[6] = rewritten(rows[6], b"nl-police", b"de-bka")
    tree = StoredTree(ten.store.leaf_hashes(0, 10))
    with pytest.raises(errors.VerificationError) as caught:
        check_included(rows[6], tree.inclusion_proof(6), opened(head_of(rows)))
    assert caught.value.code == "checkpoint-wrong-origin"


def peer_cause(old: VerifiedCheckpoint | None, new: VerifiedCheckpoint, *proof: bytes) -> str:
    with pytest.raises(errors.VerificationError) as caught:
        check_peer_checkpoint(old, new, proof)
    return caught.value.code


def test_a_peers_newer_head_is_accepted_with_its_proof(ten: Bench) -> None:
    heads = [opened(note) for note in notes_of(ten)]
    assert check_peer_checkpoint(None, heads[0], []).extends == 0
    for old in heads:
        for new in heads:
            if old.size <= new.size:
                proof = ten.log.consistency(old.size, new.size)
                accepted = check_peer_checkpoint(old, new, proof)
                assert (accepted.checkpoint, accepted.extends) == (new, old.size)


def test_a_peers_older_head_is_a_rollback(ten: Bench) -> None:
    old, new = opened(ten.store.notes[8]), opened(ten.store.notes[4])
    assert peer_cause(old, new) == "checkpoint-rolled-back"
    assert peer_cause(old, new, *ten.log.consistency(4, 8)) == "checkpoint-rolled-back"


def test_a_peers_other_history_is_a_fork(ten: Bench, make_bench: Callable[[], Bench]) -> None:
    other = make_bench()
    other.fill(10, note="another history")
    fork = opened(other.log.checkpoint())
    assert peer_cause(opened(ten.store.notes[10]), fork) == "log-forked"
    for log in (ten.log, other.log):
        assert peer_cause(opened(ten.store.notes[8]), fork, *log.consistency(8, 10)) == "log-forked"
        assert peer_cause(opened(ten.store.notes[4]), fork, *log.consistency(4, 10)) == "log-forked"


def test_a_proof_of_another_shape_is_malformed(ten: Bench) -> None:
    old, new = opened(ten.store.notes[4]), opened(ten.store.notes[10])
    proof = ten.log.consistency(4, 10)
    for bad in (proof[:-1], [*proof, proof[0]], [b"", *proof[1:]], []):
        assert peer_cause(old, new, *bad) == "proof-malformed"
    assert peer_cause(None, new, proof[0]) == "proof-malformed"
    assert peer_cause(new, new, proof[0]) == "proof-malformed"


def test_heads_of_two_logs_are_not_compared(ten: Bench) -> None:
    note = sign_checkpoint("psihash/log/de-bka", 10, ten.log.tree().root(), SIGNER)
    other = open_checkpoint(note, "psihash/log/de-bka", *KEYS)
    assert peer_cause(opened(ten.store.notes[10]), other) == "checkpoint-wrong-origin"


def test_only_the_checks_make_their_proofs(ten: Bench) -> None:
    log = verify_log(ten.store.rows, notes_of(ten), ORIGIN, KEYS)
    with pytest.raises(TypeError):
        replace(log, _seal=object())
    with pytest.raises(TypeError):
        AcceptedCheckpoint(opened(ten.store.notes[8]), 0, _seal=object())
    assert isinstance(log, VerifiedLog)


def test_a_long_log_is_verified_in_bounded_memory() -> None:
    """Entries are taken one by one: none is kept."""
    rows, notes = _SIGNED
    alive = 0

    def stream() -> Iterator[StoredEntry]:
        nonlocal alive
        for row in rows:
            alive += 1
            yield row

    def visit(entry: Entry) -> None:
        assert alive == entry.seq + 1

    verify_log(stream(), notes, ORIGIN, KEYS, visit=visit)
