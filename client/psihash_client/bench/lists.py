"""Made-up lists of MD5 digests: random, of a given length, with a tenth in common."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from psihash.terms import AlgorithmId
from psihash_client.bench.model import overlap

_BLOCK: Final = 65_536
_WIDTH: Final = AlgorithmId.MD5.digest_bytes
_COMMON, _FIRST, _SECOND = range(3)


def write_lists(folder: Path, items: int, *, heading: str = "") -> tuple[Path, Path]:
    """Two files with one digest a line, in hex: ``items`` each, :func:`overlap` of them in both.
    The same number of items always gives the same digests."""
    paths = folder / f"first-{items}.txt", folder / f"second-{items}.txt"
    for path, own in zip(paths, (_FIRST, _SECOND), strict=True):
        with path.open("w", encoding="ascii") as stream:
            stream.write(f"{heading}\n" if heading else "")
            shared = overlap(items)
            for source, count in ((own, items - shared), (_COMMON, shared)):
                rng = np.random.default_rng([items, source])
                for done in range(0, count, _BLOCK):
                    text = rng.bytes(_WIDTH * min(_BLOCK, count - done)).hex(
                        sep="\n", bytes_per_sep=-_WIDTH
                    )
                    stream.write(text + "\n")
    return paths
