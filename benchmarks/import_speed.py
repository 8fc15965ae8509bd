"""How fast a list becomes holdings, against the ``sqlite3`` shell on the same machine.

``python benchmarks/import_speed.py [ROWS]`` makes a hashdeep list (size, MD5, SHA-256, name),
loads its four columns with the shell (``.import --csv`` and two indexes), imports it into a new
store, and prints both times, their ratio and this process's peak memory.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from psihash.hashset.formats import by_name
from psihash.storage.database import Database
from psihash.storage.holdings import Holdings
from psihash.terms import AlgorithmId, CollectionKind

_SHELL = """CREATE TABLE list (size INTEGER, md5 TEXT, sha256 TEXT, name TEXT);
.import --csv {path} list
CREATE INDEX list_md5 ON list (md5);
CREATE INDEX list_sha256 ON list (sha256);
"""


def write_lists(directory: Path, rows: int) -> tuple[Path, Path]:
    """The same rows as a hashdeep list and as plain CSV."""
    hashdeep, plain = directory / "list.txt", directory / "list.csv"
    with hashdeep.open("w") as listing, plain.open("w") as table:
        listing.write("%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n")
        for number in range(rows):
            noise = hashlib.sha512(number.to_bytes(8, "big")).hexdigest()
            line = (
                f"{number * 37 % 9_999_999},{noise[:32]},{noise[32:96]},"
                f"/evidence/folder{number % 100}/IMG_{number:08d}.jpg\n"
            )
            listing.write(line)
            table.write(line)
    return hashdeep, plain


def shell_seconds(directory: Path, plain: Path) -> float:
    """The yardstick."""
    started = time.perf_counter()
    subprocess.run(
        ["sqlite3", str(directory / "yardstick.db")],
        input=_SHELL.format(path=plain),
        text=True,
        check=True,
    )
    return time.perf_counter() - started


def import_seconds(directory: Path, hashdeep: Path) -> float:
    """Parse, group, merge and commit."""
    started = time.perf_counter()
    with Database.open(f"sqlite:///{directory / 'store.db'}") as database, hashdeep.open("rb") as f:
        holdings = Holdings(database)
        run = holdings.begin_import(
            "list", CollectionKind.CASE, replace=False, dry_run=False, now="2026-01-01T00:00:00Z"
        )
        run.add(by_name("hashdeep").read(f))
        parsed = time.perf_counter()
        report = run.finish(hashdeep.name, "0" * 64, hashdeep.stat().st_size, "hashdeep")
        finished = time.perf_counter()
        for _ in holdings.digests(AlgorithmId.MD5, ["list"]):
            pass
        print(f"parse and spool  {parsed - started:8.2f} s")
        print(f"merge and commit {finished - parsed:8.2f} s for {report.items:,} items")
        print(f"read all MD5s    {time.perf_counter() - finished:8.2f} s (not counted)")
    return finished - started


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="psihash-benchmark-") as name:
        directory = Path(name)
        hashdeep, plain = write_lists(directory, rows)
        yardstick = shell_seconds(directory, plain)
        ours = import_seconds(directory, hashdeep)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"sqlite3 shell    {yardstick:8.2f} s")
        print(f"psihash          {ours:8.2f} s, {ours / yardstick:.1f} times the shell")
        print(f"peak memory      {peak:8.0f} MiB")


if __name__ == "__main__":
    main()
