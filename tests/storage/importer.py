"""A process that imports a list and kills itself at a given statement of the merge.

``python importer.py URL SPOOL STATEMENT``; statement -1 dies while rows are taken in, a statement
past the end lets the import finish.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from psihash.hashset.model import Digest, Row
from psihash.storage.database import Database
from psihash.storage.holdings import Holdings
from psihash.storage.merge import Merge
from psihash.terms import AlgorithmId, CollectionKind


def _row(number: int) -> Row:
    noise = hashlib.sha512(number.to_bytes(8, "big")).digest()
    return Row((Digest(AlgorithmId.MD5, noise[:16]), Digest(AlgorithmId.SHA1, noise[16:36])))


def main() -> None:
    url, spool, fatal = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    holdings = Holdings(Database.open(url, spool=spool))
    run = holdings.begin_import(
        "killed", CollectionKind.CASE, replace=False, dry_run=False, now="2026-01-01T00:00:00Z"
    )
    run.add(_row(number) for number in range(30_000))
    if fatal == -1:
        os.kill(os.getpid(), signal.SIGKILL)
    statements = 0
    execute = Merge._execute

    def counted(self: Merge, statement: str, more: Any) -> Any:
        nonlocal statements
        if statements == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        statements += 1
        return execute(self, statement, more)

    Merge._execute = counted  # type: ignore[method-assign]
    run.finish("list", "0" * 64, 1, "plain")
    print(statements)


if __name__ == "__main__":
    main()
