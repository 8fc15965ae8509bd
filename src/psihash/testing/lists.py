"""Write synthetic lists: ``python -m psihash.testing.lists DIR --items N --seed S``.

Beside the lists it leaves ``scenario.json`` (counts) and, with ``--oracle``, one file per pair of
agencies and algorithm with the digests that both hold, sorted, in lower hex.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from psihash.terms import AlgorithmId
from psihash.testing.scenario import Scenario, generate

__all__ = ["Scenario", "generate", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(arguments)
    counts: list[int] = options.items
    try:
        scenario = generate(
            options.directory,
            options.seed,
            agencies=options.agencies,
            items=counts[0] if len(counts) == 1 else counts,
            overlap=options.overlap,
        )
    except ValueError as problem:
        _parser().error(str(problem))
    text = json.dumps(scenario.summary(), indent=2)
    (options.directory / "scenario.json").write_text(text + "\n")
    if options.oracle:
        _write_oracle(scenario, options.directory / "oracle")
    print(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m psihash.testing.lists",
        description="Write realistic synthetic hash lists for two or more agencies.",
    )
    parser.add_argument("directory", type=Path, help="where the lists go; made if absent")
    parser.add_argument(
        "--items", type=int, nargs="+", default=[1_000], help="items per agency: one number or each"
    )
    parser.add_argument("--seed", type=int, default=1, help="same seed, same bytes")
    parser.add_argument("--agencies", type=int, default=2, help="how many agencies")
    parser.add_argument("--overlap", type=float, default=0.1, help="share of the smallest agency")
    parser.add_argument("--oracle", action="store_true", help="also write the expected matches")
    return parser


def _write_oracle(scenario: Scenario, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for one, other in combinations(range(len(scenario.agencies)), 2):
        for algorithm in (AlgorithmId.MD5, AlgorithmId.SHA1, AlgorithmId.SHA256):
            names = f"{scenario.agencies[one].id}_{scenario.agencies[other].id}"
            lines = sorted(digest.hex() for digest in scenario.common(one, other, algorithm))
            (folder / f"{names}.{algorithm}.txt").write_text("".join(f"{x}\n" for x in lines))


if __name__ == "__main__":
    raise SystemExit(main())
