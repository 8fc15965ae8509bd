"""Issuing: what the authority makes is what the checks ask for."""

from __future__ import annotations

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from psihash import errors
from psihash.identity import authority, keys
from psihash.identity.certificates import agency_of, load, verify_leaf

from .conftest import NOW, Agency


def test_issued_leaves_pass_the_check(alpha: Agency) -> None:
    verified = verify_leaf(alpha.leaf, alpha.ca.pem, "nl-police", NOW)
    assert verified.expires == NOW + dt.timedelta(days=90)
    assert agency_of(alpha.leaf) == "nl-police"
    authority_end = load(alpha.ca.pem).not_valid_after_utc
    assert authority_end == NOW + dt.timedelta(days=3653)


def test_a_clock_a_little_behind_is_no_matter(alpha: Agency) -> None:
    verify_leaf(alpha.leaf, alpha.ca.pem, "nl-police", NOW - dt.timedelta(minutes=5))
    with pytest.raises(errors.VerificationError):
        verify_leaf(alpha.leaf, alpha.ca.pem, "nl-police", NOW - dt.timedelta(minutes=6))


def test_names_in_a_leaf(alpha: Agency) -> None:
    hosts = ["node.example.org", "192.0.2.7", "2001:db8::7", "node.example.org"]
    pem = authority.issue_tls(alpha.ca, "nl-police", alpha.ring.tls.public_key(), NOW, hosts=hosts)
    names = load(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "spiffe://psihash/agency/nl-police"
    ]
    assert names.get_values_for_type(x509.DNSName) == ["node.psihash.internal", "node.example.org"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("192.0.2.7"),
        ipaddress.ip_address("2001:db8::7"),
    ]


@pytest.mark.parametrize("host", ["", "*.example.org", "a b", "a\0b", "ex\u00e4mple", "a..b"])
def test_odd_hosts_are_refused(alpha: Agency, host: str) -> None:
    with pytest.raises(errors.InputError):
        authority.issue_tls(alpha.ca, "nl-police", alpha.ring.tls.public_key(), NOW, hosts=[host])


def test_a_leaf_never_outlives_its_authority(alpha: Agency) -> None:
    late = NOW + dt.timedelta(days=3650)
    pem = authority.issue_tls(alpha.ca, "nl-police", alpha.ring.tls.public_key(), late)
    assert load(pem).not_valid_after_utc == load(alpha.ca.pem).not_valid_after_utc
    with pytest.raises(errors.StateError) as caught:
        authority.issue_tls(
            alpha.ca, "nl-police", alpha.ring.tls.public_key(), NOW + dt.timedelta(days=4000)
        )
    assert caught.value.code == "cert-expired"


def test_a_key_of_another_authority_issues_nothing(alpha: Agency, beta: Agency) -> None:
    mixed = authority.CertificateAuthority(beta.ca.key, alpha.ca.pem)
    with pytest.raises(errors.InputError) as caught:
        authority.issue_tls(mixed, "nl-police", alpha.ring.tls.public_key(), NOW)
    assert caught.value.code == "ca-key-mismatch"


def test_only_p256_authorities_and_leaves(alpha: Agency) -> None:
    wrong = ec.generate_private_key(ec.SECP384R1())
    for make in (
        lambda: authority.make_ca(wrong, "nl-police", "Politie", "NL", NOW),
        lambda: authority.issue_tls(alpha.ca, "nl-police", wrong.public_key(), NOW),
    ):
        with pytest.raises(errors.VerificationError) as caught:
            make()
        assert caught.value.code == "cert-bad-use"


def test_a_long_name_is_cut_in_the_certificate_only() -> None:
    name = "x" * 63 + " " + "y" * 100
    ca = authority.make_ca(keys.new_p256_key(), "a" * 63, name, "NL", NOW)
    pem = authority.issue_tls(ca, "a" * 63, keys.new_p256_key().public_key(), NOW)
    verify_leaf(pem, ca.pem, "a" * 63, NOW)


@pytest.mark.parametrize(
    ("agency", "name", "country"),
    [("nl police", "Politie", "NL"), ("nl", "", "NL"), ("nl", "Pol\nitie", "NL"), ("nl", "P", "N")],
)
def test_odd_authorities_are_refused(agency: str, name: str, country: str) -> None:
    with pytest.raises(errors.InputError):
        authority.make_ca(keys.new_p256_key(), agency, name, country, NOW)
