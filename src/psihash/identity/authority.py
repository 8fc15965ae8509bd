"""An agency's own certificate authority: making it, and issuing TLS certificates under it.

Host names carry no trust here: agencies move between addresses, and the connecting side trusts one
authority per target. TLS libraries insist on checking a host name all the same, so every leaf has
:data:`NODE_HOST` as a DNS SAN and the connecting side asks for that name
(``grpc.ssl_target_name_override``). Further host names may be added for other tools.

Source: RFC 5280. Times are aware datetimes; certificates count in seconds.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from psihash import errors, terms
from psihash.identity import fields
from psihash.identity.certificates import (
    AGENCY_URI,
    CERT_EXPIRED,
    check_authority,
    verify_leaf,
)

CA_KEY_MISMATCH: Final = errors.define(
    "ca-key-mismatch", "the authority's private key does not belong to its certificate"
)

NODE_HOST: Final = "node.psihash.internal"
"""The host name in every leaf; ``.internal`` is reserved and never resolves in public."""
CA_DAYS: Final = 3653
"""Ten years."""
LEAF_DAYS: Final = 90
BACKDATED: Final = dt.timedelta(minutes=5)
"""How far two agencies' clocks may differ when a fresh certificate is first used."""

_MAX_ORGANISATION: Final = 64
"""RFC 5280's bound on an organisation name; the card has the full one."""


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """An authority with its private key; needed only to issue and to rotate."""

    key: ec.EllipticCurvePrivateKey
    pem: bytes

    def certificate(self) -> x509.Certificate:
        """The checked certificate; raises where the key is another authority's."""
        certificate = check_authority(self.pem)
        if certificate.public_key() != self.key.public_key():
            raise errors.InputError(
                CA_KEY_MISMATCH, "the authority's key does not belong to its certificate"
            )
        return certificate


def make_ca(
    key: ec.EllipticCurvePrivateKey, agency: str, name: str, country: str, now: dt.datetime
) -> CertificateAuthority:
    """A self-signed authority for ``agency``, valid for ten years from ``now``."""
    subject = _subject(
        agency,
        fields.check_text(name, "name"),
        fields.check_country(country),
        unit="psihash certificate authority",
    )
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _builder(subject, subject, key.public_key(), _period(now, CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(issues=True), critical=True)
        .add_extension(key_id, critical=False)
        .sign(key, hashes.SHA256())
    )
    ca = CertificateAuthority(key, certificate.public_bytes(serialization.Encoding.PEM))
    ca.certificate()  # what a peer would refuse must not leave here
    return ca


def issue_tls(
    ca: CertificateAuthority,
    agency: str,
    key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
    *,
    days: int = LEAF_DAYS,
    hosts: Sequence[str] = (),
) -> bytes:
    """A TLS certificate (PEM) for ``key``, for server and client use, under ``ca``.

    ``hosts`` are further DNS names or IP addresses beside :data:`NODE_HOST`. The certificate never
    outlives the authority.
    """
    issuer = ca.certificate()
    name, country = _first(issuer, NameOID.ORGANIZATION_NAME), _first(issuer, NameOID.COUNTRY_NAME)
    subject = _subject(agency, name, country, unit="psihash node")
    start, end = _period(now, days)
    period = start, min(end, issuer.not_valid_after_utc)
    if period[0] >= period[1]:
        raise errors.StateError(CERT_EXPIRED, "the authority has expired: rotate it first")
    certificate = (
        _builder(subject, issuer.subject, key, period)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(issues=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(_alternative_names(agency, hosts), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False
        )
        .sign(ca.key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    verify_leaf(pem, ca.pem, agency, now)  # what a peer would refuse must not leave here
    return pem


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    period: tuple[dt.datetime, dt.datetime],
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(period[0])
        .not_valid_after(period[1])
    )


def _alternative_names(agency: str, hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(AGENCY_URI + terms.check_agency_id(agency)),
        x509.DNSName(NODE_HOST),
    ]
    for host in dict.fromkeys(hosts):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(fields.check_host(host)))
    return x509.SubjectAlternativeName(names)


def _subject(agency: str, name: str, country: str, *, unit: str) -> x509.Name:
    """Authority and node differ in ``unit``: a leaf must not look self-issued."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, country),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name[:_MAX_ORGANISATION].strip()),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, terms.check_agency_id(agency)),
        ]
    )


def _first(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    return str(certificate.subject.get_attributes_for_oid(oid)[0].value)


def _period(now: dt.datetime, days: int) -> tuple[dt.datetime, dt.datetime]:
    start = now.astimezone(dt.UTC).replace(microsecond=0) - BACKDATED
    return start, start + BACKDATED + dt.timedelta(days=days)


def _usage(*, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )
