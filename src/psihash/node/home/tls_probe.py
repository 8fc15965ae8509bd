"""Look at a peer's TLS certificate before gRPC does: gRPC says only that it failed, not why."""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from pathlib import Path

from psihash import errors
from psihash.identity.certificates import verify_leaf
from psihash.identity.trust import KnownPeer, VerifiedPeer, verify_peer
from psihash.node.node import Node

PEER_UNREACHABLE = errors.define("peer-unreachable", "no connection to the peer could be made")
TLS_FAILED = errors.define("tls-failed", "the peer's TLS handshake failed")
TLS_REFUSED = errors.define("tls-refused", "the peer's node does not accept our certificate")
OWN_CERTIFICATE = errors.define(
    "own-certificate", "this node's own certificate has expired or is not sound"
)
BAD_ENDPOINT = errors.define("bad-endpoint", "an address is not of the form HOST:PORT")

_UNREACHABLE = "check the address on the peer's card and that the peer runs `psihash serve`"


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """``host:port`` or ``[v6]:port``."""
    host, _, port = endpoint.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    # Five digits at most: Python refuses to read a very long number, in its own words.
    if not (host and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65536):
        raise errors.InputError(BAD_ENDPOINT, "an address has the form HOST:PORT")
    return host, int(port)


def probe(node: Node, peer: KnownPeer, endpoint: str, *, timeout: float = 5.0) -> VerifiedPeer:
    """Connect, take the certificate that answers, and prove that it is the peer's.

    Raises UnavailableError (``peer-unreachable``, ``tls-failed``, ``tls-refused``), RefusedError
    (``own-certificate``) or what ``verify_peer`` raises.
    """
    _check_own_certificate(node)
    der, welcome = _certificate(node, endpoint, timeout)
    pem = ssl.DER_cert_to_PEM_cert(der).encode()
    verified = verify_peer(pem, node.directory, node.now(), expected=peer.card.agency)
    if not welcome:
        raise errors.UnavailableError(
            TLS_REFUSED,
            f"{peer.card.agency} does not accept the certificate of this node",
            hint="ask them: `psihash peer list` shows whether they hold this agency's card",
        )
    return verified


def _check_own_certificate(node: Node) -> None:
    """The other side's TLS library would refuse it without a word."""
    try:
        verify_leaf(node.tls_pem, node.ca_pem, node.agency, node.now())
    except errors.VerificationError as error:
        raise errors.RefusedError(
            OWN_CERTIFICATE,
            f"this node's own certificate would be refused: {error.message}",
            hint="run `psihash renew`",
        ) from None


def _certificate(node: Node, endpoint: str, timeout: float) -> tuple[bytes, bool]:
    """The certificate that answers, and whether ours was accepted there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Nothing is trusted here: the certificate is only taken, and verified by our own code.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        _load_own_certificate(context, node)
    except ssl.SSLError:
        raise errors.StateError(
            OWN_CERTIFICATE,
            "this node's TLS key and certificate do not belong together",
            hint="run `psihash renew`",
        ) from None
    try:
        with (
            socket.create_connection(split_endpoint(endpoint), timeout=timeout) as raw,
            context.wrap_socket(raw) as tls,
        ):
            certificate = tls.getpeercert(binary_form=True)
            welcome = _is_welcome(tls)
    except ssl.SSLEOFError:
        raise errors.UnavailableError(
            PEER_UNREACHABLE, f"{endpoint} broke the connection off", hint=_UNREACHABLE
        ) from None
    except ssl.SSLError:
        raise errors.UnavailableError(
            TLS_FAILED,
            f"{endpoint} does not speak TLS 1.3 as a psihash node does",
            hint="check that the address and port are the peer's psihash node",
        ) from None
    except OSError as fault:
        raise errors.UnavailableError(
            PEER_UNREACHABLE,
            f"{endpoint} cannot be reached: {fault.strerror or fault}",
            hint=_UNREACHABLE,
        ) from None
    if certificate is None:
        raise errors.UnavailableError(TLS_FAILED, "the peer showed no certificate")
    return certificate, welcome


def _is_welcome(tls: ssl.SSLSocket) -> bool:
    """In TLS 1.3 the server's verdict on a client's certificate comes after the handshake: its
    first frame, or an alert, or, from gRPC, just the end of the connection."""
    try:
        return bool(tls.recv(1))
    except ssl.SSLError:
        return False


def _load_own_certificate(context: ssl.SSLContext, node: Node) -> None:
    """Python's ssl reads keys from files only: one in memory, or a private one for a moment."""
    pem = node.keys.tls_pem() + node.tls_pem
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("psihash-tls"), "wb") as stream:
            stream.write(pem)
            stream.flush()
            context.load_cert_chain(f"/proc/self/fd/{stream.fileno()}")
        return
    with tempfile.TemporaryDirectory(prefix="psihash-") as folder:
        path = Path(folder) / "tls"
        path.touch(mode=0o600)
        path.write_bytes(pem)
        context.load_cert_chain(path)
