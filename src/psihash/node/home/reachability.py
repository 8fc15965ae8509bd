"""The doctor's examinations that use the network: our own port, and the way to each peer."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Final

from psihash import errors
from psihash.identity.certificates import leaf_fingerprint
from psihash.identity.trust import KnownPeer, PeerStatus
from psihash.node.home.checks import WARN_DAYS, WARNING, Findings
from psihash.node.home.tls_probe import probe, split_endpoint
from psihash.node.node import Node
from psihash.node.peering.directory import known

PROBE_SECONDS: Final = 3.0
"""How long the doctor waits for one peer."""


def listener(findings: Findings, node: Node) -> None:
    """Whether ``psihash serve`` can bind its port, or something answers there already."""
    with findings.of("listen"):
        host, port = split_endpoint(node.settings.listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind((host, port))
        except OSError as fault:
            _occupied(findings, node, fault)
            return
        findings.ok("listen", f"{node.settings.listen} is free: `psihash serve` is not running")
        _told(findings, node)


def _told(findings: Findings, node: Node) -> None:
    """Whether the card sends peers to another port than the one that is served."""
    endpoint = node.card.endpoint
    port = split_endpoint(node.settings.listen)[1]
    if endpoint is not None and split_endpoint(endpoint)[1] != port:
        findings.warn(
            "endpoint",
            f"the card sends peers to {endpoint}, and `psihash serve` listens on "
            f"{node.settings.listen}",
            "right only where something forwards the one to the other; else change 'listen' in "
            "psihash.toml, or run `psihash renew --endpoint HOST:PORT`",
        )


def _occupied(findings: Findings, node: Node, fault: OSError) -> None:
    """Something has the port: if it shows our own certificate, it is our own server."""
    listen = node.settings.listen
    host, port = split_endpoint(listen)
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - only looked up
    reached = f"[{near}]:{port}" if ":" in near else f"{near}:{port}"
    if _answers_as_us(node, reached):
        findings.ok("listen", f"{listen}: `psihash serve` of this agency answers")
    else:
        findings.error(
            "listen",
            f"{listen} cannot be bound: {fault.strerror}",
            "end what uses the port, or change 'listen' in psihash.toml",
        )


def _answers_as_us(node: Node, endpoint: str) -> bool:
    try:
        shown = ssl.get_server_certificate(split_endpoint(endpoint), timeout=PROBE_SECONDS)
        return leaf_fingerprint(shown.encode()) == node.leaf
    except (OSError, errors.VerificationError):
        return False


def peers(findings: Findings, node: Node, *, can_call: bool) -> None:
    """Whether each active peer answers at its address with its own certificate."""
    rows = node.stores.peers.all()
    if not rows:
        findings.warn("peers", "no peer is known", "run `psihash peer add CARD --fingerprint F`")
    for row in rows:
        subject = f"peer {row.agency}"
        if row.status.value != PeerStatus.ACTIVE.value:
            findings.ok(subject, f"{row.status.value}: not contacted")
            continue
        with findings.of(subject, WARNING):
            peer = known(row)
            if not can_call:
                findings.warn(subject, "not contacted: that needs this node's key and certificate")
            elif peer.card.card.endpoint is None:
                findings.ok(subject, "has no address: it must connect to us")
            else:
                _reach(findings, node, peer, peer.card.card.endpoint)


def _reach(findings: Findings, node: Node, peer: KnownPeer, endpoint: str) -> None:
    started = time.monotonic()
    verified = probe(node, peer, endpoint, timeout=PROBE_SECONDS)
    milliseconds = round(1000 * (time.monotonic() - started))
    left = (verified.expires - node.now()).days
    message = f"answers at {endpoint} in {milliseconds} ms, certificate valid for {left} days"
    if left < WARN_DAYS:
        findings.warn(f"peer {verified.agency}", message, "tell them to run `psihash renew`")
    else:
        findings.ok(f"peer {verified.agency}", message)
