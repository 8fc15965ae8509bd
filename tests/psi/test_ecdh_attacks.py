"""Attacks on drafts of the engine, played by a test peer: C1 to C5 (C7 is in tests/session).

Each ends as docs/engines.md says; C2 works, and the test is there so that nobody claims otherwise.
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest

from psihash.errors import InputError
from psihash.psi import encoding, series
from psihash.psi.engine import Items
from psihash.psi.engines.ecdh_frames import Content, Kind
from psihash.psi.engines.ecdh_lists import tag_binding
from psihash.psi.group import Rows
from psihash.session.run_plan import RunSecrets
from psihash.terms import AlgorithmId, Learn, Role, Rung, is_size_class
from tests.psi.contract import ECDH
from tests.psi.ecdh_peer import GROUP, Peer, as_receiver, mapped
from tests.psi.parties import CONTEXT_ID, Stream, join, run_terms, some_tokens
from tests.psi.pumping import pump_parties

# C1: a peer without any item makes the other side see a full overlap.


def forged(points: Rows, factors: list[bytes]) -> Rows:
    """Each point of the honest list times a factor of its own: "our" list."""
    blinds = GROUP.blinds_of(np.frombuffer(b"".join(factors), dtype=np.uint8).reshape(-1, 32))
    return GROUP.multiply(blinds, points)


def factors(count: int) -> list[bytes]:
    return [(number + 2).to_bytes(32, "little") for number in range(count)]


def test_c1_at_count_the_answers_were_to_be_fixed_before() -> None:
    ours = some_tokens(range(64))
    peer, points, _ = as_receiver(Rung.COUNT, 64, ours)
    said = peer.tell(*peer.send_list(forged(points, factors(64))))
    assert [frame[1] for frame in said] == [Kind.DIGEST], "our answers wait for the peer's digest"
    peer.read_digest(said[0])
    guess = GROUP.mask(peer.secret, mapped(ours))
    said = peer.tell(peer.digest(guess))
    answers, _ = peer.read(Kind.ANSWER, said)
    # Now it has a * Y, which sent back would be 64 hits of 64.
    assert peer.refused(*peer.answers(points, answers)) == "ecdh-answers-changed"


def test_c1_at_items_there_is_no_proof_for_it() -> None:
    ours = some_tokens(range(64))
    peer, points, _ = as_receiver(Rung.ITEMS, 64, ours)
    said = peer.tell(*peer.send_list(forged(points, factors(64))))
    answers, _ = peer.read(Kind.ANSWER, said)
    frame = next(peer.answers(points, answers))
    assert peer.refused(frame) == "group-bad-proof"


def test_c1_with_the_public_key() -> None:
    """Y = r * G, R = r * K: needs no answer of ours at all, and no proof either."""
    ours = some_tokens(range(64))
    peer, points, _ = as_receiver(Rung.ITEMS, 64, ours)
    generator = np.frombuffer(GROUP.secret_of(factors(1)[0]).public, dtype=np.uint8)
    key = np.frombuffer(peer.honest_public, dtype=np.uint8)
    peer.tell(*peer.send_list(forged(np.tile(generator, (64, 1)), factors(64))))
    answers = forged(np.tile(key, (64, 1)), factors(64))
    assert peer.refused(*peer.answers(points, answers)) == "group-bad-proof"
    assert ECDH[0].secret(Rung.COUNT) is None, "where nothing is proven, no key is published"
    assert ECDH[0].secret(Rung.SERIES) is None


# C2: several secrets turn count into items.


def test_c2_count_tells_a_deviating_peer_the_items() -> None:
    """Works against any engine in which the comparing side holds both lists: a dishonest peer
    learns every match with its place, and our own count comes out right. This is why count is
    charged like items and the approver's page says so."""
    ours = some_tokens(range(100))
    theirs, bits = some_tokens(range(77, 77 + 64)), 6
    common = set(range(77, 100))
    extra = 64 * bits
    peer, points, _ = as_receiver(Rung.COUNT, 64 + extra, ours)
    items = mapped(theirs)
    codes = [[GROUP.new_secret(), GROUP.new_secret()] for _ in range(bits)]
    # Once under the secret that it answers with, and once for each bit of its number.
    lists = [GROUP.mask(peer.secret, items)]
    for bit, pair in enumerate(codes):
        chosen = [GROUP.mask(secret, items) for secret in pair]
        lists.append(np.stack([chosen[n >> bit & 1][n] for n in range(64)]))
    peer.read_digest(peer.tell(*peer.send_list(np.concatenate(lists)))[0])
    honest = peer.honest_answers(points)
    answers, _ = peer.read(Kind.ANSWER, peer.tell(peer.digest(honest)))
    peer.tell(*peer.answers(points, honest))
    assert peer.party.outcome is not None
    assert peer.party.outcome.count == len(common), "nothing is visible on our side"
    returned = {bytes(row) for row in answers}
    found = set()
    hits = [place for place, row in enumerate(honest) if bytes(row) in returned]
    ones = [GROUP.remask(pair[1], points[hits]) for pair in codes]
    for at, _ in enumerate(hits):
        number = sum((bytes(row[at]) in returned) << bit for bit, row in enumerate(ones))
        found.add(77 + number)
    assert found == common, "every match by name"


