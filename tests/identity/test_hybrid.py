"""The hello's key exchange and the frames' channel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.identity import hybrid
from psihash.identity.hybrid import EphemeralExchange, SecureChannel
from psihash.terms import SessionRole

SESSION = b"s" * 32
INITIATOR, RESPONDER = SessionRole.INITIATOR, SessionRole.RESPONDER


def pair(session: bytes = SESSION) -> tuple[SecureChannel, SecureChannel]:
    secret = bytes(range(32))
    return SecureChannel(secret, session, INITIATOR), SecureChannel(secret, session, RESPONDER)


def test_both_sides_get_one_fresh_secret() -> None:
    secrets = set()
    for _ in range(3):
        exchange = EphemeralExchange()
        message = exchange.start()
        assert message == exchange.start()
        assert len(message) == 32 + 1184
        reply, theirs = EphemeralExchange.respond(message)
        assert len(reply) == 32 + 1088
        assert exchange.finish(reply) == theirs
        assert len(theirs) == 32
        secrets.add(theirs)
    assert len(secrets) == 3


@pytest.mark.parametrize("position", [0, 31, 32, 700, 1119])
def test_any_change_of_the_reply_gives_another_secret(position: int) -> None:
    exchange = EphemeralExchange()
    reply, theirs = EphemeralExchange.respond(exchange.start())
    changed = bytearray(reply)
    changed[position] ^= 1
    assert exchange.finish(bytes(changed)) != theirs


@pytest.mark.parametrize("bit", [0x01, 0x80])
def test_a_change_of_the_first_message_gives_another_secret(bit: int) -> None:
    """The unused top bit of an X25519 key does not alter the product; the transcript does."""
    exchange = EphemeralExchange()
    changed = bytearray(exchange.start())
    changed[31] ^= bit
    reply, theirs = EphemeralExchange.respond(bytes(changed))
    assert exchange.finish(reply) != theirs


def test_an_exchange_is_finished_once() -> None:
    exchange = EphemeralExchange()
    reply, _ = EphemeralExchange.respond(exchange.start())
    exchange.finish(reply)
    with pytest.raises(errors.StateError):
        exchange.finish(reply)


def test_a_refused_reply_leaves_the_exchange_usable() -> None:
    exchange = EphemeralExchange()
    reply, theirs = EphemeralExchange.respond(exchange.start())
    with pytest.raises(errors.ProtocolError):
        exchange.finish(reply[:-1])
    assert exchange.finish(reply) == theirs


LOW_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
]


@pytest.mark.parametrize("point", LOW_ORDER)
def test_x25519_keys_of_small_order_are_refused(point: str) -> None:
    exchange = EphemeralExchange()
    message = bytes.fromhex(point) + exchange.start()[32:]
    with pytest.raises(errors.ProtocolError) as caught:
        EphemeralExchange.respond(message)
    assert caught.value.code == "bad-key-exchange"
    reply, _ = EphemeralExchange.respond(exchange.start())
    with pytest.raises(errors.ProtocolError):
        exchange.finish(bytes.fromhex(point) + reply[32:])


def test_an_mlkem_key_with_numbers_out_of_range_is_refused() -> None:
    """FIPS 203 section 7.2: the modulus check."""
    message = EphemeralExchange().start()
    with pytest.raises(errors.ProtocolError):
        EphemeralExchange.respond(message[:32] + b"\xff" * 1184)


@given(st.binary(max_size=80), st.integers(0, 1400))
def test_hostile_messages_are_refused_cleanly(noise: bytes, cut: int) -> None:
    exchange = EphemeralExchange()
    message = noise + exchange.start()[:cut]
    if len(message) == hybrid.START_BYTES:
        return
    with pytest.raises(errors.ProtocolError):
        EphemeralExchange.respond(message)
    with pytest.raises(errors.ProtocolError):
        exchange.finish(message[: hybrid.REPLY_BYTES - 1])


@given(st.binary(max_size=300), st.integers(0, 2**63 - 1))
def test_frames_arrive(content: bytes, seq: int) -> None:
    ours, theirs = pair()
    sealed = ours.seal(seq, content)
    assert len(sealed) == len(content) + hybrid.TAG_BYTES
    assert theirs.open(seq, sealed) == content
    assert ours.seal(seq, content) == sealed


def test_a_frame_number_never_covers_two_frames() -> None:
    ours, _ = pair()
    ours.seal(0, b"one")
    with pytest.raises(errors.StateError) as caught:
        ours.seal(0, b"two")
    assert caught.value.code == "frame-reused"


def test_directions_and_numbers_have_their_own_keystream() -> None:
    ours, theirs = pair()
    frames = [ours.seal(0, bytes(32)), ours.seal(1, bytes(32)), theirs.seal(0, bytes(32))]
    assert len(set(frames)) == 3


def test_frames_open_only_in_their_place() -> None:
    ours, theirs = pair()
    sealed = ours.seal(3, b"content")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    other_session = pair(b"t" * 32)[1]
    other_secret = SecureChannel(bytes(32), SESSION, RESPONDER)
    attempts = [
        (theirs, 4, sealed),
        (theirs, 3, changed),
        (theirs, 3, sealed[:-1]),
        (theirs, 3, b""),
        (theirs, 3, sealed + b"\0"),
        (ours, 3, sealed),
        (other_session, 3, sealed),
        (other_secret, 3, sealed),
    ]
    for channel, seq, data in attempts:
        with pytest.raises(errors.VerificationError) as caught:
            channel.open(seq, data)
        assert caught.value.code == "frame-broken"
    assert theirs.open(3, sealed) == b"content"


@pytest.mark.parametrize("seq", [-1, 2**63, 2**64])
def test_frame_numbers_have_a_range(seq: int) -> None:
    ours, theirs = pair()
    with pytest.raises(errors.ProtocolError):
        ours.seal(seq, b"")
    with pytest.raises(errors.ProtocolError):
        theirs.open(seq, bytes(16))


def test_a_secret_has_32_bytes() -> None:
    with pytest.raises(errors.ProtocolError):
        SecureChannel(b"short", SESSION, INITIATOR)
