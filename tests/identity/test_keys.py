"""Keys at rest. Each bcrypt derivation takes about a second, so few are made."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.identity import keys, sealing
from psihash.identity.keys import (
    KeyRing,
    encrypt_private,
    kdf_rounds,
    load_ed25519,
    load_p256,
    open_keys,
    seal_keys,
)

PASSPHRASE = "wachtwoord für Schlüssel".encode()
HEADER, FOOTER = "-----BEGIN OPENSSH PRIVATE KEY-----\n", "-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    return KeyRing.generate()


@pytest.fixture(scope="module")
def signing_file(ring: KeyRing) -> bytes:
    return encrypt_private(ring.signing, PASSPHRASE)


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes_raw()


def inner_bytes(data: bytes) -> bytes:
    return base64.b64decode(data.decode().removeprefix(HEADER).removesuffix(FOOTER))


def key_file(inner: bytes) -> bytes:
    return (HEADER + base64.encodebytes(inner).decode() + FOOTER).encode()


def test_the_signing_key_comes_back(ring: KeyRing, signing_file: bytes) -> None:
    assert raw(load_ed25519(signing_file, PASSPHRASE)) == raw(ring.signing)


def test_a_wrong_passphrase_is_named(signing_file: bytes) -> None:
    with pytest.raises(errors.InputError) as caught:
        load_ed25519(signing_file, PASSPHRASE + b"\n")
    assert caught.value.code == "wrong-passphrase"


@pytest.mark.parametrize("passphrase", [b"", b"x" * 2000])
def test_an_odd_passphrase_costs_nothing(signing_file: bytes, passphrase: bytes) -> None:
    with pytest.raises(errors.InputError) as caught:
        load_ed25519(signing_file, passphrase)
    assert caught.value.code == "wrong-passphrase"


@pytest.mark.parametrize("passphrase", [b"", b"1234567", b"x" * 2000])
def test_passphrases_that_protect_nothing_are_refused(ring: KeyRing, passphrase: bytes) -> None:
    with pytest.raises(errors.InputError) as caught:
        encrypt_private(ring.signing, passphrase)
    assert caught.value.code == "bad-passphrase"


def test_128_rounds_stand_in_the_file(signing_file: bytes) -> None:
    """Read by hand from PROTOCOL.key: magic, cipher, kdf, options = salt and rounds."""
    assert kdf_rounds(signing_file) >= 128
    inner = inner_bytes(signing_file)
    at = inner.index(b"bcrypt") + len(b"bcrypt")
    options_length = int.from_bytes(inner[at : at + 4], "big")
    options = inner[at + 4 : at + 4 + options_length]
    assert int.from_bytes(options[-4:], "big") >= 128
    assert len(options) == 4 + 16 + 4


def test_the_authoritys_key_comes_back_and_kinds_are_told_apart() -> None:
    key = keys.new_p256_key()
    data = encrypt_private(key, PASSPHRASE)
    again = load_p256(data, PASSPHRASE)
    assert again.private_numbers() == key.private_numbers()
    assert kdf_rounds(data) >= 128
    with pytest.raises(errors.InputError) as caught:
        load_ed25519(data, PASSPHRASE)
    assert caught.value.code == "bad-key-file"


def test_unprotected_and_weakly_protected_files_are_refused(ring: KeyRing) -> None:
    openssh = serialization.PrivateFormat.OpenSSH
    weak = openssh.encryption_builder().kdf_rounds(16).build(PASSPHRASE)
    for protection, rounds in ((serialization.NoEncryption(), 0), (weak, 16)):
        data = ring.signing.private_bytes(serialization.Encoding.PEM, openssh, protection)
        assert kdf_rounds(data) == rounds
        with pytest.raises(errors.InputError) as caught:
            load_ed25519(data, PASSPHRASE)
        assert caught.value.code == "bad-key-file"
        assert "ssh-keygen" in caught.value.hint


def test_a_file_cannot_keep_a_start_up_busy(signing_file: bytes) -> None:
    inner = inner_bytes(signing_file)
    rounds = (128).to_bytes(4, "big")
    assert inner.count(rounds) == 1
    with pytest.raises(errors.InputError) as caught:
        load_ed25519(key_file(inner.replace(rounds, b"\x7f\xff\xff\xff")), PASSPHRASE)
    assert caught.value.code == "bad-key-file"


def rounds_or_none(data: bytes) -> int | None:
    """The rounds, or None where the file is refused with its code; anything else escapes."""
    try:
        return kdf_rounds(data)
    except errors.InputError as error:
        return {"bad-key-file": None}[error.code]


@given(st.binary(max_size=200))
def test_noise_is_refused_cleanly(noise: bytes) -> None:
    for data in (noise, key_file(noise), HEADER.encode() + noise + FOOTER.encode()):
        assert rounds_or_none(data) is None
    rounds_or_none(key_file(b"openssh-key-v1\0" + noise))


@given(data=st.data())
def test_a_damaged_header_is_refused_cleanly(signing_file: bytes, data: st.DataObject) -> None:
    inner = bytearray(inner_bytes(signing_file))
    inner[data.draw(st.integers(0, 70))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(inner)))
    rounds_or_none(key_file(bytes(inner[:cut])))


def test_the_key_box_gives_the_whole_ring(ring: KeyRing) -> None:
    again = open_keys(ring.signing, seal_keys(ring))
    assert again.card_keys("log") == ring.card_keys("log")
    assert again.tls_pem() == ring.tls_pem()
    assert again.storage == ring.storage
    secret, ciphertext = ring.sealing_mlkem768.public_key().encapsulate()
    assert again.sealing_mlkem768.decapsulate(ciphertext) == secret


def test_the_key_box_opens_under_its_signing_key_only(ring: KeyRing) -> None:
    box = seal_keys(ring)
    attempts = [
        (Ed25519PrivateKey.generate(), box),
        (ring.log, box),
        (ring.signing, box[:-1] + bytes([box[-1] ^ 1])),
        (ring.signing, b""),
    ]
    for key, data in attempts:
        with pytest.raises(errors.VerificationError) as caught:
            open_keys(key, data)
        assert caught.value.code == "sealed-broken"


def test_a_signing_key_altered_on_disk_does_not_open_the_box(ring: KeyRing) -> None:
    seed = bytearray(raw(ring.signing))
    seed[0] ^= 1
    with pytest.raises(errors.VerificationError):
        open_keys(Ed25519PrivateKey.from_private_bytes(bytes(seed)), seal_keys(ring))


def test_a_new_signing_key_keeps_the_storage_key(ring: KeyRing) -> None:
    newer = dataclasses.replace(ring, signing=Ed25519PrivateKey.generate())
    again = open_keys(newer.signing, seal_keys(newer))
    assert again.storage == ring.storage
    assert again.card_keys("a").signing != ring.card_keys("a").signing


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"psihash_keybox":1}',
        b'{"psihash_keybox":1,"tls":"00"}',
        b'{"psihash_keybox":1,"tls":1}',
        b"noise",
    ],
)
def test_a_box_of_another_version_is_named(ring: KeyRing, content: bytes) -> None:
    box = sealing.seal(keys._box_key(ring.signing), content, keys._box_context(ring.signing))
    with pytest.raises(errors.InputError):
        open_keys(ring.signing, box)


def test_every_purpose_has_its_own_key(ring: KeyRing) -> None:
    seeds = {raw(key) for key in (ring.signing, ring.log, ring.cosigning)}
    seeds |= {ring.sealing_x25519.private_bytes_raw(), ring.storage}
    assert len(seeds) == 5
    assert ring.storage.hex() not in repr(ring)
    assert str(ring.storage) not in repr(ring)


def test_the_tls_key_is_in_the_form_grpc_takes(ring: KeyRing) -> None:
    assert ring.tls_pem().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    key = serialization.load_pem_private_key(ring.tls_pem(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
