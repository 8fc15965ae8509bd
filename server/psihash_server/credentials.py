"""TLS for the server: every active peer's authority is trusted, and each call is checked again.

gRPC verifies a client's chain against the union of all peers' authorities; which agency it is, and
that exactly that agency's authority issued it, ``verify_peer`` decides on every call.
"""

from __future__ import annotations

import grpc

from psihash.identity.trust import PeerStatus
from psihash.node.node import Node


class Credentials:
    """Server credentials that follow the list of peers without a restart."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._roots = b""

    def server_credentials(self) -> grpc.ServerCredentials:
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(), self._fetch, require_client_authentication=True
        )

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Called by gRPC for each new connection; None keeps what there is."""
        if self._union() == self._roots:
            return None
        return self._configuration()

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        self._roots = self._union()
        pair = (self._node.keys.tls_pem(), self._node.tls_pem)
        return grpc.ssl_server_certificate_configuration([pair], self._roots)

    def _union(self) -> bytes:
        """The authorities of all peers that are not revoked. A suspended peer gets through the
        handshake and is then told, by a code, that it is suspended. Our own authority stands in
        while there are no peers: an empty list would not be accepted."""
        found = [
            row.card.card.ca_pem
            for row in self._node.all_peers()
            if row.status is not PeerStatus.REVOKED
        ]
        return b"\n".join(sorted(found) or [self._node.ca_pem])
