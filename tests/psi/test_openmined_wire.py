"""``openmined-p256/1`` against a second implementation that knows only the documentation."""

from __future__ import annotations

import secrets

import pytest

from psihash.psi.encoding import Bytes2D
from psihash.psi.engine import Items, Outcome, Party
from psihash.psi.engines import openmined_library
from psihash.psi.engines.openmined import OpenminedEngine
from psihash.terms import Role, Rung
from tests.psi import reference_p256 as ref
from tests.psi.parties import CONTEXT_ID, Stream, common_rows, run_terms, some_tokens

pytestmark = pytest.mark.skipif(
    openmined_library.available() is not None, reason=str(openmined_library.available())
)

OURS, THEIRS = some_tokens(range(7)), some_tokens(range(4, 9))
RUNGS = [Rung.COUNT, Rung.ITEMS]


def party(role: Role, rung: Rung) -> Party:
    terms = run_terms(rung, len(OURS), len(THEIRS), run=5)
    return OpenminedEngine().party(role, Items(OURS), terms, Stream())


def masked(key: int, tokens: Bytes2D) -> dict[bytes, int]:
    """Each row as a point under the key, with its row number."""
    return {
        ref.encode(
            ref.multiply(key, ref.hash_to_curve(ref.element("session", CONTEXT_ID, 5, bytes(row))))
        ): index
        for index, row in enumerate(tokens)
    }


def times(key: int, points: list[bytes]) -> list[bytes]:
    return [ref.encode(ref.multiply(key, ref.decode(point))) for point in points]


@pytest.mark.parametrize("rung", RUNGS)
def test_our_sender_serves_a_foreign_receiver(rung: Rung) -> None:
    ours = party(Role.SENDER, rung)
    wire = ref.Wire("session", CONTEXT_ID, 5, rung, len(OURS), len(THEIRS))
    setup = wire.points(ref.SETUP, list(ours.start()))
    assert setup == sorted(setup)
    key = secrets.randbelow(ref.N - 1) + 1
    rows = masked(key, THEIRS)
    request = sorted(rows)
    answers: list[bytes] = []
    for frame in wire.frames(ref.REQUEST, request):
        answers += ours.receive(frame)
    response = wire.points(ref.RESPONSE, answers)
    opened = times(pow(key, -1, ref.N), response)
    expected = common_rows(THEIRS, OURS)
    assert sum(point in setup for point in opened) == len(expected)
    if rung is Rung.ITEMS:
        hits = [rows[asked] for asked, point in zip(request, opened, strict=True) if point in setup]
        assert sorted(hits) == expected
    else:
        assert response == sorted(response)
    assert ours.outcome == Outcome()


@pytest.mark.parametrize("rung", RUNGS)
def test_our_receiver_learns_from_a_foreign_sender(rung: Rung) -> None:
    ours = party(Role.RECEIVER, rung)
    wire = ref.Wire("session", CONTEXT_ID, 5, rung, len(THEIRS), len(OURS))
    assert list(ours.start()) == [], "nothing leaves before the setup is here"
    key = secrets.randbelow(ref.N - 1) + 1
    answers: list[bytes] = []
    for frame in wire.frames(ref.SETUP, sorted(masked(key, THEIRS))):
        answers += ours.receive(frame)
    request = wire.points(ref.REQUEST, answers)
    assert request == sorted(request)
    response = times(key, request)
    if rung is Rung.COUNT:
        response.sort()
    for frame in wire.frames(ref.RESPONSE, response):
        assert list(ours.receive(frame)) == []
    expected = common_rows(OURS, THEIRS)
    assert ours.outcome is not None
    assert ours.outcome.count == len(expected)
    if rung is Rung.ITEMS:
        assert ours.outcome.positions is not None
        assert ours.outcome.positions.tolist() == expected


@pytest.mark.parametrize("last_byte", [0, 1, 255])
def test_the_library_hashes_to_the_curve_as_documented(last_byte: int) -> None:
    from private_set_intersection.python import _openmined_psi

    one = (1).to_bytes(32, "big")
    client = _openmined_psi.cpp_client.CreateFromKey(one, False)
    for first_byte in range(20):
        element = bytes([first_byte]) * 31 + bytes([last_byte])
        message = client.CreateRequest([element]).save()
        assert message[2:] == ref.encode(ref.hash_to_curve(element))


def test_the_vectors_of_the_documentation() -> None:
    token = bytes.fromhex("f2316ed79f49759faaa4f7a5dfd619fa95f6c05e95b5a80a640b0919cd603528")
    element = ref.element("session", bytes(range(32)), 0, token)
    assert ref.encode(ref.hash_to_curve(element)).hex() == HASHED
    key = 0x0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20
    assert ref.encode(ref.multiply(key, ref.hash_to_curve(element))).hex() == MASKED
    wire = ref.Wire("session", bytes(range(32)), 0, "count", 64, 76)
    assert wire.running.hex() == FIRST_RUNNING_HASH


HASHED = "02a146d30395d165e4fc4612029175b826d5ba0de98bf6772f65ef6ecc7166729e"
MASKED = "0217090dea053998b433ec0ac023ef03927982f55f24daf775d1b9339a521e8627"
FIRST_RUNNING_HASH = "830b6bf87316d6b1a4509b3e129e87906618621ccc082ae0256781bef967c663"


@pytest.mark.usefixtures("small_frames")
def test_at_count_the_whole_response_is_in_an_order_of_its_own() -> None:
    """Ascending over all frames: a function of the set of answers, not of the request."""
    n = 40
    terms = run_terms(Rung.COUNT, n, n)
    a = OpenminedEngine().party(Role.SENDER, Items(some_tokens(range(n))), terms, Stream())
    b = OpenminedEngine().party(Role.RECEIVER, Items(some_tokens(range(n))), terms, Stream())
    setup = list(a.start())
    list(b.start())
    request = [frame for sent in setup for frame in b.receive(sent)]
    *before, last = request
    assert [list(a.receive(frame)) for frame in before] == [[]] * len(before), "none before the end"
    response = list(a.receive(last))
    assert len(setup) == len(request) == len(response) == 5
    for frames in (setup, request, response):
        points = [f[i : i + 33] for f in frames for i in range(11, len(f) - 32, 33)]
        assert points == sorted(set(points))
        assert len(points) == n


def test_the_order_of_a_request_is_drawn_afresh_in_every_run() -> None:
    """With one list in storage order, its rows leave in unrelated orders."""
    n = 200
    orders = []
    for _ in range(2):
        terms = run_terms(Rung.ITEMS, n, 0)
        side = OpenminedEngine().party(
            Role.RECEIVER, Items(some_tokens(range(n))), terms, Stream(b"the same")
        )
        list(side.start())
        orders.append(side._rows.tolist())  # type: ignore[attr-defined]
    assert all(sorted(order) == list(range(n)) for order in orders)
    agreeing = sum(x == y for x, y in zip(*orders, strict=True))
    in_place = sum(x == y for order in orders for x, y in enumerate(order))
    # One on average each; more than 12 once in 10^10.
    assert agreeing < 13
    assert in_place < 16