# C3: collections of one real and four random hashes.


def series_run(
    ours: dict[str, range], theirs: dict[str, range]
) -> tuple[Counter[int], dict[tuple[int, int], int], series.Cells, series.Numbering]:
    """What ours shows of its numbers, and what it finds: by (own cell, peer's number)."""
    made = []
    for at, named in enumerate((ours, theirs)):
        names = sorted({n for numbers in named.values() for n in numbers})
        tokens = np.concatenate([some_tokens(range(n, n + 1)) for n in names])
        labels = [[k for k, numbers in named.items() if n in numbers] for n in names]
        cells = series.make_cells(labels)
        canaries = encoding.canaries(CONTEXT_ID, 0)
        rng = Stream(b"c3 %d" % at)
        made.append((cells, series.numbered_list(tokens, cells, cells.padded_size, canaries, rng)))
    sides = []
    for (_, (items, _, _)), (_, (other, _, _)) in zip(made, made[::-1], strict=True):
        terms = run_terms(Rung.SERIES, len(items), len(other), learn=Learn.BOTH)
        sides.append((ECDH[0], items, terms))
    first, second = join(*sides)
    pump_parties(first, second)
    assert first.outcome is not None
    cells, (items, _, numbering) = made[0]
    assert items.tags is not None
    shown = Counter(int(number) for number in items.tags)
    return shown, series.real_pairs(first.outcome, numbering), cells, numbering


def test_c3_sizes_on_the_wire_are_classes_and_some_numbers_are_nothing() -> None:
    shown, _, cells, numbering = series_run(
        {"a": range(70), "b": range(100, 141), "c": range(200, 205)}, {"z": range(60, 110)}
    )
    own = {number for number, cell in numbering.cell_of.items() if cell >= 0}
    assert sorted(shown[number] for number in own) == [64, 64, 77]
    assert all(is_size_class(shown[number]) for number in own)
    assert {cell for cell in numbering.cell_of.values() if cell < 0} == {
        encoding.CANARY,
        encoding.DUMMY,
    }
    assert sum(shown.values()) == cells.padded_size


def test_c3_an_item_in_several_series_is_no_code_word() -> None:
    """It has one number; what few items share is put together with others."""
    many = {f"s{k}": range(k, 40, k + 1) for k in range(8)}
    shown, _, cells, _ = series_run(many, {"z": range(40)})
    counts = Counter(cells.of.tolist())
    assert min(counts.values()) >= series.MIN_CELL
    assert sum(counts.values()) == 40
    assert len(shown) >= len(counts) + 1


def test_c3_the_smallest_series_still_tells_its_one_hit() -> None:
    """A user who imports collections of one real and four random hashes learns which of them hit,
    with no deviation at all: only "1 to 4" is reported, and the ledger charges it like items."""
    spies = {f"spy {k}": range(10 * k, 10 * k + 5) for k in range(12)}
    _, found, cells, _ = series_run(spies, {"z": range(0, 60, 10)})
    hit = {next(iter(cells.series[cell])) for cell, _ in found}
    assert hit == {f"spy {k}" for k in range(6)}
    assert set(found.values()) == {1}


def test_c3_numbers_are_drawn_afresh() -> None:
    tokens = some_tokens(range(30))
    cells = series.make_cells([["a"] if n < 15 else ["b"] for n in range(30)])
    canaries = encoding.canaries(CONTEXT_ID, 0)
    seen: set[int] = set()
    for seed in range(20):
        rng = Stream(b"%d" % seed)
        _, _, numbering = series.numbered_list(tokens, cells, cells.padded_size, canaries, rng)
        assert not seen & set(numbering.cell_of)
        seen |= set(numbering.cell_of)


# C4: orders that tell.


@pytest.mark.usefixtures("small_frames")
def test_c4_lists_leave_in_an_order_that_is_not_the_stores() -> None:
    """The same list in many runs: where an item stands is uniform over all frames."""
    size, runs = 40, 120
    tokens = some_tokens(range(size))
    places: Counter[int] = Counter()
    for _ in range(runs):
        engine = ECDH[0]
        party = engine.party(Role.SENDER, Items(tokens), run_terms(Rung.COUNT, size, 8), os.urandom)
        order = party._own.order  # type: ignore[attr-defined]
        places[int(np.flatnonzero(order == 0)[0]) // 8] += 1
    assert set(places) == set(range(5))
    assert max(places.values()) < runs / 2


@pytest.mark.usefixtures("small_frames")
@pytest.mark.parametrize("rung", [Rung.COUNT, Rung.SERIES])
def test_c4_answers_do_not_stay_in_the_frame_of_their_question(rung: Rung) -> None:
    """One question in a frame of chosen fillings: its answer comes in any frame."""
    frames: Counter[int] = Counter()
    for _ in range(60):
        ours = some_tokens(range(40))
        tags = np.zeros(40, dtype=np.uint32) if rung is Rung.SERIES else None
        peer = Peer(Role.RECEIVER, rung, 40, ours, tags=tags, rng=os.urandom)
        points, numbers = peer.read(Kind.LIST, list(peer.party.start()))
        questions = GROUP.mask(peer.secret, mapped(some_tokens(range(100, 140))))
        peer.read_digest(peer.tell(*peer.send_list(questions, tags))[0])
        said = peer.tell(peer.digest(peer.honest_answers(points), numbers))
        said += peer.tell(*peer.answers(points, peer.honest_answers(points), numbers))
        answers, _ = peer.read(Kind.ANSWER, said)
        secret = peer.party._own._secret  # type: ignore[attr-defined]
        wanted = GROUP.remask(secret, questions[:1])[0]
        frames[int(np.flatnonzero((answers == wanted).all(axis=1))[0]) // 8] += 1
    assert set(frames) == set(range(5))


def test_c4_tags_of_two_runs_have_nothing_in_common() -> None:
    points = GROUP.mask(GROUP.new_secret(), mapped(some_tokens(range(5))))
    bindings = {tag_binding(run_terms(Rung.COUNT, 5, 5, run=run)) for run in range(3)}
    tags = {bytes(tag) for binding in bindings for tag in GROUP.tags(binding, points)}
    assert len(tags) == 15


# C5: one secret, two answers.


def test_c5_a_secret_serves_one_run() -> None:
    secrets = RunSecrets(ECDH[0], Rung.ITEMS, Learn.BOTH, [AlgorithmId.MD5])
    terms = run_terms(Rung.ITEMS, 20, 20)
    assert secrets.take(0) is not None
    with pytest.raises(InputError):
        ECDH[0].party(Role.SENDER, Items(some_tokens(range(20))), terms, Stream(), secrets.take(0))


def test_c5_an_altered_repeat_gets_no_second_proof() -> None:
    """A frame that comes again with other content finds the run past it; equal messages are
    repeated by the session, byte for byte, and never reach the engine twice."""
    ours = some_tokens(range(20))
    peer, _, _ = as_receiver(Rung.ITEMS, 20, ours)
    first = GROUP.mask(peer.secret, mapped(some_tokens(range(20))))
    frame = peer.send_list(first)[0]
    assert peer.tell(frame)[0][1] == Kind.ANSWER
    again = peer.packed(Kind.LIST, 20, 0, Content(first[::-1].copy()))
    assert peer.refused(again) == "psi-out-of-turn"


def test_c5_two_proofs_of_one_statement_do_not_give_the_secret_away() -> None:
    peer, points, _ = as_receiver(Rung.ITEMS, 20, some_tokens(range(20)))
    answers = peer.honest_answers(points)
    proofs = {GROUP.prove(peer.secret, points, answers, b"same") for _ in range(4)}
    assert len({proof[:32] for proof in proofs}) == 4, "the challenge hashes the nonce's points"
