"""Comparing our log with a bundle that a partner handed over."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from psihash.node.node import Node
from psihash.node.oversight import bundles, verifying
from psihash.node.oversight.bundles import Scope
from psihash.node.peering import peers
from psihash.node.people.roles import use_case


@use_case("audit export")
def compare(node: Node, peer: str, theirs: BinaryIO) -> dict[str, Any]:
    """Hold the partner's bundle against what our log has in common with it.

    Both lie beside the store while they are compared, and then no more. Raises NotFoundError
    ``unknown-peer``, and InputError or VerificationError (``logs-differ``) where it does not hold.
    """
    peers.require(node, peer)
    spool = node.stores.database.spool
    with tempfile.TemporaryDirectory(prefix="psihash-compare-", dir=spool) as folder:
        own_file, their_file = Path(folder, "ours.bundle"), Path(folder, "theirs.bundle")
        with their_file.open("xb") as stream:
            shutil.copyfileobj(theirs, stream)
        bundles.export(node, own_file, Scope(peer=peer))
        return verifying.compare_files(own_file, their_file, verifying.home_trust(node))
