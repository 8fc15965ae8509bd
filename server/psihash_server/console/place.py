"""Where the console answers: its address, how browsers name it, and what its cookie is called."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from psihash import errors
from psihash.node.home.tls_probe import split_endpoint

CONSOLE_NEEDS_TLS = errors.define(
    "console-needs-tls", "without TLS the console listens on a loopback address only"
)
CONSOLE_CERTIFICATE = errors.define(
    "console-certificate", "the console's TLS certificate or key cannot be used"
)

_COOKIE: Final = "psihash-console"
_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM: the certificate with its chain, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Place:
    """One console's address. ``hosts``: what a browser may call it; anything else is another
    site's name for this address (DNS rebinding)."""

    host: str
    port: int
    hosts: frozenset[str]
    tls: Tls | None = None

    @property
    def scheme(self) -> str:
        return "http" if self.tls is None else "https"

    @property
    def cookie(self) -> str:
        """With TLS a name that browsers tie to this host and to https."""
        return _COOKIE if self.tls is None else f"__Host-{_COOKIE}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{sorted(self.hosts)[0]}/"


def of(listen: str, tls: Tls | None) -> Place:
    """Raises InputError ``console-needs-tls``, ``console-certificate``, ``bad-endpoint``."""
    host, port = split_endpoint(listen)
    plain = host.strip("[]")
    if tls is None and not _is_loopback(plain):
        raise errors.InputError(
            CONSOLE_NEEDS_TLS,
            "without TLS the console listens on a loopback address only",
            hint="use 127.0.0.1:PORT, or add --tls-certificate FILE --tls-key FILE",
        )
    names = _LOOPBACK_NAMES if tls is None else tuple(_names(tls))
    hosts = frozenset(_with_port(name, port, tls) for name in names)
    return Place(plain, port, hosts, tls)


def context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.3 with the files. Raises InputError ``console-certificate``."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        # A key under a passphrase is refused: a service has nobody to ask.
        made.load_cert_chain(tls.certificate, tls.key, password="")
    except (OSError, ValueError):
        raise _unusable() from None
    return made


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _with_port(name: str, port: int, tls: Tls | None) -> str:
    usual = 80 if tls is None else 443
    return name if port == usual else f"{name}:{port}"


def _names(tls: Tls) -> Iterator[str]:
    """The names and addresses that the certificate is for."""
    try:
        leaf = x509.load_pem_x509_certificates(tls.certificate.read_bytes())[0]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, IndexError, x509.ExtensionNotFound):
        raise _unusable() from None
    found = [name.lower() for name in names.get_values_for_type(x509.DNSName) if "*" not in name]
    found += (
        f"[{address}]" if address.version == 6 else str(address)
        for address in names.get_values_for_type(x509.IPAddress)
    )
    if not found:
        raise _unusable()
    yield from found


def _unusable() -> errors.InputError:
    return errors.InputError(
        CONSOLE_CERTIFICATE,
        "the TLS certificate or key cannot be used",
        hint="PEM files, the key without a passphrase; the certificate names the console's host "
        "in subjectAltName, without wildcard",
    )
