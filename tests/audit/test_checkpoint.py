"""Checkpoints: the three lines, their key, and every way to get them wrong."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.audit.checkpoint import VerifiedCheckpoint, open_checkpoint, sign_checkpoint
from psihash.audit.merkle import EMPTY_ROOT, MAX_TREE_SIZE
from psihash.audit.note import Signer, sign_note

ORIGIN = "psihash/log/nl-police"
ROOT = hashlib.sha256(b"root").digest()
ROOT64 = base64.b64encode(ROOT).decode()


@pytest.fixture
def signer(make_signer: Callable[[int], Signer]) -> Signer:
    return make_signer(1)


def cause(note: bytes, signer: Signer, origin: str = ORIGIN) -> str:
    with pytest.raises(errors.VerificationError) as caught:
        open_checkpoint(note, origin, signer.public_key)
    return caught.value.code


@pytest.mark.parametrize("size", [1, 2, 9, 10, 10**6, MAX_TREE_SIZE])
def test_a_signed_head_opens_as_itself(size: int, signer: Signer) -> None:
    note = sign_checkpoint(ORIGIN, size, ROOT, signer)
    assert note.decode().startswith(f"{ORIGIN}\n{size}\n{ROOT64}\n\n— {ORIGIN} ")
    opened = open_checkpoint(note, ORIGIN, signer.public_key)
    assert (opened.origin, opened.size, opened.root, opened.note) == (ORIGIN, size, ROOT, note)


def test_the_empty_log_has_the_empty_root(signer: Signer) -> None:
    note = sign_checkpoint(ORIGIN, 0, EMPTY_ROOT, signer)
    assert open_checkpoint(note, ORIGIN, signer.public_key).size == 0
    assert cause(sign_checkpoint(ORIGIN, 0, ROOT, signer), signer) == "checkpoint-malformed"


MALFORMED = {
    "two-lines": f"{ORIGIN}\n5\n",
    "one-line": f"{ORIGIN}\n",
    "extension": f"{ORIGIN}\n5\n{ROOT64}\nmore\n",
    "empty-extension": f"{ORIGIN}\n5\n{ROOT64}\n\n",
    "leading-zero": f"{ORIGIN}\n05\n{ROOT64}\n",
    "sign": f"{ORIGIN}\n+5\n{ROOT64}\n",
    "negative": f"{ORIGIN}\n-5\n{ROOT64}\n",
    "space": f"{ORIGIN}\n5 \n{ROOT64}\n",
    "no-size": f"{ORIGIN}\n\n{ROOT64}\n",
    "arabic-digit": f"{ORIGIN}\n\u0665\n{ROOT64}\n",
    "too-large": f"{ORIGIN}\n{MAX_TREE_SIZE + 1}\n{ROOT64}\n",
    "much-too-large": f"{ORIGIN}\n{'9' * 5000}\n{ROOT64}\n",
    "short-root": f"{ORIGIN}\n5\n{base64.b64encode(ROOT[1:]).decode()}\n",
    "long-root": f"{ORIGIN}\n5\n{base64.b64encode(ROOT + b'x').decode()}\n",
    "no-root": f"{ORIGIN}\n5\n\n",
    "hex-root": f"{ORIGIN}\n5\n{ROOT.hex()}\n",
    "stray-bits-in-root": f"{ORIGIN}\n5\n{ROOT64[:-2]}{chr(ord(ROOT64[-2]) + 1)}=\n",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_text_is_refused_even_when_signed(text: str, signer: Signer) -> None:
    assert cause(sign_note(text, ORIGIN, signer), signer) == "checkpoint-malformed"


def test_a_checkpoint_of_another_log_is_named(signer: Signer) -> None:
    other = "psihash/log/de-bka"
    assert cause(sign_checkpoint(other, 5, ROOT, signer), signer) == "checkpoint-wrong-origin"
    crossed = sign_note(f"{other}\n5\n{ROOT64}\n", ORIGIN, signer)
    assert cause(crossed, signer) == "checkpoint-wrong-origin"
    misnamed = sign_note(f"{ORIGIN}\n5\n{ROOT64}\n", other, signer)
    assert cause(misnamed, signer) == "note-unsigned"


def test_a_checkpoint_by_another_key_is_refused(
    signer: Signer, make_signer: Callable[[int], Signer]
) -> None:
    note = sign_checkpoint(ORIGIN, 5, ROOT, make_signer(2))
    assert cause(note, signer) == "note-unsigned"
    keys = (signer.public_key, make_signer(2).public_key)
    assert open_checkpoint(note, ORIGIN, *keys).size == 5


def test_a_changed_byte_anywhere_is_found(signer: Signer) -> None:
    note = sign_checkpoint(ORIGIN, 105, ROOT, signer)
    for at in range(len(note)):
        for bit in range(8):
            changed = note[:at] + bytes([note[at] ^ 1 << bit]) + note[at + 1 :]
            assert cause(changed, signer) in {
                "note-malformed",
                "note-unsigned",
                "note-bad-signature",
                "checkpoint-wrong-origin",
            }


@given(st.binary(max_size=100))
def test_hostile_bytes_are_refused(data: bytes) -> None:
    for note in (data, ORIGIN.encode() + b"\n" + data):
        with pytest.raises(errors.VerificationError):
            open_checkpoint(note, ORIGIN, bytes([9]) * 32)


def test_only_the_check_makes_a_verified_checkpoint() -> None:
    with pytest.raises(TypeError):
        VerifiedCheckpoint(ORIGIN, 5, ROOT, b"", _seal=object())


def test_a_root_of_another_length_is_never_signed(signer: Signer) -> None:
    with pytest.raises(ValueError):
        sign_checkpoint(ORIGIN, 5, ROOT[1:], signer)
