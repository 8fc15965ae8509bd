"""Cosignatures against real ones of the public witness network, and every way to get them wrong."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.audit.checkpoint import VerifiedCheckpoint, open_checkpoint, sign_checkpoint
from psihash.audit.cosignature import (
    Cosigner,
    VerifiedCosignature,
    attach,
    cosign,
    cosignatures,
    cosigner_name,
    verify_cosignature,
)
from psihash.audit.note import COSIGNATURE, decode_verifier_key, encode_verifier_key, key_id
from tests.audit.bench import ORIGIN, SeedSigner

# A checkpoint of Google's staging log "arche2025h1", cosigned by four public witnesses, as it
# stands in the tests of an independent implementation (the Python witness of remora.n621.de). The
# keys are the ones that the witnesses' operators publish (witness.stagemole.eu/about,
# remora.n621.de, transparency.dev/witnesses, www.smartit.nu). The second line of the log's own is
# its signature in the form of a signed note; the first one, an RFC 6962 tree head, is ignored.
REAL_ORIGIN = "arche2025h1.staging.ct.transparency.dev"
REAL_NOTE = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev \
zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon\
5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev \
ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden \
2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY09\
6st5BQ==
— witness1.smartit.nu/witness1 \
pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZ\
sDsUAQ==
— remora.n621.de \
2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0D\
rAWfBw==
— witness.stagemole.eu \
Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/T\
mN9DAg==
""".encode()
REAL_LOG = f"{REAL_ORIGIN}+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
REAL_WITNESSES = (
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
)
REAL_TIME = 0x6A122120

ROOT = hashlib.sha256(b"root").digest()
NAME = cosigner_name("be-police")
SIGNER = SeedSigner(7)
COSIGNER = Cosigner(NAME, SIGNER.public_key)
TIME = 1679315147


def checkpoint(size: int = 5, root: bytes = ROOT) -> VerifiedCheckpoint:
    note = sign_checkpoint(ORIGIN, size, root, SeedSigner(1))
    return open_checkpoint(note, ORIGIN, SeedSigner(1).public_key)


def real() -> VerifiedCheckpoint:
    return open_checkpoint(REAL_NOTE, *decode_verifier_key(REAL_LOG))


def code(head: VerifiedCheckpoint, line: bytes, cosigner: Cosigner = COSIGNER) -> str:
    with pytest.raises(errors.VerificationError) as caught:
        verify_cosignature(head, line, cosigner)
    return caught.value.code


@pytest.mark.parametrize("key", REAL_WITNESSES)
def test_a_real_cosignature_verifies(key: str) -> None:
    cosigner = Cosigner(*decode_verifier_key(key, COSIGNATURE))
    (found,) = cosignatures(real(), [cosigner])
    assert (found.size, found.timestamp) == (1432088532, REAL_TIME)
    assert found.cosigner == cosigner


def test_all_real_ones_at_once_and_none_on_a_changed_head() -> None:
    witnesses = [Cosigner(*decode_verifier_key(key, COSIGNATURE)) for key in REAL_WITNESSES]
    assert len(cosignatures(real(), witnesses)) == 4
    for line in REAL_NOTE.decode().split("\n\n")[1].splitlines()[2:]:
        for cosigner in witnesses:
            if line.split(" ")[1] == cosigner.name:
                assert code(checkpoint(), line.encode() + b"\n", cosigner) == "cosignature-bad"


@pytest.mark.parametrize("key", REAL_WITNESSES)
def test_verifier_keys_of_real_witnesses_are_read_and_written(key: str) -> None:
    name, public = decode_verifier_key(key, COSIGNATURE)
    assert encode_verifier_key(name, public, COSIGNATURE) == key
    with pytest.raises(errors.InputError):
        decode_verifier_key(key)  # as a log's key it would name another signature


