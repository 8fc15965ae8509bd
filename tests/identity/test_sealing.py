"""Envelopes open with their key and in their place only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.identity.sealing import OVERHEAD_BYTES, derive, new_key, open_sealed, seal

KEY = bytes(range(32))


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_round_trip(content: bytes, context: bytes) -> None:
    envelope = seal(KEY, content, context)
    assert len(envelope) == len(content) + OVERHEAD_BYTES
    assert open_sealed(KEY, envelope, context) == content
    assert seal(KEY, content, context) != envelope


@given(st.data())
def test_every_changed_byte_is_found(data: st.DataObject) -> None:
    envelope = bytearray(seal(KEY, b"secret", b"row 1"))
    position = data.draw(st.integers(0, len(envelope) - 1))
    envelope[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(errors.VerificationError) as caught:
        open_sealed(KEY, bytes(envelope), b"row 1")
    assert caught.value.code == "sealed-broken"


@given(st.binary(max_size=100))
def test_noise_is_refused_cleanly(noise: bytes) -> None:
    for envelope in (noise, b"\x01" + noise):
        with pytest.raises(errors.VerificationError):
            open_sealed(KEY, envelope, b"")


def test_another_place_or_key_does_not_open() -> None:
    envelope = seal(KEY, b"secret", b"row 1")
    for key, context in ((KEY, b"row 2"), (KEY, b""), (derive(KEY, "x"), b"row 1")):
        with pytest.raises(errors.VerificationError):
            open_sealed(key, envelope, context)


def test_purposes_have_unrelated_keys() -> None:
    keys = {derive(KEY, purpose) for purpose in ("", "a", "b", "ab")}
    assert len(keys) == 4
    assert KEY not in keys
    assert derive(KEY, "a") == derive(KEY, "a")
    assert derive(bytes(32), "a") not in keys
    assert len(new_key()) == 32
    assert new_key() != new_key()


@pytest.mark.parametrize("key", [b"", b"x" * 16, b"x" * 33])
def test_keys_have_32_bytes(key: bytes) -> None:
    for attempt in (
        lambda: seal(key, b"", b""),
        lambda: open_sealed(key, bytes(40), b""),
        lambda: derive(key, "a"),
    ):
        with pytest.raises(errors.InputError):
            attempt()  # type: ignore[no-untyped-call]
