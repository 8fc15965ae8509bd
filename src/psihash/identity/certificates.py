"""Reading and checking certificates: which agency a TLS peer is.

A leaf names its agency in exactly one URI SAN, ``spiffe://psihash/agency/<id>``. That name means
nothing until :func:`verify_leaf` has checked the leaf against the authority on that agency's card,
because a TLS library trusts every peer's authority for every name.

What ``verify_leaf`` owes its callers:

1. the leaf is one well-formed X.509 v3 certificate, and names exactly one agency, the expected one;
2. it is signed by exactly the given authority, which is itself a sound one (P-256, self-signed);
3. leaf and authority are both valid now;
4. it is no authority, may serve as server and client, has a P-256 key, and carries no critical
   extension that we do not check.

Sources: RFC 5280, SPIFFE X509-SVID sections 2 to 5. Times are aware datetimes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from dataclasses import dataclass
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

from psihash import errors, terms

CERT_MALFORMED: Final = errors.define("cert-malformed", "a certificate cannot be read")
CERT_EXPIRED: Final = errors.define("cert-expired", "a certificate or its authority has expired")
CERT_NOT_YET_VALID: Final = errors.define(
    "cert-not-yet-valid", "a certificate or its authority is not valid yet; compare the clocks"
)
CERT_WRONG_CA: Final = errors.define(
    "cert-wrong-ca", "a certificate was not issued by the authority on the agency's card"
)
CERT_WRONG_AGENCY: Final = errors.define(
    "cert-wrong-agency", "a certificate names another agency than the one expected"
)
CERT_NO_AGENCY: Final = errors.define(
    "cert-no-agency", "a certificate does not name exactly one agency"
)
CERT_BAD_USE: Final = errors.define(
    "cert-bad-use", "a certificate's key or its allowed uses do not fit its role"
)

AGENCY_URI: Final = "spiffe://psihash/agency/"
MAX_CERTIFICATE_BYTES: Final = 16 * 1024

_PEM: Final = re.compile(
    rb"\s*-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*"
)
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,  # where warnings are errors: forms that will be refused soon
)
_CHECKED_EXTENSIONS: Final = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.SubjectAlternativeName,
)
_MADE_HERE: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedLeaf:
    """A leaf that passed :func:`verify_leaf`, which alone makes these."""

    agency: str
    fingerprint: bytes
    """SHA-256 over the certificate's DER, 32 bytes."""
    expires: dt.datetime
    """When the leaf or its authority ends, whichever is first; long streams look again."""
    _proof: object

    def __post_init__(self) -> None:
        if self._proof is not _MADE_HERE:
            raise TypeError("only verify_leaf makes a VerifiedLeaf")


def verify_leaf(leaf_pem: bytes, ca_pem: bytes, agency: str, now: dt.datetime) -> VerifiedLeaf:
    """Check that ``leaf_pem`` is a TLS certificate of ``agency`` under the authority ``ca_pem``.

    Raises VerificationError with one of the ``cert-`` codes.
    """
    leaf = load(leaf_pem)
    ca = check_authority(ca_pem)
    if _agency_named(leaf) != agency:
        raise errors.VerificationError(
            CERT_WRONG_AGENCY, "the certificate names another agency than the one expected"
        )
    _check_issued(leaf, ca, "the certificate was not issued by this agency's authority")
    _check_period(leaf, now, "the certificate")
    _check_period(ca, now, "the certificate's authority")
    _check_leaf_use(leaf)
    expires = min(leaf.not_valid_after_utc, ca.not_valid_after_utc)
    return VerifiedLeaf(agency, leaf.fingerprint(hashes.SHA256()), expires, _MADE_HERE)


def agency_of(leaf_pem: bytes) -> str:
    """The agency that a leaf names. A claim, not a fact, until ``verify_leaf`` has passed."""
    return _agency_named(load(leaf_pem))


def leaf_fingerprint(leaf_pem: bytes) -> bytes:
    """SHA-256 over the certificate's DER (32 bytes), whatever its PEM layout."""
    return hashlib.sha256(load(leaf_pem).public_bytes(serialization.Encoding.DER)).digest()