def test_the_signed_bytes_are_those_of_the_specification() -> None:
    signed: list[bytes] = []

    class Spy:
        public_key = SIGNER.public_key

        def sign(self, message: bytes) -> bytes:
            signed.append(message)
            return SIGNER.sign(message)

    made = cosign(checkpoint(), NAME, Spy(), TIME)
    root = base64.b64encode(ROOT).decode()
    assert signed == [f"cosignature/v1\ntime 1679315147\n{ORIGIN}\n5\n{root}\n".encode()]
    blob = base64.b64decode(made.line.split()[-1])
    expected = hashlib.sha256(NAME.encode() + b"\n\x04" + SIGNER.public_key).digest()[:4]
    assert blob[:4] == expected == key_id(NAME, SIGNER.public_key, COSIGNATURE)
    assert blob[4:12] == TIME.to_bytes(8, "big")
    assert len(blob) == 4 + 8 + 64


def test_a_line_is_attached_and_found_again() -> None:
    made = cosign(checkpoint(), NAME, SIGNER, TIME)
    other = cosign(checkpoint(), cosigner_name("de-police"), SeedSigner(8), TIME + 1)
    note = attach(checkpoint().note, [made.line, other.line, made.line])
    head = open_checkpoint(note, ORIGIN, SeedSigner(1).public_key)
    assert cosignatures(head, [COSIGNER]) == [made]
    assert (
        len(cosignatures(head, [COSIGNER, Cosigner(other.cosigner.name, SeedSigner(8).public_key)]))
        == 2
    )
    assert cosignatures(head, []) == []


def test_no_more_lines_than_a_note_may_have() -> None:
    lines = [
        cosign(checkpoint(), cosigner_name(f"a{n}"), SeedSigner(n + 1), TIME).line
        for n in range(80)
    ]
    note = attach(checkpoint().note, lines)
    assert note.count("\n\u2014 ".encode()) == 64
    open_checkpoint(note, ORIGIN, SeedSigner(1).public_key)


@pytest.mark.parametrize(
    ("head", "why"),
    [(checkpoint(6), "size"), (checkpoint(5, bytes(32)), "root")],
    ids=["size", "root"],
)
def test_it_holds_for_no_other_head(head: VerifiedCheckpoint, why: str) -> None:
    assert code(head, cosign(checkpoint(), NAME, SIGNER, TIME).line) == "cosignature-bad"


def test_a_changed_byte_anywhere_is_found() -> None:
    line = cosign(checkpoint(), NAME, SIGNER, TIME).line
    for at in range(len(line)):
        for bit in range(8):
            changed = line[:at] + bytes([line[at] ^ 1 << bit]) + line[at + 1 :]
            assert code(checkpoint(), changed) in {
                "note-malformed",
                "cosignature-missing",
                "cosignature-bad",
                "cosignature-malformed",
            }


@pytest.mark.parametrize("timestamp", [0, 2**63, 2**64 - 1])
def test_a_time_out_of_range_is_refused_even_when_signed(timestamp: int) -> None:
    head = checkpoint()
    root = base64.b64encode(ROOT).decode()
    message = f"cosignature/v1\ntime {timestamp}\n{ORIGIN}\n5\n{root}\n".encode()
    blob = COSIGNER.key_id + timestamp.to_bytes(8, "big") + SIGNER.sign(message)
    line = f"\u2014 {NAME} {base64.b64encode(blob).decode()}\n".encode()
    assert code(head, line) == "cosignature-malformed"
    with pytest.raises(ValueError):
        cosign(head, NAME, SIGNER, timestamp)


def test_a_plain_signature_is_no_cosignature() -> None:
    head = checkpoint()
    signature = SIGNER.sign(head.note.split(b"\n\n")[0] + b"\n")
    blob = COSIGNER.key_id + signature
    line = f"\u2014 {NAME} {base64.b64encode(blob).decode()}\n".encode()
    assert code(head, line) == "cosignature-malformed"


@given(st.binary(max_size=120))
def test_hostile_lines_are_refused(data: bytes) -> None:
    with pytest.raises(errors.VerificationError):
        verify_cosignature(checkpoint(), data, COSIGNER)


def test_only_the_check_makes_one() -> None:
    with pytest.raises(TypeError):
        VerifiedCosignature(COSIGNER, ORIGIN, 5, ROOT, TIME, b"", _seal=object())
