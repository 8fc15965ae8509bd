"""Bundles of this agency's log: the whole log, what is common with a peer, one session."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psihash import errors
from psihash.audit.bundle import CheckpointLine, DocumentLine, EntryLine, Header, Kind
from psihash.audit.bundle_writer import BundleWriter, selection, whole_log
from psihash.audit.cosignature import attach, cosigner_name
from psihash.audit.entry import Entry, StoredEntry, log_origin, open_entry
from psihash.audit.merkle import Frontier, StoredTree
from psihash.node.clock import milliseconds
from psihash.node.node import LazySigner, Node
from psihash.node.oversight import evidence
from psihash.node.people.roles import use_case
from psihash.node.running import sessions
from psihash.storage.sessions import SessionRow

BUNDLE_UNWRITABLE = errors.define("bundle-unwritable", "a bundle cannot be written to that file")
NO_COMMON_ENTRIES = errors.define(
    "no-common-entries", "the log has no entries in common with that peer, or of that session"
)

_CHUNK = 65_536
_Parts = Iterator[EntryLine | CheckpointLine | DocumentLine]


@dataclass(frozen=True, slots=True)
class Scope:
    """What of the log goes into a bundle; all of it where nothing is named."""

    since: str | None = None
    peer: str | None = None
    session: str | None = None


@use_case("audit export")
def export(node: Node, out: Path, scope: Scope) -> dict[str, Any]:
    """Write a bundle to a file that does not exist yet; it appears whole or not. Signs the log as
    it stands first."""
    prepared = prepare(node, scope)
    size = write(out, prepared.lines())
    header, written = prepared.header, prepared.writer.written
    return {
        "bundle": str(out),
        "kind": header.kind.value,
        "origin": header.origin,
        "size": prepared.size,
        "entries": written.entries,
        "checkpoints": written.checkpoints,
        "bytes": size,
    }


@dataclass
class Prepared:
    """A bundle that waits to be written; its lines come once."""

    header: Header
    size: int
    writer: BundleWriter
    parts: _Parts

    def lines(self) -> Iterator[bytes]:
        yield self.writer.begin()
        for part in self.parts:
            yield self.writer.write(part)
        yield self.writer.close()


def prepare(node: Node, scope: Scope) -> Prepared:
    """Choose what goes in, under a checkpoint of the log as it stands."""
    row = None if scope.session is None else sessions.find(node, scope.session)
    note = node.log.checkpoint()
    size = int(note.split(b"\n", 2)[1])
    if row is not None:
        header, parts = _of_session(node, row, size)
    elif scope.peer is not None:
        header, parts = _of_peer(node, scope, size)
    else:
        header, parts = _of_log(node, scope.since, size)
    signer = LazySigner(node.card.keys.log, lambda: node.keys.log)
    return Prepared(header, size, BundleWriter(header, signer), parts)


def _header(node: Node, kind: Kind, **more: Any) -> Header:
    values = {
        "since": None,
        "peer": None,
        "session": None,
        "start": 0,
        "frontier": Frontier().to_bytes(),
    }
    return Header(
        kind=kind,
        origin=log_origin(node.agency),
        made=_made(node),
        cards=tuple(node.own_cards),
        **(values | more),
    )


def _made(node: Node) -> str:
    """Now, or the last entry's time where the clock went back: a verifier holds one against the
    other."""
    size = node.stores.log.head().size
    last = [open_entry(stored).time for stored in node.stores.log.entries(size - 1, size)]
    return max(milliseconds(node.now()), *last)


def _of_log(node: Node, since: str | None, size: int) -> tuple[Header, _Parts]:
    start = 0 if since is None else _first_since(node, since, size)
    frontier = Frontier()
    for at in range(0, start, _CHUNK):
        frontier.extend(node.stores.log.leaf_hashes(at, min(start, at + _CHUNK)))
    notes = cosigned_notes(node, start, size)
    earlier = _earlier(cosigned_notes(node, 1, start - 1), node.log.tree(start)) if start else []
    parts = whole_log(start, node.stores.log.entries(start, size), notes, earlier)
    return _header(node, Kind.LOG, since=since, start=start, frontier=frontier.to_bytes()), parts


def cosigned_notes(node: Node, start: int, stop: int) -> dict[int, bytes]:
    """Our checkpoints of ``start <= size <= stop``, each with the cosignatures on it."""
    notes = {size: note for size, note in node.stores.log.checkpoints() if start <= size <= stop}
    lines: dict[int, list[bytes]] = {}
    for row in node.stores.witnessing.cosignatures(start, stop + 1):
        lines.setdefault(row.size, []).append(row.line)
    return {size: attach(note, lines.get(size, ())) for size, note in notes.items()}


def _of_peer(node: Node, scope: Scope, size: int) -> tuple[Header, _Parts]:
    """The shared parts of sessions with the peer, under the heads that it may hold."""
    peer = scope.peer or ""
    ids = {row.id for row in node.stores.sessions.all(peer=peer)}

    def is_common(entry: Entry) -> bool:
        if entry.shared is None:
            return False
        local, shared = entry.local_facts() or {}, entry.shared_facts() or {}
        return local.get("peer") == peer or shared.get("session") in ids

    common = [(entry.seq, entry.time) for entry in _entries(node, size) if is_common(entry)]
    chosen = [seq for seq, time in common if scope.since is None or time >= scope.since]
    header = _header(node, Kind.PEER, peer=peer, since=scope.since)
    first = common[0][0] if common else size
    heads = _heads_for(node, size, peer, first)
    return header, _selected(node, size, chosen, heads, for_peer=True)


def _heads_for(node: Node, size: int, peer: str, first: int) -> dict[int, bytes]:
    """Our heads that a peer may hold, with no cosignatures but its own and the witness's: others'
    tell of other business."""
    rows = node.stores.witnessing.cosignatures(0, size + 1)
    notes = dict(node.stores.log.checkpoints())
    wanted = _held_by(node, peer, size, first)
    found = {each: notes[each] for each in sorted(wanted) if each in notes}
    names = {cosigner_name(peer), node.settings.witness_key.partition("+")[0]}
    for row in rows:
        if row.size in found and row.cosigner in names:
            found[row.size] = attach(found[row.size], [row.line])
    return found


def _held_by(node: Node, peer: str, size: int, first: int) -> set[int]:
    """Sizes of our heads that a peer may hold: those that it cosigned, and all newer ones, because
    it cosigns what a session or an exchange shows it and may hand that over at the next contact
    only. ``first`` is its first entry, for one that has cosigned nothing yet."""
    rows = node.stores.witnessing.cosignatures(0, size + 1)
    cosigned = {row.size for row in rows if row.cosigner == cosigner_name(peer)}
    last = max(cosigned, default=first)
    newer = {each for each, _ in node.stores.log.checkpoints() if last < each <= size}
    return {size} | cosigned | newer


def _of_session(node: Node, row: SessionRow, size: int) -> tuple[Header, _Parts]:
    def is_of_it(entry: Entry) -> bool:
        told = (entry.shared_facts() or {}, entry.local_facts() or {})
        return any(facts.get("session") == row.id for facts in told)

    chosen = [entry.seq for entry in _entries(node, size) if is_of_it(entry)]
    # Of the cosigned heads those from the session's time, up to the first that covers all of it;
    # and those that somebody may hold the bundle against: each one's newest, all of the partner's.
    first, last = (chosen[0], chosen[-1]) if chosen else (0, 0)
    vouched = sorted({each.size for each in node.stores.witnessing.cosignatures(first + 1)})
    beyond = next((each for each in vouched if each > last), size)
    newest = {each.size for each in node.stores.witnessing.newest_cosignatures()}
    wanted = {each for each in vouched if each <= beyond} | newest
    wanted |= _held_by(node, row.peer, size, first)
    notes = cosigned_notes(node, 0, size)
    heads = {each: note for each, note in notes.items() if each in wanted}
    header = _header(node, Kind.SESSION, session=row.id)
    documents = evidence.collect(node, row)
    return header, _selected(node, size, chosen, heads, documents=documents)


def _selected(
    node: Node,
    size: int,
    chosen: Sequence[int],
    heads: dict[int, bytes],
    *,
    for_peer: bool = False,
    documents: Iterable[tuple[str, bytes]] = (),
) -> _Parts:
    if not chosen:
        raise errors.NotFoundError(
            NO_COMMON_ENTRIES,
            "there are no such entries in the log",
            hint="run `psihash session list`",
        )
    tree = node.log.tree(size)

    def entries() -> Iterator[tuple[StoredEntry, Sequence[bytes]]]:
        for seq in chosen:
            (stored,) = node.stores.log.entries(seq, seq + 1)
            yield stored.withhold(local=for_peer), tree.inclusion_proof(seq)

    older = {each: note for each, note in heads.items() if each < size}
    return selection(heads[size], _earlier(older, tree), entries(), documents)


def _earlier(notes: Mapping[int, bytes], tree: StoredTree) -> list[tuple[bytes, list[bytes]]]:
    """Checkpoints with their proofs that ``tree`` goes on from them."""
    return [(note, tree.consistency_proof(size)) for size, note in sorted(notes.items())]


def _entries(node: Node, size: int) -> Iterator[Entry]:
    for stored in node.stores.log.entries(0, size):
        yield open_entry(stored)


def _first_since(node: Node, since: str, size: int) -> int:
    """Number of the first entry at ``since`` or later. Time never goes back: halve the range."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        (stored,) = node.stores.log.entries(middle, middle + 1)
        if open_entry(stored.withhold(shared=True, local=True)).time < since:
            low = middle + 1
        else:
            high = middle
    return low


def write(out: Path, lines: Iterable[bytes]) -> int:
    """Through a file beside it; what stands there already is not replaced. Returns the size."""
    size = 0
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            for line in lines:
                size += stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, out)
    except OSError as fault:
        raise errors.InputError(
            BUNDLE_UNWRITABLE,
            f"{out} cannot be written: {fault.strerror}",
            hint="choose a file that does not exist yet",
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    return size
