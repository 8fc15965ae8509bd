"""A million entries in bounded memory, verified from a file as anywhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from psihash.audit.bundle_writer import BundleWriter, whole_log
from psihash.audit.checkpoint import sign_checkpoint
from psihash.audit.entry import StoredEntry, build_entry
from psihash.audit.event import Event
from psihash.audit.merkle import Frontier
from tests.audit.bench import CountingRng
from tests.audit.bundles import MADE, Agency

pytestmark = pytest.mark.soak

ENTRIES = 1_000_000
EVERY = 1_000
MEMORY_MIB = 160

VERIFY = """
import json, resource, sys
from pathlib import Path
from psihash.node.oversight import verifying
found = verifying.verify_file(Path(sys.argv[1]), verifying.anchors([sys.argv[2]]))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"entries": found["entries"], "checkpoints": found["checkpoints"], "peak": peak}))
"""


def test_a_million_entries_in_bounded_memory(tmp_path: Path) -> None:
    agency = Agency("nl-police")
    path, card = tmp_path / "big", tmp_path / "card.json"
    card.write_bytes(agency.cards[0].encoded)
    tree, rng = Frontier(), CountingRng()
    notes: dict[int, bytes] = {}

    def entries() -> Iterator[StoredEntry]:
        for seq in range(ENTRIES):
            shared = {"session": "ab" * 32, "n": seq}
            entry = build_entry(
                agency.origin, seq, MADE, Event.SESSION_OPEN, shared, {"actor": "jan"}, rng
            )
            tree.append(entry.leaf_hash)
            if tree.size % EVERY == 0:
                note = sign_checkpoint(agency.origin, tree.size, tree.root(), agency.signer)
                notes[tree.size] = note
            yield entry

    writer = BundleWriter(agency.header(), agency.signer)
    with path.open("wb") as out:
        out.write(writer.begin())
        for part in whole_log(0, entries(), notes):
            out.write(writer.write(part))
        out.write(writer.close())
    said = subprocess.run(
        [sys.executable, "-c", VERIFY, str(path), str(card)],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(said.stdout)
    assert (found["entries"], found["checkpoints"]) == (ENTRIES, ENTRIES // EVERY)
    assert found["peak"] < MEMORY_MIB
