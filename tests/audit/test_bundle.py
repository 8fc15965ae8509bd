"""Bundles: what holds, and by which name everything else is refused."""

from __future__ import annotations

import base64
import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.audit.bundle import CheckpointLine, EntryLine, Kind, line
from psihash.audit.bundle_verify import VerifiedBundle
from psihash.audit.checkpoint import sign_checkpoint
from psihash.audit.cosignature import Cosigner, attach, cosign, cosigner_name
from psihash.audit.entry import StoredEntry, build_entry
from psihash.audit.event import Event
from psihash.audit.merkle import Frontier, leaf_hash
from psihash.audit.note import encode_verifier_key
from psihash.audit.trust import Trust, Witnessed, read_anchor
from psihash.audit.verify import LogFault
from psihash.identity.cards import Card
from tests.audit.bench import CountingRng
from tests.audit.bundles import MADE, SESSION, Agency, KeySigner, Part, verified


@pytest.fixture(scope="module")
def be() -> Agency:
    return Agency("be-police")


@pytest.fixture
def nl(be: Agency) -> Agency:
    """Ten entries; checkpoints at 4, 7 (cosigned) and 9."""
    agency = Agency("nl-police")
    agency.write(4)
    agency.sign()
    agency.write(3)
    agency.cosigned_by(be)
    agency.write(2)
    agency.sign()
    agency.write(1)
    return agency


def code(data: bytes, *trust: Trust) -> str:
    with pytest.raises(errors.VerificationError) as caught:
        verified(data, *trust)
    return caught.value.code


# -- what holds ------------------------------------------------------------------------------------


def test_a_whole_log_holds_and_says_what_was_checked(nl: Agency, be: Agency) -> None:
    found = verified(nl.whole(), nl.trust, Trust(cards=(be.cards[0],)))
    assert (found.size, found.entries, found.checkpoints, found.unsigned) == (9, 10, 3, 1)
    assert [(each.name, each.size) for each in found.cosigned] == [(cosigner_name("be-police"), 7)]
    assert found.unknown_cosigners == ()
    assert (found.erased_local, found.erased_shared) == (0, 0)


def test_without_the_cosigners_card_its_line_counts_as_unknown(nl: Agency) -> None:
    found = verified(nl.whole(), nl.trust)
    assert (found.cosigned, found.unknown_cosigners) == ((), (cosigner_name("be-police"),))


def test_a_key_is_enough_to_trust(nl: Agency, be: Agency) -> None:
    texts = [
        encode_verifier_key(nl.origin, nl.cards[0].keys.log),
        encode_verifier_key(cosigner_name("be-police"), be.cards[0].keys.cosigning, 4),
    ]
    found = verified(nl.whole(), *(read_anchor(text.encode()) for text in texts))
    assert len(found.cosigned) == 1


def test_erased_parts_are_counted(nl: Agency) -> None:
    nl.store.rows[2] = nl.store.rows[2].withhold(local=True, shared=True)
    nl.store.rows[5] = nl.store.rows[5].withhold(local=True)
    found = verified(nl.whole(), nl.trust)
    assert (found.erased_local, found.erased_shared) == (2, 1)


@pytest.mark.parametrize("start", range(1, 10))
def test_a_log_from_an_entry_on_holds(nl: Agency, start: int) -> None:
    found = verified(nl.whole(start), nl.trust)
    assert (found.size, found.entries, found.header.start) == (9, 10 - start, start)


def test_chosen_entries_hold(nl: Agency) -> None:
    nl.sign()
    peer = verified(nl.for_peer("be-police", [1, 5, 9]), nl.trust)
    assert (peer.size, peer.entries, peer.checkpoints, peer.erased_local) == (10, 3, 4, 3)
    session = verified(nl.of_session([0, 9]), nl.trust)
    assert (session.entries, session.erased_local) == (2, 0)


def test_a_log_of_one_entry_holds(be: Agency) -> None:
    one = Agency("de-police")
    one.write(1)
    one.sign()
    assert verified(one.whole(), one.trust).size == 1
    assert verified(one.for_peer("be-police", [0]), one.trust).entries == 1


# -- keys and cards --------------------------------------------------------------------------------


@pytest.mark.parametrize("signing", [True, False])
@pytest.mark.parametrize("known", [0, 1, 2])
def test_a_changed_key_is_followed_from_the_card_that_is_trusted(
    nl: Agency, signing: bool, known: int
) -> None:
    nl.rotate(signing=signing)
    nl.write(2)
    nl.sign()
    nl.rotate(signing=signing)
    nl.write(2)
    nl.sign()
    trust = Trust(cards=(nl.cards[known],))
    if signing and known:
        # Past a change of the signing key nothing leads back.
        assert code(nl.whole(), trust) == "key-history-forged"
        return
    found = verified(nl.whole(), trust)
    assert (found.keys, found.size) == (3, 14)


def test_a_log_without_a_trusted_card_or_key_is_refused(nl: Agency, be: Agency) -> None:
    assert code(nl.whole(), Trust()) == "bundle-not-trusted"
    assert code(nl.whole(), be.trust) == "bundle-not-trusted"


def test_a_forged_key_history_is_refused(nl: Agency) -> None:
    """A second history under a key of one's own, with cards that lead to it."""
    forger = Agency("nl-police")
    forger.write(10, what="forged")
    forger.sign()
    assert code(forger.whole(), nl.trust) == "key-history-forged"
    forger.cards = [nl.cards[0], forger.issue()]
    assert code(forger.whole(), nl.trust) == "key-history-forged"
    forger.cards = [nl.cards[0]]
    assert code(forger.whole(), nl.trust) == "checkpoint-forged"
    key = read_anchor(encode_verifier_key(nl.origin, nl.cards[0].keys.log).encode())
    assert code(forger.whole(), key) == "checkpoint-forged"


def test_a_former_key_signs_nothing_new(nl: Agency) -> None:
    old = nl.signer
    nl.rotate()
    nl.write(1)
    nl.sign()
    nl.write(1)
    frontier = Frontier()
    frontier.extend(b"".join(row.leaf_hash for row in nl.store.rows))
    nl.store.notes[frontier.size] = sign_checkpoint(nl.origin, frontier.size, frontier.root(), old)
    assert code(nl.whole(), nl.trust) == "key-history-forged"


@pytest.mark.parametrize("order", [[1, 0], [0, 0], [0, 1, 1]])
def test_cards_out_of_order_are_refused(nl: Agency, order: list[int]) -> None:
    nl.rotate()
    nl.cards = [nl.cards[number] for number in order]
    assert code(nl.whole(), Trust(cards=(nl.cards[0],))) in {
        "key-history-forged",
        "checkpoint-forged",
    }


def test_a_card_of_another_agency_is_refused(nl: Agency) -> None:
    foreign: Card = Agency("de-police").issue()
    nl.cards = [nl.cards[0], foreign]
    assert code(nl.whole(), nl.trust) == "key-history-forged"


# -- the log itself --------------------------------------------------------------------------------


def resealed(agency: Agency, change: Any) -> bytes:
    """What the agency itself can do: change the parts and seal them again."""
    parts = agency.parts()
    return agency.sealed(agency.header(), change(parts) or parts)


def entries(parts: list[Part]) -> list[int]:
    return [at for at, part in enumerate(parts) if isinstance(part, EntryLine)]


def test_a_removed_entry_is_found_each_time(nl: Agency) -> None:
    for at in entries(nl.parts())[:-1]:
        found = code(resealed(nl, lambda parts, at=at: parts.pop(at) and None), nl.trust)
        assert found == "entry-missing"
    # The last one had no signature yet: only the seal of the file vouches for it.
    assert verified(resealed(nl, lambda parts: parts.pop() and None), nl.trust).entries == 9


def test_two_swapped_entries_are_found_each_time(nl: Agency) -> None:
    places = entries(nl.parts())
    for one, other in itertools.pairwise(places):

        def swap(parts: list[Part], one: int = one, other: int = other) -> None:
            parts[one], parts[other] = parts[other], parts[one]

        assert code(resealed(nl, swap), nl.trust) == "entry-reordered"


def test_an_entry_that_stands_twice_is_found(nl: Agency) -> None:
    for at in entries(nl.parts()):
        found = code(resealed(nl, lambda parts, at=at: parts.insert(at, parts[at])), nl.trust)
        assert found == "entry-reordered"


def test_an_inserted_entry_is_found(nl: Agency) -> None:
    new = build_entry(nl.origin, 3, MADE, Event.EXPORT, None, {}, CountingRng())
    for at in entries(nl.parts()):
        found = code(resealed(nl, lambda p, at=at: p.insert(at, EntryLine(new, None))), nl.trust)
        assert found in {"entry-changed", "entry-missing", "entry-reordered"}


def rewritten(stored: StoredEntry) -> StoredEntry:
    header = stored.header.replace(b'"event":"session-open"', b'"event":"config-change"')
    return replace(stored, header=header, leaf_hash=leaf_hash(header))