def load(pem: bytes) -> x509.Certificate:
    """Parse exactly one PEM certificate, extensions and key included, within a size limit."""
    if len(pem) > MAX_CERTIFICATE_BYTES or not _PEM.fullmatch(pem):
        raise errors.VerificationError(CERT_MALFORMED, "not exactly one PEM certificate")
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        # Both are parsed only when asked for; later checks rely on their being sound.
        _ = certificate.extensions, certificate.signature_hash_algorithm
        certificate.public_key()
    except _UNREADABLE:
        raise errors.VerificationError(CERT_MALFORMED, "the certificate cannot be read") from None
    if certificate.version is not x509.Version.v3 or certificate.serial_number <= 0:
        raise errors.VerificationError(
            CERT_MALFORMED, "the certificate is not of version 3, or has no serial number"
        )
    return certificate


def check_authority(ca_pem: bytes) -> x509.Certificate:
    """Check that ``ca_pem`` is a self-signed P-256 authority. Its period is not looked at."""
    ca = load(ca_pem)
    constraints = _extension(ca, x509.BasicConstraints)
    usage = _extension(ca, x509.KeyUsage)
    if constraints is None or not constraints.ca or usage is None or not usage.key_cert_sign:
        raise _bad_use("the authority's certificate may not issue certificates")
    _check_key_and_extensions(ca)
    _check_issued(ca, ca, "the authority's certificate is not self-signed")
    return ca


def _agency_named(leaf: x509.Certificate) -> str:
    names = _extension(leaf, x509.SubjectAlternativeName)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    if len(uris) != 1 or not uris[0].startswith(AGENCY_URI):
        raise errors.VerificationError(
            CERT_NO_AGENCY, "the certificate does not name exactly one agency"
        )
    try:
        return terms.check_agency_id(uris[0].removeprefix(AGENCY_URI))
    except errors.InputError:
        raise errors.VerificationError(
            CERT_NO_AGENCY, "the certificate's agency id has a form that is not allowed"
        ) from None


def _check_issued(leaf: x509.Certificate, ca: x509.Certificate, message: str) -> None:
    if not isinstance(leaf.signature_hash_algorithm, hashes.SHA256 | hashes.SHA384 | hashes.SHA512):
        raise _bad_use("the certificate is signed with a weak or unknown hash")
    try:
        leaf.verify_directly_issued_by(ca)
    except (InvalidSignature, *_UNREADABLE):
        raise errors.VerificationError(CERT_WRONG_CA, message) from None


def _check_period(certificate: x509.Certificate, now: dt.datetime, what: str) -> None:
    if now < certificate.not_valid_before_utc:
        raise errors.VerificationError(
            CERT_NOT_YET_VALID, f"{what} is not valid yet", hint="compare both sides' clocks"
        )
    if now > certificate.not_valid_after_utc:
        raise errors.VerificationError(CERT_EXPIRED, f"{what} has expired")


def _check_leaf_use(leaf: x509.Certificate) -> None:
    constraints = _extension(leaf, x509.BasicConstraints)
    usage = _extension(leaf, x509.KeyUsage)
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    if constraints is None or constraints.ca or usage is None or usage.key_cert_sign:
        raise _bad_use("an authority's certificate stands where a TLS certificate is due")
    if not usage.digital_signature or extended is None:
        raise _bad_use("the certificate is not for TLS")
    if not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH} <= set(extended):
        raise _bad_use("the certificate is not for both ends of TLS")
    _check_key_and_extensions(leaf)


def _check_key_and_extensions(certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _bad_use("the certificate's key is not an ECDSA P-256 key")
    for extension in certificate.extensions:
        if extension.critical and not isinstance(extension.value, _CHECKED_EXTENSIONS):
            raise _bad_use("the certificate has a critical extension that is not understood")


_E = TypeVar("_E", bound=x509.ExtensionType)


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _bad_use(message: str) -> errors.VerificationError:
    return errors.VerificationError(CERT_BAD_USE, message)
