"""A certificate maker that lets a test get one thing wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
URI = "spiffe://psihash/agency/"
BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
ROOT_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
LEAF_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")])


@dataclass(frozen=True)
class Recipe:
    """What a certificate says. The default is a sound leaf of nl-police."""

    subject: x509.Name = LEAF_NAME
    issuer: x509.Name = ROOT_NAME
    uris: Sequence[str] = (URI + "nl-police",)
    start: dt.datetime = NOW - dt.timedelta(days=1)
    end: dt.datetime = NOW + dt.timedelta(days=30)
    is_ca: bool | None = False
    signs: bool = False
    digital_signature: bool = True
    usage: bool = True
    uses: Sequence[x509.ObjectIdentifier] | None = BOTH
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    hash_algorithm: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    extra: Sequence[tuple[x509.ExtensionType, bool]] = ()

    def but(self, **changes: Any) -> Recipe:
        return replace(self, **changes)

    def sign(self, issuer_key: Any) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.issuer)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.start)
            .not_valid_after(self.end)
        )
        for value, critical in self._extensions():
            builder = builder.add_extension(value, critical)
        certificate = builder.sign(issuer_key, self.hash_algorithm)  # type: ignore[arg-type]
        return certificate.public_bytes(serialization.Encoding.PEM)

    def _extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        extensions: list[tuple[x509.ExtensionType, bool]] = list(self.extra)
        if self.is_ca is not None:
            extensions.append((x509.BasicConstraints(self.is_ca, None), True))
        if self.usage:
            extensions.append((self._key_usage(), True))
        if self.uses is not None:
            extensions.append((x509.ExtendedKeyUsage(self.uses), False))
        if self.uris:
            names = [x509.UniformResourceIdentifier(uri) for uri in self.uris]
            extensions.append((x509.SubjectAlternativeName(names), False))
        return extensions

    def _key_usage(self) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=self.digital_signature,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=self.signs,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )


@dataclass(frozen=True)
class Root:
    """An authority made by hand."""

    recipe: Recipe = field(
        default_factory=lambda: Recipe(
            subject=ROOT_NAME, uris=(), is_ca=True, signs=True, digital_signature=False, uses=None
        )
    )

    @property
    def key(self) -> Any:
        return self.recipe.key

    @property
    def pem(self) -> bytes:
        return self.recipe.sign(self.recipe.key)