def test_a_careful_forger_is_found_by_the_root(nl: Agency) -> None:
    """Header and hashes fit; only what was signed does not."""
    for number, at in enumerate(entries(nl.parts())[:-1]):

        def forge(parts: list[Part], at: int = at) -> None:
            part = parts[at]
            assert isinstance(part, EntryLine)
            parts[at] = EntryLine(rewritten(part.stored), None)

        with pytest.raises(LogFault) as caught:
            verified(resealed(nl, forge), nl.trust)
        assert caught.value.code == "entry-changed"
        assert caught.value.index <= number < caught.value.end


def test_a_log_cut_behind_a_checkpoint_is_found(nl: Agency) -> None:
    parts = nl.parts()
    newest = max(at for at, part in enumerate(parts) if isinstance(part, CheckpointLine))
    cut = [*parts[: newest - 3], parts[newest]]
    assert code(nl.sealed(nl.header(), cut), nl.trust) == "log-truncated"


def test_a_re_signed_fork_is_found_against_what_others_hold(nl: Agency) -> None:
    """The key's owner writes the history anew: nothing inside contradicts it."""
    held = nl.store.notes[7]
    fork = Agency("nl-police", nl.ring, list(nl.cards))
    fork.ca = nl.ca
    fork.cards = list(nl.cards)
    fork.write(10, what="another")
    fork.sign()
    assert verified(fork.whole(), nl.trust).size == 10
    assert code(fork.whole(), nl.trust, Trust(witnessed=(Witnessed(held),))) == "log-forked"


def test_a_fork_inside_one_bundle_is_found(nl: Agency) -> None:
    fork = Agency("nl-police", nl.ring, list(nl.cards))
    fork.cards = list(nl.cards)
    fork.write(7, what="another")
    fork.sign()
    parts = nl.parts()
    at = next(n for n, part in enumerate(parts) if isinstance(part, CheckpointLine) and n > 6)
    parts[at] = CheckpointLine(fork.store.notes[7], None)
    assert code(nl.sealed(nl.header(), parts), nl.trust) == "log-forked"


def test_a_rolled_back_log_is_found_against_what_others_hold(nl: Agency) -> None:
    newest = nl.store.notes[9]
    old = Agency("nl-police", nl.ring, list(nl.cards))
    old.cards = list(nl.cards)
    old.store.rows, old.store.notes = (
        nl.store.rows[:7],
        {4: nl.store.notes[4], 7: nl.store.notes[7]},
    )
    bundle = old.whole()
    assert verified(bundle, nl.trust).size == 7
    assert code(bundle, nl.trust, Trust(witnessed=(Witnessed(newest),))) == "checkpoint-rolled-back"
    # One that was first seen after the bundle was made contradicts nothing.
    later = Trust(witnessed=(Witnessed(newest, 4_000_000_000),))
    assert verified(bundle, nl.trust, later).held.newer == 1


def test_what_others_hold_and_agrees_is_counted(nl: Agency) -> None:
    held = Trust(witnessed=(Witnessed(nl.store.notes[4]), Witnessed(nl.store.notes[9])))
    assert verified(nl.whole(), nl.trust, held).held.compared == 2


def test_a_log_without_checkpoint_is_refused(nl: Agency) -> None:
    parts: list[Part] = [part for part in nl.parts() if isinstance(part, EntryLine)]
    assert code(nl.sealed(nl.header(), parts), nl.trust) == "checkpoint-missing"


# -- what a lying maker of bundles can try --------------------------------------------------------


def test_an_entry_with_another_proof_is_found(nl: Agency) -> None:
    nl.sign()
    parts = nl.chosen([1, 5])
    for at in entries(parts):
        part = parts[at]
        assert isinstance(part, EntryLine)
        proof = part.proof or ()
        lies = [proof[1:], (*proof, bytes(32)), (bytes(32), *proof[1:]), proof[::-1]]
        for lie in lies:
            changed = [*parts[:at], EntryLine(part.stored, lie), *parts[at + 1 :]]
            bundle = nl.sealed(nl.header(Kind.PEER, peer="be-police"), changed)
            assert code(bundle, nl.trust) == "entry-changed"


def test_an_earlier_head_with_another_proof_is_a_fork(nl: Agency) -> None:
    nl.sign()
    parts = nl.chosen([1])
    for at, part in enumerate(parts):
        if isinstance(part, CheckpointLine) and part.proof:
            lie = CheckpointLine(part.note, (bytes(32), *part.proof[1:]))
            bundle = nl.sealed(
                nl.header(Kind.PEER, peer="be-police"), [*parts[:at], lie, *parts[at + 1 :]]
            )
            assert code(bundle, nl.trust) == "log-forked"


