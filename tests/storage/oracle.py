"""What the holdings are after some imports, removals and exclusions: the rules in plain Python.

Every item keeps the rows that made it, so it is known of each row whether it is held or why not.
Rows with a trivial digest are not in here.

The rules of an exclusion:

1. A digest on the list takes out every item that carries it, from all collections, with all that
   any row said about that item: also the rows that name other digests of it, or joined it.
2. An import leaves out the rows that name a digest on the list, and with each of them the rows of
   the same import that are identified by the same digest. What is held it never takes out.
3. What is out is forgotten. A later row that names no digest on the list comes in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from psihash.hashset.model import Digest, Row, Verdict
from psihash.terms import AlgorithmId

_STRENGTH = {algorithm: number for number, algorithm in enumerate(AlgorithmId)}


@dataclass(eq=False)
class Item:
    """One item with the rows that are held of it."""

    digests: set[Digest] = field(default_factory=set)
    other: set[tuple[str, str]] = field(default_factory=set)
    size: int | None = None
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    """By collection."""

    @property
    def identity(self) -> Digest:
        """What identifies it: an MD5, else a SHA-1, else the first other digest."""
        return min(self.digests, key=_strength)

    def verdicts(self) -> set[tuple[str, Verdict]]:
        """As in ``HeldItem``."""
        return {
            (name, row.verdict) for name, rows in self.rows.items() for row in rows if row.verdict
        }

    def absorb(self, other: Item) -> None:
        """Take over everything from an item that turned out to be this one."""
        self.digests |= other.digests
        self.other |= other.other
        self.size = other.size if self.size is None else self.size
        for name, rows in other.rows.items():
            self.rows[name] += rows


@dataclass
class Oracle:
    """The holdings. ``items`` are in the order of their age."""

    items: list[Item] = field(default_factory=list)
    listed: set[Digest] = field(default_factory=set)

    def add(self, name: str, rows: list[Row], *, replace: bool) -> tuple[list[Item], int]:
        """An import; returns the items that it described and how many groups it left out."""
        old = {id(item): len(item.rows.get(name, ())) for item in self.items}
        groups: dict[Digest, list[Row]] = defaultdict(list)
        for row in rows:
            groups[row.digests[0]].append(row)
        kept = {k: g for k, g in groups.items() if self.listed.isdisjoint(named(g))}
        before = list(self.items)
        homes = {
            key: next((item for item in before if key in item.digests), None)
            for key in sorted(kept, key=lambda key: (_strength(key), key.raw))
        }
        for key, item in homes.items():
            self._take(name, kept[key], item)
        if replace:
            for item in before:
                del item.rows[name][: old[id(item)]]
        self._join(named(row for group in kept.values() for row in group))
        self._sweep()
        touched = [item for item in self.items if _holds_one(item, name, kept)]
        return touched, len(groups) - len(kept)

    def _take(self, name: str, group: list[Row], item: Item | None) -> None:
        """Rows of one identity belong to the oldest item that carried it, or make a new one."""
        if item is None:
            item = Item()
            self.items.append(item)
        item.digests |= named(group)
        item.rows[name] += group
        for row in group:
            item.other |= set(row.other)
            item.size = row.size if item.size is None else item.size

    def _join(self, said: set[Digest]) -> None:
        """Items join the oldest better identified one that carries their identity, else one that
        shares another digest with them and contradicts none."""
        for algorithm in reversed(list(AlgorithmId)[1:]):
            strong = [i for i in self.items if _strength(i.identity) < _STRENGTH[algorithm]]
            weak = [i for i in self.items if i.identity.algorithm is algorithm]
            joins = [(item, _better(item, strong, said)) for item in weak]
            for item, found in joins:
                if found is not None:
                    found.absorb(item)
                    self.items.remove(item)

    def remove(self, name: str) -> None:
        """Delete a collection."""
        for item in self.items:
            item.rows.pop(name, None)
        self._sweep()

    def exclude(self, rows: list[Row]) -> int:
        """Put digests on the list; returns how many items went."""
        self.listed |= named(rows)
        count = len(self.items)
        self.items = [item for item in self.items if self.listed.isdisjoint(item.digests)]
        return count - len(self.items)

    def _sweep(self) -> None:
        """Items that no collection holds any more are forgotten, with their digests."""
        self.items = [item for item in self.items if any(item.rows.values())]

    def holds(self, name: str, row: Row) -> bool:
        """Whether this very row, not one equal to it, is held."""
        return any(each is row for item in self.items for each in item.rows.get(name, ()))


def _strength(digest: Digest) -> int:
    return _STRENGTH[digest.algorithm]


def _better(weak: Item, strong: list[Item], said: set[Digest]) -> Item | None:
    """The item that ``weak`` joins. ``said`` are the digests of the rows taken in."""
    for key in sorted(weak.digests & said, key=_strength):
        for item in strong:
            if key in item.digests and (key == weak.identity or _agree(weak, item)):
                return item
    return None


def _agree(one: Item, other: Item) -> bool:
    """Whether they have together one digest of each algorithm at most."""
    both = one.digests | other.digests
    return len(both) == len({digest.algorithm for digest in both})


def named(rows: Iterable[Row]) -> set[Digest]:
    """All digests of some rows."""
    return {digest for row in rows for digest in row.digests}


def connected(rows: Iterable[Row], listed: set[Digest]) -> set[Digest]:
    """The digests that some chain of rows leads to from a listed one: whatever the holdings' rules
    of joining are, an exclusion has no business with any other."""
    reached, left = set(listed), list(rows)
    while touching := [row for row in left if not reached.isdisjoint(row.digests)]:
        reached |= named(touching)
        left = [row for row in left if row not in touching]
    return reached


def _holds_one(item: Item, name: str, kept: dict[Digest, list[Row]]) -> bool:
    own = {id(row) for group in kept.values() for row in group}
    return any(id(row) in own for row in item.rows.get(name, ()))
