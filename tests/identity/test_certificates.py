"""The certificate matrix: one thing wrong at a time, each refused for its own reason."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from psihash import errors
from psihash.identity import authority, keys
from psihash.identity.certificates import (
    VerifiedLeaf,
    agency_of,
    check_authority,
    leaf_fingerprint,
    load,
    verify_leaf,
)

from .conftest import NOW, Agency
from .forge import BOTH, URI, Recipe, Root

ROOT = Root()
ROOT_PEM = ROOT.pem
LEAF = Recipe()
DAY = dt.timedelta(days=1)


def refused(leaf: bytes, ca: bytes = ROOT_PEM, agency: str = "nl-police", now: Any = NOW) -> str:
    with pytest.raises(errors.VerificationError) as caught:
        verify_leaf(leaf, ca, agency, now)
    return caught.value.code


def test_the_sound_leaf_passes() -> None:
    pem = LEAF.sign(ROOT.key)
    verified = verify_leaf(pem, ROOT_PEM, "nl-police", NOW)
    der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    assert verified.agency == "nl-police"
    assert verified.fingerprint == hashlib.sha256(der).digest() == leaf_fingerprint(pem)
    assert verified.expires == LEAF.end


WRONG_LEAVES: dict[str, tuple[Recipe, str]] = {
    "expired": (LEAF.but(end=NOW - dt.timedelta(seconds=1)), "cert-expired"),
    "not yet valid": (LEAF.but(start=NOW + dt.timedelta(seconds=1)), "cert-not-yet-valid"),
    "another agency": (LEAF.but(uris=[URI + "de-bka"]), "cert-wrong-agency"),
    "no URI": (LEAF.but(uris=[]), "cert-no-agency"),
    "two URIs": (LEAF.but(uris=[URI + "nl-police", URI + "de-bka"]), "cert-no-agency"),
    "the same URI twice": (LEAF.but(uris=[URI + "nl-police"] * 2), "cert-no-agency"),
    "a second URI of another kind": (
        LEAF.but(uris=[URI + "nl-police", "https://example.org/"]),
        "cert-no-agency",
    ),
    "wrong trust domain": (LEAF.but(uris=["spiffe://evil/agency/nl-police"]), "cert-no-agency"),
    "domain by prefix": (
        LEAF.but(uris=["spiffe://psihash.evil/agency/nl-police"]),
        "cert-no-agency",
    ),
    "https": (LEAF.but(uris=["https://psihash/agency/nl-police"]), "cert-no-agency"),
    "capitals": (LEAF.but(uris=["SPIFFE://psihash/agency/nl-police"]), "cert-no-agency"),
    "NUL": (LEAF.but(uris=[URI + "nl-police\0.de-bka"]), "cert-no-agency"),
    "percent": (LEAF.but(uris=[URI + "nl%2Dpolice"]), "cert-no-agency"),
    "newline": (LEAF.but(uris=[URI + "nl-police\n"]), "cert-no-agency"),
    "slash": (LEAF.but(uris=[URI + "nl-police/"]), "cert-no-agency"),
    "query": (LEAF.but(uris=[URI + "nl-police?a"]), "cert-no-agency"),
    "empty agency": (LEAF.but(uris=[URI]), "cert-no-agency"),
    "long agency": (LEAF.but(uris=[URI + "a" * 64]), "cert-no-agency"),
    "an authority": (LEAF.but(is_ca=True, signs=True), "cert-bad-use"),
    "may sign certificates": (LEAF.but(signs=True), "cert-bad-use"),
    "no basic constraints": (LEAF.but(is_ca=None), "cert-bad-use"),
    "no key usage": (LEAF.but(usage=False), "cert-bad-use"),
    "no digital signature": (LEAF.but(digital_signature=False), "cert-bad-use"),
    "no EKU": (LEAF.but(uses=None), "cert-bad-use"),
    "no clientAuth": (LEAF.but(uses=BOTH[:1]), "cert-bad-use"),
    "no serverAuth": (LEAF.but(uses=BOTH[1:]), "cert-bad-use"),
    "any EKU": (LEAF.but(uses=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), "cert-bad-use"),
    "RSA key": (LEAF.but(key=rsa.generate_private_key(65537, 2048)), "cert-bad-use"),
    "Ed25519 key": (LEAF.but(key=ed25519.Ed25519PrivateKey.generate()), "cert-bad-use"),
    "P-384 key": (LEAF.but(key=ec.generate_private_key(ec.SECP384R1())), "cert-bad-use"),
    "unknown critical extension": (
        LEAF.but(
            extra=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)]
        ),
        "cert-bad-use",
    ),
    "unchecked critical extension": (
        LEAF.but(
            extra=[(x509.NameConstraints([x509.DNSName("example.org")], None), True)],
        ),
        "cert-bad-use",
    ),
    "short hash": (LEAF.but(hash_algorithm=hashes.SHA224()), "cert-bad-use"),
}


@pytest.mark.parametrize("case", WRONG_LEAVES)
def test_wrong_leaves(case: str) -> None:
    recipe, code = WRONG_LEAVES[case]
    assert refused(recipe.sign(ROOT.key)) == code


def test_an_unknown_extension_that_is_not_critical_is_no_matter() -> None:
    extra = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
    verify_leaf(LEAF.but(extra=[(extra, False)]).sign(ROOT.key), ROOT_PEM, "nl-police", NOW)


def test_the_bounds_of_validity_are_inclusive() -> None:
    pem = LEAF.sign(ROOT.key)
    for now in (LEAF.start, LEAF.end):
        verify_leaf(pem, ROOT_PEM, "nl-police", now)


def test_wrong_authorities() -> None:
    other = Root()
    assert refused(LEAF.sign(other.key)) == "cert-wrong-ca"
    renamed = LEAF.but(issuer=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "else")]))
    assert refused(renamed.sign(ROOT.key)) == "cert-wrong-ca"


def test_another_agencys_authority_cannot_name_this_agency(alpha: Agency, beta: Agency) -> None:
    forged = authority.issue_tls(beta.ca, "nl-police", beta.ring.tls.public_key(), NOW)
    assert agency_of(forged) == "nl-police"
    assert refused(forged, alpha.ca.pem) == "cert-wrong-ca"
    # With the same names in it, so that only the signature tells them apart.
    twin = authority.make_ca(
        keys.new_p256_key(), "nl-police", alpha.card.name, alpha.card.country, NOW
    )
    forged = authority.issue_tls(twin, "nl-police", beta.ring.tls.public_key(), NOW)
    assert refused(forged, alpha.ca.pem) == "cert-wrong-ca"


def test_the_authority_itself_is_no_leaf(alpha: Agency) -> None:
    assert refused(alpha.ca.pem, alpha.ca.pem) == "cert-no-agency"
    named = Root(ROOT.recipe.but(uris=[URI + "nl-police"], uses=BOTH))
    assert refused(named.pem, named.pem) == "cert-bad-use"


def test_a_leaf_under_a_leaf_is_refused(alpha: Agency) -> None:
    issuer = x509.load_pem_x509_certificate(alpha.leaf)
    below = LEAF.but(issuer=issuer.subject).sign(alpha.ring.tls)
    assert refused(below, alpha.ca.pem) == "cert-wrong-ca"
    assert refused(below, alpha.leaf) == "cert-bad-use"


def test_an_expired_authority_ends_its_leaves() -> None:
    old = Root(ROOT.recipe.but(end=NOW - DAY, start=NOW - 9 * DAY))
    assert refused(LEAF.sign(old.key), old.pem) == "cert-expired"
    early = Root(ROOT.recipe.but(start=NOW + DAY))
    assert refused(LEAF.sign(early.key), early.pem) == "cert-not-yet-valid"
    short = Root(ROOT.recipe.but(end=NOW + DAY))
    assert verify_leaf(LEAF.sign(short.key), short.pem, "nl-police", NOW).expires == NOW + DAY


WRONG_AUTHORITIES: dict[str, tuple[Recipe, str]] = {
    "not an authority": (ROOT.recipe.but(is_ca=False), "cert-bad-use"),
    "no basic constraints": (ROOT.recipe.but(is_ca=None), "cert-bad-use"),
    "may not sign": (ROOT.recipe.but(signs=False, digital_signature=True), "cert-bad-use"),
    "no key usage": (ROOT.recipe.but(usage=False), "cert-bad-use"),
    "P-384": (ROOT.recipe.but(key=ec.generate_private_key(ec.SECP384R1())), "cert-bad-use"),
    "RSA": (ROOT.recipe.but(key=rsa.generate_private_key(65537, 2048)), "cert-bad-use"),
    "other issuer": (ROOT.recipe.but(subject=LEAF.subject), "cert-wrong-ca"),
    "critical": (
        ROOT.recipe.but(extra=[(x509.NameConstraints([x509.DNSName("example.org")], None), True)]),
        "cert-bad-use",
    ),
}


@pytest.mark.parametrize("case", WRONG_AUTHORITIES)
def test_unsound_authorities(case: str) -> None:
    recipe, code = WRONG_AUTHORITIES[case]
    pem = recipe.sign(recipe.key)
    with pytest.raises(errors.VerificationError) as caught:
        check_authority(pem)
    assert caught.value.code == code
    assert refused(LEAF.sign(recipe.key), pem) == code


def test_an_authority_signed_by_another_key_is_refused() -> None:
    pem = ROOT.recipe.sign(ec.generate_private_key(ec.SECP256R1()))
    assert refused(LEAF.sign(ROOT.key), pem) == "cert-wrong-ca"


def pem_of(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("case", ["two", "prefix", "der", "empty", "cut", "long", "label", "tail"])
def test_what_is_not_exactly_one_pem_certificate_is_refused(case: str) -> None:
    pem = LEAF.sign(ROOT.key)
    der = x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    text = {
        "two": pem + pem,
        "prefix": b"subject=nl-police\n" + pem,
        "der": der,
        "empty": b"",
        "cut": pem_of(der[:-3]),
        "long": pem + b"\n" * 20_000,
        "label": pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
        "tail": pem_of(der + b"\0"),
    }[case]
    for check in (load, agency_of, leaf_fingerprint, check_authority):
        with pytest.raises(errors.VerificationError) as caught:
            check(text)
        assert caught.value.code == "cert-malformed"


DER = load(LEAF.sign(ROOT.key)).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_only_version_3(version: int) -> None:
    field = bytes.fromhex("a003020102")
    assert DER.count(field) == 1
    with pytest.raises(errors.VerificationError) as caught:
        load(pem_of(DER.replace(field, field[:-1] + bytes([version]))))
    assert caught.value.code == "cert-malformed"


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_negative_serial_number_is_refused() -> None:
    at = DER.index(bytes.fromhex("a003020102")) + 5
    negative = bytearray(DER)
    negative[at + 2] = 0x80
    with pytest.raises(errors.VerificationError) as caught:
        load(pem_of(bytes(negative)))
    assert caught.value.code == "cert-malformed"


@given(st.data())
def test_damaged_certificates_are_refused_cleanly(data: st.DataObject) -> None:
    """Any change at all: the signature covers everything but itself."""
    der = bytearray(DER)
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    if bytes(der) != DER:
        refused(pem_of(bytes(der)))


@given(st.binary(max_size=300))
def test_noise_is_refused_cleanly(noise: bytes) -> None:
    for text in (noise, pem_of(noise)):
        assert refused(text) == "cert-malformed"


def test_a_verified_leaf_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError):
        VerifiedLeaf("nl-police", bytes(32), NOW, object())