def test_entries_out_of_order_or_twice_are_found(nl: Agency) -> None:
    nl.sign()
    head = nl.header(Kind.PEER, peer="be-police")
    for seqs in ([5, 1], [1, 1]):
        assert code(nl.sealed(head, nl.chosen(seqs)), nl.trust) == "entry-reordered"


def test_a_local_part_is_not_shown_to_a_peer(nl: Agency) -> None:
    nl.sign()
    head = nl.header(Kind.PEER, peer="be-police")
    assert code(nl.sealed(head, nl.chosen([1], local=True)), nl.trust) == "bundle-malformed"


def test_an_entry_of_another_session_is_found(nl: Agency) -> None:
    nl.sign()
    assert code(nl.of_session([1], "cd" * 32), nl.trust) == "bundle-malformed"


def test_a_bad_cosignature_by_a_known_cosigner_is_found(nl: Agency, be: Agency) -> None:
    other = Agency("nl-police", nl.ring, list(nl.cards))
    other.cards = list(nl.cards)
    other.write(7, what="another")
    other.cosigned_by(be)
    nl.lines[7] = other.lines[7]
    known = Trust(cards=(be.cards[0],))
    assert code(nl.whole(), nl.trust, known) == "checkpoint-forged"
    assert verified(nl.whole(), nl.trust).unknown_cosigners


def test_an_agency_does_not_vouch_for_itself(nl: Agency) -> None:
    size = nl.sign()
    note = nl.store.notes[size]
    from psihash.audit.checkpoint import open_checkpoint

    head = open_checkpoint(note, nl.origin, nl.signer.public_key)
    line_ = cosign(head, cosigner_name("nl-police"), KeySigner(nl.ring.cosigning), 5).line
    nl.store.notes[size] = attach(note, [line_])
    assert verified(nl.whole(), nl.trust).cosigned == ()


def test_only_the_check_makes_one(nl: Agency) -> None:
    found = verified(nl.whole(), nl.trust)
    with pytest.raises(TypeError):
        VerifiedBundle(**{n: getattr(found, n) for n in found.__slots__ if n != "_seal"}, _seal=1)


# -- the file --------------------------------------------------------------------------------------

CAUSES = {
    "bundle-malformed",
    "bundle-changed",
    "bundle-truncated",
    "bundle-not-trusted",
    "key-history-forged",
    "checkpoint-forged",
    "entry-changed",
    "entry-missing",
    "entry-reordered",
    "entry-backdated",
    "log-forked",
    "log-truncated",
}


MALFORMED = {"bundle-malformed", "bundle-truncated"}
CHANGED = {"bundle-changed"}
RIGHT_CAUSE = {
    "origin": {"bundle-not-trusted"},
    "card": {"key-history-forged"},
    "start": {"entry-changed"},
    "entry": {"entry-changed", "entry-missing", "entry-reordered", "entry-backdated"},
    "checkpoint": {"checkpoint-forged", "bundle-changed", "log-forked", "entry-changed"},
    "seal": {"bundle-changed"},
}
"""What a change in a line of each kind may be called, if it is still a line. A name in a signature
line by nobody that is known is for the seal to vouch for."""


@pytest.mark.parametrize("kind", ["log", "since", "late", "peer", "session"])
def test_every_changed_byte_of_a_small_bundle_is_found(be: Agency, kind: str) -> None:
    """Exhaustive: each byte once, by a bit that differs from place to place."""
    nl = Agency("nl-police")
    nl.write(2)
    nl.cosigned_by(be)
    nl.write(1)
    nl.sign()
    makers: dict[str, Callable[[], bytes]] = {
        "log": nl.whole,
        "since": lambda: nl.whole(1),
        "late": lambda: nl.whole(3),  # with a head of before its start
        "peer": lambda: nl.for_peer("be-police", [0, 2]),
        "session": lambda: nl.of_session([0, 2]),
    }
    data = makers[kind]()
    trust = (nl.trust, Trust(cards=(be.cards[0],)))
    verified(data, *trust)
    at = 0
    for text in data.splitlines(keepends=True):
        word = text.split(b" ")[0].strip().decode()
        # The long card is parsed alike in every kind: whole in one, a sample in the others.
        step = 1 if word != "card" or kind == "log" else 7
        for place in range(at, at + len(text), step):
            changed = data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
            assert code(changed, *trust) in MALFORMED | RIGHT_CAUSE.get(word, CHANGED), text
        at += len(text)


