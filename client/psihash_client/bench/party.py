"""One node of a measured session, as a process of its own: ``python -m ... serve|match HOME``.

It is told what to do by lines of JSON on standard input and answers in the same way; it ends when
its standard input does, so none outlives the program that started it.

``serve``: says where it answers, then for each line what it has used so far.
``match``: says that its keys are open, then for each line ``{"peer", "agreement", "rung",
"engine"}`` runs one session and tells what that was.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from psihash import errors
from psihash.node.home import opening
from psihash.node.node import Node
from psihash.node.running import matching
from psihash.session.runs import Progress
from psihash.terms import AlgorithmId, Rung
from psihash_client.bench import usage


def main(words: list[str]) -> int:
    """Entry point; returns the exit code."""
    kind, home = words
    node = opening.open_node(Path(home))
    try:
        {"serve": serve, "match": match}[kind](node)
    except errors.PsihashError as error:
        _say({"error": {"code": error.code, "message": error.message}})
        return error.exit_code
    finally:
        node.close()
    return 0


def serve(node: Node) -> None:
    """Answer peers until standard input ends."""
    from psihash_server import main as server

    threading.Thread(target=_tell_usage, daemon=True).start()
    server.serve(node, node.settings.listen, lambda address: _say({"ready": address}))


def _tell_usage() -> None:
    for _ in sys.stdin:
        _say(usage.figures())
    os.kill(os.getpid(), signal.SIGTERM)


def match(node: Node) -> None:
    """Run the sessions that are asked for, one after the other."""
    _ = node.keys  # opened now: what is measured is the session, not the passphrase
    _say({"ready": node.agency} | usage.figures())
    for line in sys.stdin:
        _say(_one(node, json.loads(line)))


def _one(node: Node, wanted: dict[str, str]) -> dict[str, Any]:
    seen = Progress()

    def keep(progress: Progress) -> None:
        nonlocal seen
        seen = progress

    result = matching.match(
        node,
        wanted["peer"],
        wanted["agreement"],
        rung=Rung(wanted["rung"]),
        engine=wanted["engine"],
        on_progress=keep,
    )
    return usage.figures() | {
        "session": result.session,
        "matched": result.algorithms[AlgorithmId.MD5].matched,
        "bytes": seen.bytes_sent + seen.bytes_received,
    }


def _say(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
