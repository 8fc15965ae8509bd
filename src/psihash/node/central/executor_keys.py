"""The TLS keys of a Dask cluster, under a certificate authority that serves nothing else.

Whoever has one of these keys can run any program on the workers and the scheduler, so they are
those of the centre's own machines, and peers never see them. The authority's key is thrown away
when the three certificates are made; new ones come under a new authority.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization

from psihash import errors
from psihash.audit.event import Event
from psihash.identity import authority, keys
from psihash.node.home import files
from psihash.node.node import Node
from psihash.node.people.roles import use_case

EXECUTOR_KEYS_MISSING = errors.define(
    "executor-keys-missing", "the home has no keys for a Dask scheduler and its workers"
)

FOLDER: Final = "executor"
CA: Final = "ca.pem"
PARTS: Final = ("client", "scheduler", "worker")
DAYS: Final = 397


def certificate(part: str) -> str:
    """The file of a part's certificate."""
    return f"{part}.pem"


def key(part: str) -> str:
    """The file of a part's private key."""
    return f"{part}.key"


def folder(node: Node) -> Path:
    return node.home / FOLDER


def require(path: Path) -> None:
    """Raise NotFoundError ``executor-keys-missing`` unless the client's files are there."""
    if not all((path / name).is_file() for name in (CA, certificate("client"), key("client"))):
        raise errors.NotFoundError(
            EXECUTOR_KEYS_MISSING,
            f"{path} has no keys for a Dask cluster",
            hint="run `psihash central executor-keys`",
        )


@use_case("central init")
def make(node: Node, hosts: Sequence[str] = ()) -> Path:
    """New keys for the centre, the scheduler and its workers; those before are of no use any more.
    ``hosts``: names or addresses of the machines. Returns their folder in the home."""
    now, card = node.now(), node.card
    issuer = authority.make_ca(
        keys.new_p256_key(), node.agency, f"{card.name} executor", card.country, now
    )
    for part in PARTS:
        own = keys.new_p256_key()
        pem = authority.issue_tls(
            issuer, node.agency, own.public_key(), now, days=DAYS, hosts=list(hosts)
        )
        # Unencrypted, as the programs of Dask want them; the folder is its owner's alone.
        private = own.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        files.write(node.home, f"{FOLDER}/{certificate(part)}", pem, secret=False)
        files.write(node.home, f"{FOLDER}/{key(part)}", private)
    files.write(node.home, f"{FOLDER}/{CA}", issuer.pem, secret=False)
    node.record(Event.CONFIG_CHANGE, {"what": "keys of an executor", "parts": list(PARTS)})
    return folder(node)
