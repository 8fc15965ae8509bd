"""Hashing of many rows: by psihash-native where it is installed, else in Python, to equal bytes.

Arrays are C-contiguous ``uint8`` of shape (n, width).
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Final

import numpy as np
import numpy.typing as npt


def _load() -> ModuleType | None:
    try:
        return importlib.import_module("psihash_native")
    except ImportError:
        return None


native: ModuleType | None = _load()
"""psihash-native, or None. Tests set it to None to run the plain code."""

HASH_BYTES: Final = 32
_ROWS_AT_ONCE: Final = 1 << 16
"""Rows turned into Python bytes at a time; bounds the extra memory to some megabytes."""

Bytes2D = npt.NDArray[np.uint8]


def rows(data: bytes | bytearray, width: int) -> Bytes2D:
    """Joined rows as an array (n, width) over the same memory."""
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, width)


def hash_rows(prefix: bytes, values: Bytes2D) -> Bytes2D:
    """SHA-256(prefix, eight-byte length of a row, row) of each row: (n, 32)."""
    if not len(values):
        return np.empty((0, HASH_BYTES), dtype=np.uint8)
    width = values.shape[1]
    if native is not None:
        return rows(native.hash_rows(prefix, np.ascontiguousarray(values), width), HASH_BYTES)
    base = hashlib.sha256(prefix + width.to_bytes(8, "big"))
    out = np.empty((len(values), HASH_BYTES), dtype=np.uint8)
    for start in range(0, len(values), _ROWS_AT_ONCE):
        flat = values[start : start + _ROWS_AT_ONCE].tobytes()
        out[start : start + _ROWS_AT_ONCE] = rows(b"".join(_each(base, flat, width)), HASH_BYTES)
    return out


def _each(base: hashlib._Hash, flat: bytes, width: int) -> Iterator[bytes]:
    for start in range(0, len(flat), width):
        state = base.copy()
        state.update(flat[start : start + width])
        yield state.digest()


def sorted_union(lists: list[Bytes2D], width: int) -> Bytes2D:
    """The distinct rows of some lists, sorted; each list is sorted and distinct itself."""
    if len(lists) == 1:
        return lists[0]
    joined = np.concatenate([np.empty((0, width), dtype=np.uint8), *lists])
    return sorted_distinct(joined)


def sorted_distinct(values: Bytes2D) -> Bytes2D:
    """The distinct rows, sorted. Sorts a contiguous array in its place."""
    ordered = as_one(values)
    ordered.sort()
    kept = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
    distinct: Bytes2D = ordered.view(np.uint8).reshape(values.shape)[kept]
    return distinct


def distinct_numbers(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The distinct ones, ascending. Not numpy's unique, which hashes them and takes ten times as
    long."""
    ordered = np.sort(values)
    found: npt.NDArray[np.int64] = ordered[
        np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
    ]
    return found


def byte_order(values: Bytes2D) -> npt.NDArray[np.int64]:
    """The order that sorts rows of at least 8 bytes; equal ones in any order. By their first bytes,
    which takes a seventh of the time."""
    heads = np.ascontiguousarray(values[:, :8]).view(">u8").ravel().astype(np.uint64)
    order = np.argsort(heads)
    heads = heads[order]
    tied = np.flatnonzero(heads[1:] == heads[:-1])
    if not (values[order[tied]] == values[order[tied + 1]]).all():
        order = np.argsort(as_one(values), kind="stable")
    return order.astype(np.int64, copy=False)


def is_in(values: Bytes2D, others: Bytes2D) -> npt.NDArray[np.bool_]:
    """For each row of ``values`` whether it stands in ``others``."""
    if not len(others) or not len(values):
        return np.zeros(len(values), dtype=np.bool_)
    found: npt.NDArray[np.bool_] = np.isin(as_one(values), as_one(others))
    return found


def as_one(values: Bytes2D) -> npt.NDArray[np.void]:
    """Each row as one value: these sort and compare as bytes do."""
    return np.ascontiguousarray(values).view(f"V{values.shape[1]}").ravel()


class Places:
    """Where each of many distinct rows of 32 bytes stands: 16 bytes a row, where a dict of them
    would take ten times that."""

    def __init__(self, values: Bytes2D, places: npt.NDArray[np.int64]) -> None:
        """Row i of ``values`` stands at ``places[i]``."""
        heads = np.ascontiguousarray(values[:, :8]).view(np.uint64).ravel()
        order = np.argsort(heads, kind="stable")
        self._values, self._places = values, places
        self._heads, self._order = heads[order], order

    def find(self, value: bytes) -> int | None:
        """The place of a row, or None."""
        head = np.frombuffer(value[:8], dtype=np.uint64)[0]
        at = int(np.searchsorted(self._heads, head))
        while at < len(self._heads) and self._heads[at] == head:
            row = int(self._order[at])
            if self._values[row].tobytes() == value:
                return int(self._places[row])
            at += 1
        return None
