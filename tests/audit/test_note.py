"""Signed notes against the vectors of the specification and of Go's sumdb/note package."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.audit.note import (
    MAX_NOTE_BYTES,
    Signer,
    decode_verifier_key,
    encode_verifier_key,
    key_id,
    open_note,
    parse_note,
    sign_note,
)

# golang.org/x/mod/sumdb/note, example_test.go: the key pair and the note that it makes.
GO_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)
GO_NOTE = f"{GO_TEXT}\n{GO_SIGNATURE}".encode()
NAME, KEY = decode_verifier_key(GO_KEY)

# https://c2sp.org/signed-note, section "Verifier keys", example.
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ON"
    "ncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

# The key of sum.golang.org, published in Go's cmd/go: its base64 holds plus signs.
GO_SUM_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


class GoSigner:
    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(GO_SECRET)[1:])

    @property
    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def cause(data: bytes, name: str = NAME, *keys: bytes) -> str:
    with pytest.raises(errors.VerificationError) as caught:
        open_note(data, name, *(keys or (KEY,)))
    return caught.value.code


def test_gos_note_opens_and_its_key_makes_the_same_bytes() -> None:
    assert (NAME, key_id(NAME, KEY).hex()) == ("PeterNeumann", "c74f20a3")
    assert open_note(GO_NOTE, NAME, KEY) == GO_TEXT
    assert GoSigner().public_key == KEY
    assert sign_note(GO_TEXT, NAME, GoSigner()) == GO_NOTE


def test_the_example_of_the_specification_opens() -> None:
    name, key = decode_verifier_key(C2SP_KEY)
    assert open_note(C2SP_NOTE.encode(), name, key) == "This is an example message.\n"


def test_verifier_keys_are_written_as_they_are_read() -> None:
    assert encode_verifier_key(NAME, KEY) == GO_KEY
    assert encode_verifier_key(*decode_verifier_key(C2SP_KEY)) == C2SP_KEY
    assert encode_verifier_key(*decode_verifier_key(GO_SUM_KEY)) == GO_SUM_KEY


def test_no_part_and_no_mangling_of_a_verifier_key_is_one() -> None:
    parts = [GO_KEY[i:j] for i in range(len(GO_KEY)) for j in range(i + 1, len(GO_KEY) + 1)]
    mangled = [GO_KEY[:i] + chr(ord(GO_KEY[i]) + 1) + GO_KEY[i + 1 :] for i in range(len(GO_KEY))]
    mangled += [
        # From Go's tests: another length and another algorithm, with the key id made to fit.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        GO_KEY.upper(),
        "\udc80" + GO_KEY[GO_KEY.index("+") :],
        "",
    ]
    for text in {*parts, *mangled} - {GO_KEY}:
        with pytest.raises(errors.InputError) as caught:
            decode_verifier_key(text)
        assert caught.value.code == "verifier-key-malformed"


def test_a_changed_byte_anywhere_is_found() -> None:
    for at in range(len(GO_NOTE)):
        for bit in range(8):
            changed = GO_NOTE[:at] + bytes([GO_NOTE[at] ^ 1 << bit]) + GO_NOTE[at + 1 :]
            assert cause(changed) in {"note-malformed", "note-unsigned", "note-bad-signature"}


@given(st.data())
def test_an_inserted_or_removed_byte_is_found(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GO_NOTE) - 1))
    extra = data.draw(st.binary(max_size=3))
    changed = GO_NOTE[:at] + extra + GO_NOTE[at + (not extra) :]
    assert cause(changed) in {"note-malformed", "note-unsigned", "note-bad-signature"}


MALFORMED = {
    "empty": "",
    "text-without-newline": GO_TEXT[:-1],
    "no-signatures": GO_TEXT,
    "nothing-after-the-gap": GO_TEXT + "\n",
    "no-gap": GO_TEXT + GO_SIGNATURE,
    "signature-without-newline": GO_TEXT + "\n" + GO_SIGNATURE[:-1],
    "empty-line-after": GO_TEXT + "\n" + GO_SIGNATURE + "\n",
    "hyphen-for-dash": GO_TEXT + "\n" + GO_SIGNATURE.replace("—", "-"),
    "no-dash": GO_TEXT + "\n" + GO_SIGNATURE[2:],
    "two-spaces": GO_TEXT + "\n" + GO_SIGNATURE.replace("Neumann ", "Neumann  "),
    "trailing-space": GO_TEXT + "\n" + GO_SIGNATURE[:-1] + " \n",
    "carriage-return": GO_TEXT + "\n" + GO_SIGNATURE[:-1] + "\r\n",
    "tab-in-text": "\t" + GO_TEXT + "\n" + GO_SIGNATURE,
    "zero-in-text": "\0" + GO_TEXT + "\n" + GO_SIGNATURE,
    "no-name": GO_TEXT + "\n" + GO_SIGNATURE.replace("PeterNeumann", ""),
    "plus-in-name": GO_TEXT + "\n" + GO_SIGNATURE.replace("rNeu", "r+Neu"),
    "unicode-space-in-name": GO_TEXT + "\n" + GO_SIGNATURE.replace("rNeu", "r\u3000Neu"),
    "no-break-space-in-name": GO_TEXT + "\n" + GO_SIGNATURE.replace("rNeu", "r\u00a0Neu"),
    "name-too-long": GO_TEXT + "\n" + GO_SIGNATURE.replace("Peter", "P" * 300),
    "url-base64": GO_TEXT + "\n" + GO_SIGNATURE.replace("/", "_"),
    "no-padding": GO_TEXT + "\n" + GO_SIGNATURE.replace("=", ""),
    "stray-bits-in-padding": GO_TEXT + "\n" + GO_SIGNATURE.replace("nAM=", "nAN="),
    "key-id-only": GO_TEXT + "\n— PeterNeumann x08gow==\n",
    "short-key-id": GO_TEXT + "\n— PeterNeumann x08g\n",
    "bad-line-of-a-stranger": GO_TEXT + "\n" + GO_SIGNATURE + "— stranger !!!!\n",
    "too-many-signatures": GO_TEXT + "\n" + GO_SIGNATURE * 65,
    "too-large": "x" * MAX_NOTE_BYTES + GO_TEXT + "\n" + GO_SIGNATURE,
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_note_is_refused(text: str) -> None:
    assert cause(text.encode()) == "note-malformed"


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80"):
        assert cause(bad + GO_NOTE) == "note-malformed"


def test_signatures_of_strangers_are_ignored_up_to_sixty_four() -> None:
    stranger = "— stranger " + base64.b64encode(bytes(4 + 2420)).decode() + "\n"
    head = f"{GO_TEXT}\n{stranger * 31}".encode()
    assert open_note(head + (GO_SIGNATURE + stranger * 32).encode(), NAME, KEY) == GO_TEXT
    assert cause(head) == "note-unsigned"


def test_only_the_expected_key_counts() -> None:
    _, other = decode_verifier_key(C2SP_KEY)
    assert cause(GO_NOTE, NAME, other) == "note-unsigned"
    assert cause(GO_NOTE, "Peter", KEY) == "note-unsigned"
    assert open_note(GO_NOTE, NAME, other, KEY) == GO_TEXT
    with pytest.raises(errors.VerificationError):
        open_note(GO_NOTE, NAME)


def test_one_bad_signature_by_a_known_key_spoils_the_note() -> None:
    blob = base64.b64decode(GO_SIGNATURE.split(" ")[2])
    bad = "— PeterNeumann " + base64.b64encode(blob[:4] + bytes(64)).decode() + "\n"
    short = "— PeterNeumann " + base64.b64encode(blob[:20]).decode() + "\n"
    for line in (bad, short):
        assert cause(GO_NOTE + line.encode()) == "note-bad-signature"
        assert cause(f"{GO_TEXT}\n{line}{GO_SIGNATURE}".encode()) == "note-bad-signature"


def test_the_text_ends_at_the_last_empty_line() -> None:
    text = "one\n\ntwo\n"
    note = sign_note(text, "name", GoSigner())
    assert open_note(note, "name", KEY) == text
    hidden = GO_NOTE.decode() + "\n" + "— x " + base64.b64encode(bytes(68)).decode() + "\n"
    assert parse_note(hidden.encode()).text == GO_NOTE.decode()
    assert cause(hidden.encode()) == "note-unsigned"


def test_a_weak_key_verifies_nothing() -> None:
    weak = (1).to_bytes(32, "little")  # the neutral point: any message has a signature under it
    blob = key_id("x", weak) + weak + bytes(32)
    note = f"text\n\n— x {base64.b64encode(blob).decode()}\n".encode()
    assert cause(note, "x", weak) == "bad-public-key"


@pytest.mark.parametrize("text", ["no newline", "", "bell\a\n", "cr\r\n", "half\udc80\n"])
def test_only_a_note_can_be_signed(text: str) -> None:
    with pytest.raises(errors.InputError):
        sign_note(text, NAME, GoSigner())


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2028b", "a\udc80"])
def test_a_name_that_cannot_stand_in_a_note_is_refused(name: str) -> None:
    with pytest.raises(errors.InputError):
        sign_note(GO_TEXT, name, GoSigner())
    with pytest.raises(errors.InputError):
        encode_verifier_key(name, KEY)


def test_a_faulty_signer_is_found_before_the_note_leaves(
    make_signer: Callable[[int], Signer],
) -> None:
    class Faulty:
        public_key = KEY

        def sign(self, message: bytes) -> bytes:
            return make_signer(7).sign(message)

    with pytest.raises(errors.VerificationError):
        sign_note(GO_TEXT, NAME, Faulty())


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    assert cause(data) in {"note-malformed", "note-unsigned"}
    assert cause(GO_TEXT.encode() + b"\n" + data) in {"note-malformed", "note-unsigned"}
