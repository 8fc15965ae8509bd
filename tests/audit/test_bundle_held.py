"""A log that was written anew and signed again, against the heads that others hold of it; and keys
that were replaced. The maker of a bundle writes all of it, also how old it says that it is."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from psihash import errors
from psihash.audit.bundle import CheckpointLine, Kind
from psihash.audit.bundle_verify import VerifiedBundle, verify_bundle
from psihash.audit.checkpoint import open_checkpoint
from psihash.audit.compare import Account, Comparison, Difference, compare
from psihash.audit.event import Event
from psihash.audit.trust import Cosigned, Trust, Witnessed, reached
from tests.audit.bundles import SESSION, Agency, verified

THEN = 1_767_300_000
"""A few hours before :data:`tests.audit.bundles.MADE`."""
LONG_AGO = "2025-01-01T00:00:00.000Z"
ALL = list(range(12))


@pytest.fixture(scope="module")
def be() -> Agency:
    return Agency("be-police")


@pytest.fixture
def nl(be: Agency) -> Agency:
    """Twelve entries, of which be-police cosigned the first 4 and the first 8."""
    agency = Agency("nl-police")
    agency.write(4)
    agency.cosigned_by(be)
    agency.write(4)
    agency.cosigned_by(be)
    agency.write(4)
    agency.sign()
    return agency


def again(agency: Agency, count: int = 12) -> Agency:
    """The same agency, keys and cards; another history from the first entry on."""
    fork = Agency(agency.name, agency.ring, list(agency.cards))
    fork.cards = list(agency.cards)
    fork.write(count, what="another story")
    fork.sign()
    return fork


def note(agency: Agency, size: int) -> Trust:
    """As in a file that is named, or held in a home."""
    return Trust(witnessed=(Witnessed(agency.store.notes[size], THEN),))


def given(agency: Agency, *sizes: int, at: int = THEN) -> Trust:
    """As a home keeps what it cosigned."""
    heads = []
    for size in sizes:
        key = agency.signer.public_key
        head = open_checkpoint(agency.store.notes[size], agency.origin, key)
        heads.append(Cosigned(agency.origin, size, head.root, at + size))
    return Trust(cosigned=tuple(heads))


def dated(agency: Agency, made: str, kind: Kind = Kind.LOG) -> bytes:
    peer = "be-police" if kind is Kind.PEER else None
    session = SESSION if kind is Kind.SESSION else None
    header = replace(agency.header(kind), made=made, peer=peer, session=session)
    every = list(range(len(agency.store.rows)))
    whole = kind is Kind.LOG
    parts = agency.parts() if whole else agency.chosen(every, local=kind is Kind.SESSION)
    return agency.sealed(header, parts)


def code(data: bytes, *trust: Trust) -> str:
    with pytest.raises(errors.VerificationError) as caught:
        verified(data, *trust)
    return caught.value.code


MAKERS: dict[str, Callable[[Agency], bytes]] = {
    "log": lambda agency: agency.whole(),
    "peer": lambda agency: agency.for_peer("be-police", ALL),
    "session": lambda agency: agency.of_session(ALL),
    "since": lambda agency: agency.whole(start=10),
}
HELD: dict[str, Callable[[Agency], Trust]] = {
    "note": lambda agency: note(agency, 8),
    "cosigned": lambda agency: given(agency, 4, 8),
}


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("kind", MAKERS)
def test_a_log_written_anew_is_refused_and_the_true_one_holds(
    nl: Agency, kind: str, held: str
) -> None:
    trust = (nl.trust, HELD[held](nl))
    found = verified(MAKERS[kind](nl), *trust)
    assert found.held.compared >= 1
    assert (found.held.newer, found.held.unproven) == (0, 0)
    # Where the maker lists no head of that size there is nothing to contradict, and nothing shown.
    unproven = "head-unproven" if kind != "log" else "log-forked"
    assert code(MAKERS[kind](again(nl)), *trust) == unproven


@pytest.mark.parametrize("kind", [Kind.PEER, Kind.SESSION])
def test_another_head_of_the_same_size_is_a_fork(nl: Agency, kind: Kind) -> None:
    fork = Agency(nl.name, nl.ring, list(nl.cards))
    fork.cards = list(nl.cards)
    fork.write(8, what="another story")
    fork.sign()
    fork.write(4)
    fork.sign()
    assert code(dated(fork, "2026-02-01T00:00:00.000Z", kind), nl.trust, note(nl, 8)) == (
        "log-forked"
    )


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("kind", list(Kind))
def test_an_early_date_excuses_no_contradiction(nl: Agency, kind: Kind, held: str) -> None:
    assert code(dated(again(nl), LONG_AGO, kind), nl.trust, HELD[held](nl)) in {
        "log-forked",
        "bundle-backdated",
    }
    # Even where all of its entries are dated back too.
    old = Agency(nl.name, nl.ring, list(nl.cards))
    old.cards = list(nl.cards)
    for _ in ALL:
        old.log.append(Event.CONSULTATION, {"session": SESSION}, {}, LONG_AGO)
    old.sign()
    wanted = "log-forked" if kind is Kind.LOG else "head-unproven"
    assert code(dated(old, LONG_AGO, kind), nl.trust, HELD[held](nl)) == wanted


@pytest.mark.parametrize("kind", list(Kind))
def test_a_bundle_is_not_older_than_its_entries(nl: Agency, kind: Kind) -> None:
    assert code(dated(nl, LONG_AGO, kind), nl.trust) == "bundle-backdated"


def test_an_early_date_excuses_an_end_and_it_is_said(nl: Agency) -> None:
    short = again(nl, 3)  # before anything that others hold: nothing can contradict it
    later = given(nl, 4, 8, at=THEN + 90_000)
    found = verified(short.whole(), nl.trust, later)
    assert (found.held.compared, found.held.newer, found.held.newest) == (0, 2, 8)
    # One that was seen before it says that it was made is no excuse.
    assert code(short.whole(), nl.trust, given(nl, 4, 8)) == "checkpoint-rolled-back"
    # Nor is one that a head within it shows to be younger than it says.
    cut = Agency(nl.name, nl.ring, list(nl.cards))
    cut.cards, cut.store.rows = list(nl.cards), nl.store.rows[:4]
    cut.store.notes = {4: nl.store.notes[4]}
    mixed = replace(given(nl, 8, at=THEN + 90_000))
    first = given(nl, 4, at=THEN + 200_000)
    assert verified(cut.whole(), nl.trust, mixed).held.newer == 1
    both = Trust(cosigned=first.cosigned + mixed.cosigned)
    assert code(cut.whole(), nl.trust, both) == "checkpoint-rolled-back"


def test_of_one_holder_the_largest_head_within_reach_is_enough(nl: Agency) -> None:
    parts = [part for part in nl.chosen([1, 9]) if not _of_size(part, 4)]
    data = nl.sealed(nl.header(Kind.PEER, peer="be-police"), parts)
    assert verified(data, nl.trust, given(nl, 4, 8)).held.compared == 1
    # A head that stands alone was proven to lead nowhere.
    assert code(data, nl.trust, note(nl, 4), note(nl, 8)) == "head-unproven"
    told = Trust(witnessed=(Witnessed(nl.store.notes[4], THEN, needed=False),))
    assert verified(data, nl.trust, told).held.unproven == 1


def _of_size(part: object, size: int) -> bool:
    return isinstance(part, CheckpointLine) and part.note.split(b"\n", 2)[1] == b"%d" % size


def test_every_size_that_is_held_is_compared_in_a_whole_log(nl: Agency) -> None:
    """The maker chooses where checkpoints stand; entries between two of them count too."""
    fork = again(nl)
    for size in range(1, 13):
        nl.store.notes.pop(size, None)
    grown = Agency(nl.name, nl.ring, list(nl.cards))
    grown.cards = list(nl.cards)
    for stored in nl.store.rows:
        grown.store.rows.append(stored)
    for size in range(1, 12):
        one = Agency(nl.name, nl.ring, list(nl.cards))
        one.write(size)
        one.sign()
        held = Trust(witnessed=(Witnessed(one.store.notes[size], THEN),))
        assert code(fork.whole(), nl.trust, held) == "log-forked"


def test_a_lied_proof_in_front_of_a_log_from_a_time_on_is_a_fork(nl: Agency) -> None:
    parts = nl.parts(10)
    at = next(n for n, part in enumerate(parts) if _of_size(part, 8))
    part = parts[at]
    assert isinstance(part, CheckpointLine)
    assert part.proof
    lies: list[tuple[bytes, ...]] = [(), part.proof[1:], (bytes(32), *part.proof[1:])]
    for proof in lies:
        changed = [*parts[:at], CheckpointLine(part.note, proof), *parts[at + 1 :]]
        header = nl.header(start=10, since="2026-01-02T00:00:00.000Z")
        assert code(nl.sealed(header, changed), nl.trust) == "log-forked"
    swapped = [parts[1], parts[0], *parts[2:]]
    assert code(nl.sealed(header, swapped), nl.trust) == "bundle-malformed"


# -- keys that were replaced -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
def test_a_replaced_key_closes_no_bundle(nl: Agency, kind: Kind) -> None:
    """Whoever stole it has the log's entries and its cards too."""
    thief = Agency(nl.name, nl.ring)
    nl.rotate()
    thief.cards = list(nl.cards)
    thief.write(12, what="made by a thief")
    thief.sign()
    trust = Trust(cards=(nl.cards[0], nl.cards[-1]))
    made = "2026-01-02T00:00:00.000Z"
    assert code(dated(thief, made, kind), trust) == "key-replaced"
    thief.cards = [nl.cards[0]]  # the newer card is known to who verifies
    assert code(dated(thief, made, kind), trust) == "key-replaced"
    # A bundle of before the change is verified with the card of its time.
    assert verified(dated(thief, made, kind), Trust(cards=(nl.cards[0],))).entries == 12