def test_every_truncation_of_a_small_bundle_is_found(be: Agency) -> None:
    nl = Agency("nl-police")
    nl.write(2)
    nl.sign()
    data = nl.whole()
    for length in range(len(data)):
        assert code(data[:length], nl.trust) in CAUSES


def test_lines_added_removed_and_swapped_are_found(nl: Agency) -> None:
    lines = nl.whole().splitlines(keepends=True)
    for at in range(len(lines)):
        for changed in (
            [*lines[:at], *lines[at + 1 :]],
            [*lines[:at], lines[at], *lines[at:]],
            [*lines[:at], *lines[at : at + 2][::-1], *lines[at + 2 :]],
            [*lines[:at], b"\n", *lines[at:]],
        ):
            data = b"".join(changed)
            if changed != lines:
                assert code(data, nl.trust) in CAUSES


def test_a_seal_by_another_key_or_of_another_bundle_is_found(nl: Agency, be: Agency) -> None:
    parts = nl.parts()
    assert code(nl.sealed(nl.header(), parts, be.signer), nl.trust) == "bundle-changed"
    whole, short = nl.whole(), nl.sealed(nl.header(), parts[:-1])
    crossed = short.rsplit(b"seal ", 1)[0] + b"seal " + whole.rsplit(b"seal ", 1)[1]
    assert code(crossed, nl.trust) == "bundle-changed"


LINES = {
    "long": b"x" * (600 * 1024) + b"\n",
    "not-ascii": "ä\n".encode(),
    "unknown": b"surprise 1\n",
    "entry-short": b"entry - -\n",
    "base64-padding": b"checkpoint QQ -\n",
    "base64-stray": b"checkpoint QR== -\n",
    "proof-odd": line("checkpoint", b"x", b"y" * 33),
    "document-name": b"document ../x QQ==\n",
    "document-in-log": line("document", "a", b"x"),
    "huge-number": b"seal 99999999999999999999 QQ==\n",
}


@pytest.mark.parametrize("bad", LINES.values(), ids=LINES.keys())
def test_malformed_lines_are_refused(nl: Agency, bad: bytes) -> None:
    data = nl.whole()
    at = data.index(b"\nentry ") + 1
    assert code(data[:at] + bad + data[at:], nl.trust) in {"bundle-malformed", "bundle-changed"}


@given(st.binary(max_size=400))
def test_hostile_bytes_are_refused(data: bytes) -> None:
    for text in (data, b"psihash-bundle/1\n" + data, b"psihash-bundle/1\nkind log\n" + data):
        assert code(text, Trust()) in CAUSES


def test_anchors_are_cards_or_keys(nl: Agency, be: Agency) -> None:
    key = encode_verifier_key(nl.origin, nl.cards[0].keys.log)
    assert read_anchor(key.encode()).log_keys == ((nl.origin, nl.cards[0].keys.log),)
    cosigner = encode_verifier_key("w", be.cards[0].keys.cosigning, 4)
    assert read_anchor(cosigner.encode()).cosigners == (Cosigner("w", be.cards[0].keys.cosigning),)
    assert read_anchor(nl.cards[0].encoded).cards == (nl.cards[0],)
    forged = replace(nl.cards[0], name="Other").encoded
    for bad in (b"", b"x", b"{}", key.encode()[:-2], forged, base64.b64encode(b"x" * 33)):
        with pytest.raises(errors.InputError, match="neither"):
            read_anchor(bad)


def test_a_sample_of_bytes_and_lines_of_a_larger_bundle(be: Agency) -> None:
    nl = Agency("nl-police")
    for _ in range(20):
        nl.write(20)
        nl.cosigned_by(be)
    data, rng = nl.whole(), random.Random(7)
    trust = (nl.trust, Trust(cards=(be.cards[0],)))
    assert verified(data, *trust).entries == 400
    lines = data.splitlines(keepends=True)
    for _ in range(60):
        at = rng.randrange(len(data))
        assert code(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :], *trust)
        one, other = sorted(rng.sample(range(9, len(lines)), 2))
        swapped = [
            *lines[:one],
            lines[other],
            *lines[one + 1 : other],
            lines[one],
            *lines[other + 1 :],
        ]
        assert code(b"".join(swapped), *trust) in CAUSES
        assert code(b"".join([*lines[:one], *lines[other:]]), *trust) in CAUSES


def test_no_session_id_of_another_form(nl: Agency) -> None:
    nl.sign()
    good = nl.of_session([1])
    assert code(good.replace(SESSION.encode(), SESSION.upper().encode()), nl.trust) in CAUSES
