"""What the library alone does with a peer's container, and what we do with the same bytes."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
import textwrap

import pytest

from psihash.psi.engines.openmined import OpenminedEngine
from psihash.terms import Role
from tests.psi import reference_p256 as ref
from tests.psi.hostile import OWN, RUNGS, SIZE, needs_library, refused, started
from tests.psi.parties import make_pair

pytestmark = needs_library

CONTAINERS: dict[str, tuple[str, str]] = {
    "bloom-all-ones": ("m.bloom_filter.num_hash_functions = 4\nm.bloom_filter.bits = ones", "100"),
    "bloom-empty": ("m.bloom_filter.num_hash_functions = 4\nm.bloom_filter.bits = b''", "abort"),
    "bloom-endless": (
        "m.bloom_filter.num_hash_functions = 2**31 - 1\nm.bloom_filter.bits = ones",
        "hang",
    ),
    "gcs-of-one": ("m.gcs.div = 0\nm.gcs.hash_range = 1\nm.gcs.bits = b'\\1'", "100"),
    "gcs-of-none": ("m.gcs.div = 0\nm.gcs.hash_range = 0\nm.gcs.bits = b'\\1'", "abort"),
    "raw-unsorted": ("m.raw.encrypted_elements.extend(reversed(setup()))", "lost"),
}

PROGRAM = """
    import os
    import private_set_intersection.python as psi
    from private_set_intersection.python import _openmined_psi as native

    rows, ones = [os.urandom(32) for _ in range(100)], b"\\xff" * 100
    client, server = psi.client.CreateWithNewKey(True), psi.server.CreateWithNewKey(True)
    response = server.ProcessRequest(client.CreateRequest(rows))

    def setup():
        made = server.CreateSetupMessage(0.0, 1, rows, psi.DataStructure.RAW)
        return made.raw.encrypted_elements

    m = psi.ServerSetup()
    {fill}
    print(m.SerializeToString().hex(), flush=True)
    print(len(client.GetIntersection(m, response)), flush=True)
"""


def library_alone(fill: str) -> tuple[bytes, str]:
    """The container's bytes, and what the library makes of them: abort, hang or a number."""
    body = textwrap.dedent(PROGRAM).format(fill=fill)
    process = subprocess.Popen(
        [sys.executable, "-c", body], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    container = bytes.fromhex(process.stdout.readline().strip())
    try:
        found, _ = process.communicate(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return container, "hang"
    return container, "abort" if process.returncode < 0 else found.strip()


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_of_the_peer_never_reaches_the_library(name: str) -> None:
    fill, expected = CONTAINERS[name]
    container, seen = library_alone(fill)
    if expected == "lost":
        assert int(seen) < 100, "the library finds all in an unsorted list: say so in the docs"
    else:
        assert seen == expected, "the library has changed: read its notes again"
    for rung in RUNGS:
        for side in make_pair(OpenminedEngine(), rung, OWN, OWN):
            list(side.start())
            assert refused(side, container) == "psi-bad-frame"
        head = struct.pack(">BBBII", 1, ref.SETUP, RUNGS.index(rung) + 1, SIZE, 0)
        side, wire, _ = started(Role.RECEIVER, rung)
        body = head + container
        tail = hashlib.sha256(wire.running + body).digest()
        assert refused(side, body + tail) in {"psi-wrong-count", "psi-bad-frame"}