def test_the_seal_is_by_the_present_key(nl: Agency) -> None:
    old = nl.signer
    nl.rotate()
    nl.write(1)
    nl.sign()
    assert verified(nl.whole(), nl.trust).keys == 2
    assert code(nl.sealed(nl.header(), nl.parts(), old), nl.trust) == "key-replaced"


def test_cards_of_a_partner_lead_forwards_only(be: Agency) -> None:
    agency = Agency("de-bka")
    agency.rotate()
    first, second = agency.cards
    assert reached("de-bka", [first], [second]) == [first, second]
    assert reached("de-bka", [second], [first]) == [second]
    assert reached("de-bka", [], [first, second]) == []
    stranger = Agency("de-bka")
    assert reached("de-bka", [first], [stranger.issue(), be.cards[0]]) == [first]


# -- comparing -------------------------------------------------------------------------------------


def teller(name: str, events: list[tuple[Event, str, str]]) -> Agency:
    agency = Agency(name)
    for event, session, time in events:
        shared = {"session": session, "initiator": "nl-police", "responder": "be-police"}
        agency.log.append(event, shared | {"what": event.value}, {}, time)
    agency.sign()
    return agency


def account(agency: Agency, peer: str, made: str, *trust: Trust) -> tuple[VerifiedBundle, Account]:
    told = Account()
    header = replace(agency.header(Kind.PEER, peer=peer), made=made)
    data = agency.sealed(header, agency.chosen(list(range(len(agency.store.rows)))))
    known = Trust((agency.cards[0],), cosigned=tuple(c for each in trust for c in each.cosigned))
    return verify_bundle(io.BytesIO(data), known, told.see), told


