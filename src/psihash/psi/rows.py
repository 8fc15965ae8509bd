"""Lists of fixed-width byte rows as machine words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def words(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """(n, 8k) bytes as (n, k) words, to compare and sort by; the order means nothing."""
    return np.ascontiguousarray(rows).view(np.uint64)


def has_repeats(rows: npt.NDArray[np.uint8]) -> bool:
    """Whether two rows are equal. Sorts one word, and looks at whole rows only where it ties."""
    whole = words(rows)
    first = np.sort(whole[:, 0])
    ties = np.unique(first[1:][first[1:] == first[:-1]])
    if not len(ties):
        return False
    close = whole[np.isin(whole[:, 0], ties)]
    return len(np.unique(close, axis=0)) != len(close)
