"""Signatures hold for one key, one purpose and one message."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.canonical import framed
from psihash.identity.signatures import Context, load_public, public_bytes, sign, verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)


@given(st.binary(max_size=200), st.sampled_from(Context))
def test_a_signature_holds_for_its_context_only(message: bytes, context: Context) -> None:
    signature = sign(KEY, context, message)
    verify(public_bytes(KEY), context, message, signature)
    for other in Context:
        if other is not context:
            with pytest.raises(errors.VerificationError) as caught:
                verify(public_bytes(KEY), other, message, signature)
            assert caught.value.code == "bad-signature"


def test_what_is_signed_is_the_framed_text() -> None:
    signature = sign(KEY, Context.RECEIPT, b"message")
    framed_text = framed(b"psihash", b"psihash/receipt/1", b"message")
    KEY.public_key().verify(signature, framed_text)


@given(st.binary(max_size=80))
def test_other_signatures_keys_and_messages_are_refused(noise: bytes) -> None:
    signature = sign(KEY, Context.HELLO, b"hello")
    attempts = [
        (public_bytes(OTHER), b"hello", signature),
        (public_bytes(KEY), b"hello" + noise + b".", signature),
        (public_bytes(KEY), b"hello", noise),
        (public_bytes(KEY), b"hello", signature + noise + b"."),
        (public_bytes(KEY), b"hello", bytes([signature[0] ^ 1]) + signature[1:]),
    ]
    for public, message, attempt in attempts:
        with pytest.raises(errors.VerificationError):
            verify(public, Context.HELLO, message, attempt)


def test_a_signature_has_one_form() -> None:
    """RFC 8032 section 5.1.7: S is below the group's order."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = sign(KEY, Context.HELLO, b"hello")
    s = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(errors.VerificationError):
        verify(
            public_bytes(KEY), Context.HELLO, b"hello", signature[:32] + s.to_bytes(32, "little")
        )


SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("top", [0, 0x80])
@pytest.mark.parametrize("encoded", SMALL_ORDER)
def test_keys_that_bind_nobody_are_refused(encoded: str, top: int) -> None:
    raw = bytearray.fromhex(encoded)
    raw[31] |= top
    with pytest.raises(errors.VerificationError) as caught:
        load_public(bytes(raw))
    assert caught.value.code == "bad-public-key"


@given(st.binary(max_size=40))
def test_malformed_keys_are_refused_cleanly(raw: bytes) -> None:
    try:
        load_public(raw)
    except errors.VerificationError:
        return
    assert len(raw) == 32


def test_contexts_are_distinct_and_versioned() -> None:
    assert len({context.value for context in Context}) == len(Context)
    assert all(c.value.startswith("psihash/") and c.value.endswith("/1") for c in Context)