OPENED, CLOSED = "2026-01-02T00:00:00.000Z", "2026-01-02T00:05:00.000Z"
SOON, LATER = "2026-01-02T00:10:00.000Z", "2026-11-22T00:00:00.000Z"


def test_a_date_does_not_hide_that_a_session_never_ended() -> None:
    """Theirs has no end of it, and younger entries."""
    other = "cd" * 32
    both = (Event.SESSION_OPEN, other, LATER)
    first = (Event.SESSION_OPEN, SESSION, OPENED)
    ours = teller("nl-police", [first, (Event.SESSION_CLOSE, SESSION, CLOSED), both])
    theirs = teller("be-police", [first, both])
    mine = account(ours, "be-police", LATER)
    assert isinstance(compare(mine, account(theirs, "nl-police", LATER)), Difference)
    with pytest.raises(errors.VerificationError, match="made"):
        account(theirs, "nl-police", SOON)


def test_a_head_that_is_held_tells_how_old_a_bundle_is() -> None:
    first = (Event.SESSION_OPEN, SESSION, OPENED)
    ours = teller("nl-police", [first, (Event.SESSION_CLOSE, SESSION, CLOSED)])
    theirs = teller("be-police", [first])
    mine = account(ours, "be-police", LATER)
    assert isinstance(compare(mine, account(theirs, "nl-police", SOON)), Comparison)
    seen = int(dt.datetime.fromisoformat(LATER).timestamp())
    held = account(theirs, "nl-police", SOON, given(theirs, 1, at=seen))
    assert isinstance(compare(mine, held), Difference)
