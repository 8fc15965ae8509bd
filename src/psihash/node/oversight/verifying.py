"""Verifying and comparing bundles: the files, what is trusted, and the findings as plain values.

Neither needs a home: an auditor's machine has the bundle, and a card or a key to trust.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from psihash import errors
from psihash.audit.bundle import Kind, Source
from psihash.audit.bundle_verify import CosignedBy, VerifiedBundle, verify_bundle
from psihash.audit.compare import (
    LOGS_DIFFER,
    Account,
    Difference,
    What,
    compare,
    differing_fields,
)
from psihash.audit.cosignature import Cosigner
from psihash.audit.entry import Entry
from psihash.audit.held import posix
from psihash.audit.note import COSIGNATURE, decode_verifier_key
from psihash.audit.trust import Cosigned, Trust, Witnessed, joined, read_anchor
from psihash.identity.cards import parse_card
from psihash.node.clock import seconds
from psihash.node.node import Node
from psihash.node.oversight import bundles, evidence, recomputing
from psihash.node.oversight.auditing import Bodies
from psihash.node.people.roles import use_case
from psihash.node.running import sessions

BUNDLE_UNREADABLE = errors.define("bundle-unreadable", "a bundle or anchor file cannot be read")

_MAX_ANCHOR = 1024 * 1024


def anchors(given: Sequence[str], witnessed: Sequence[str] = ()) -> Trust:
    """What the caller trusts: card files and verifier keys; checkpoints that others hold."""
    found = [read_anchor(_anchor_bytes(text)) for text in given]
    notes = tuple(Witnessed(_read(Path(text))) for text in witnessed)
    return joined([*found, Trust(witnessed=notes)])


def home_trust(node: Node) -> Trust:
    """What this home trusts: its own cards, those of its peers, its witness, and the heads of other
    logs that it cosigned, holds, or was shown by others."""
    cards = list(node.own_cards)
    witnessed: list[Witnessed] = []
    cosigned: list[Cosigned] = []
    for row in node.stores.peers.all():
        former = [parse_card(each.card) for each in node.stores.peers.history(row.agency)]
        card = parse_card(row.card)
        cards += [*former, card]
        held = _Decided(node, row.agency)
        witnessed += held.shown(card.keys.log_origin)
        cosigned += held.cosigned(card.keys.log_origin)
    key = node.settings.witness_key
    cosigners = (Cosigner(*decode_verifier_key(key, COSIGNATURE)),) if key else ()
    return Trust(tuple(cards), (), cosigners, tuple(witnessed), tuple(cosigned))


class _Decided:
    """The heads held of a peer's log since a person last decided about it: a decision may have put
    another branch in the place of the one that was held before."""

    def __init__(self, node: Node, agency: str) -> None:
        self._node = node
        times = (each.resolved for each in node.stores.witnessing.incidents(agency))
        self._since = max((posix(each) for each in times if each), default=0)

    def cosigned(self, origin: str) -> Iterator[Cosigned]:
        for row in self._node.stores.witnessing.given_after(origin, self._since):
            yield Cosigned(row.origin, row.size, row.root, row.timestamp)

    def shown(self, origin: str) -> Iterator[Witnessed]:
        """The newest head of its own that it showed us, and those that others showed, which it may
        not know of."""
        head = self._node.stores.checkpoints.latest(origin)
        if head is not None:
            given = self._node.stores.witnessing.given(head.origin, head.size)
            at = self._since if given is None else max(given.timestamp, self._since)
            yield Witnessed(head.note, at or None)
        for seen in self._node.stores.witnessing.seen(origin):
            if posix(seen.seen) > self._since:
                yield Witnessed(seen.note, posix(seen.seen), needed=False)


def verify_file(path: Path, trust: Trust) -> dict[str, Any]:
    """Verify a bundle file; everything that was checked, in plain values."""
    with _opened(path) as stream:
        return verify_stream(stream, trust)


def verify_stream(
    source: Source, trust: Trust, facts: evidence.SessionFacts | None = None
) -> dict[str, Any]:
    """The same for any stream of lines; ``facts`` gets what a session's entries say."""
    facts, bodies = facts or evidence.SessionFacts(), Bodies()
    account = _Account(facts, bodies)
    found = verify_bundle(source, trust, account.see)
    if found.header.kind is Kind.LOG:
        bodies.check()
    told = _facts(found) | {"events": dict(sorted(account.events.items()))}
    if found.header.kind is Kind.SESSION:
        told["evidence"] = evidence.check(found, facts, trust.cards)
    return told


class _Account:
    """Counts events and passes entries on."""

    def __init__(self, facts: evidence.SessionFacts, bodies: Bodies) -> None:
        self._facts, self._bodies = facts, bodies
        self.events: dict[str, int] = {}
        self._session = False

    def see(self, entry: Entry) -> None:
        self.events[entry.event.value] = self.events.get(entry.event.value, 0) + 1
        self._bodies.see(entry)
        if len(self._facts.events) < 10_000:  # one session has few; a whole log needs none of it
            self._facts.see(entry)


def _facts(found: VerifiedBundle) -> dict[str, Any]:
    header = found.header
    return {
        "ok": True,
        "kind": header.kind.value,
        "origin": header.origin,
        "made": header.made,
        "since": header.since,
        "peer": header.peer,
        "session": header.session,
        "size": found.size,
        "root": found.root.hex(),
        "entries": found.entries,
        "checkpoints": found.checkpoints,
        "unsigned": found.unsigned,
        "first_time": found.first_time,
        "last_time": found.last_time,
        "erased_shared": found.erased_shared,
        "erased_local": found.erased_local if header.kind is not Kind.PEER else 0,
        "withheld_local": found.erased_local if header.kind is Kind.PEER else 0,
        "keys": found.keys,
        "cosigned": [_cosigned(each) for each in found.cosigned],
        "unknown_cosigners": list(found.unknown_cosigners),
    } | _held(found)


def _held(found: VerifiedBundle) -> dict[str, Any]:
    """How far the log was held against what others have of it."""
    return {
        "held_by_others": found.held.compared,
        "held_newer": found.held.newer,
        "held_newest": found.held.newest,
        "held_unproven": found.held.unproven,
    }


def _cosigned(each: CosignedBy) -> dict[str, Any]:
    moment = dt.datetime.fromtimestamp(min(each.timestamp, 253_402_300_799), dt.UTC)
    return {"by": each.name, "size": each.size, "time": seconds(moment)}


def compare_files(ours: Path, theirs: Path, trust: Trust) -> dict[str, Any]:
    """Verify both and hold their common sessions against each other. Raises VerificationError
    ``logs-differ`` with the first difference in words."""
    accounts = []
    for path in (ours, theirs):
        account = Account()
        with _opened(path) as stream:
            accounts.append((verify_bundle(stream, trust, account.see), account))
    result = compare(accounts[0], accounts[1])
    if isinstance(result, Difference):
        raise errors.VerificationError(LOGS_DIFFER, _words(result, ours, theirs, trust))
    return {
        "ok": True,
        "ours": accounts[0][0].header.origin,
        "theirs": accounts[1][0].header.origin,
        "sessions": result.sessions,
        "entries": result.entries,
        "under_way": result.under_way,
        "unfinished": result.unfinished,
        "before": result.before,
        "erased": max(account.erased for _, account in accounts),
        "bundles": [{"made": each.header.made} | _held(each) for each, _ in accounts],
    }


def _words(found: Difference, ours: Path, theirs: Path, trust: Trust) -> str:
    session = found.session[:12]
    match found.what:
        case What.MISSING:
            who = "theirs" if found.theirs is None else "ours"
            return f"session {session} is missing in {who}: the other log has its {found.event}"
        case What.EXTRA:
            who = "theirs" if found.theirs is None else "ours"
            return f"session {session}: its {found.event} is missing in {who}"
        case What.EVENT:
            return (
                f"session {session}: entry {found.ours} of ours is {found.event}, and entry"
                f" {found.theirs} of theirs, at the same place, is another event"
            )
        case What.CONTENT:
            fields = _fields(found, ours, theirs, trust)
            return (
                f"session {session}: its {found.event} says different things in entry"
                f" {found.ours} of ours and entry {found.theirs} of theirs ({', '.join(fields)})"
            )


def _fields(found: Difference, ours: Path, theirs: Path, trust: Trust) -> list[str]:
    """Which members differ: a second look at the two entries alone."""
    parts = []
    for path, seq in ((ours, found.ours), (theirs, found.theirs)):
        kept: list[dict[str, Any]] = []

        def see(entry: Entry, wanted: int | None = seq, kept: list[Any] = kept) -> None:
            if entry.seq == wanted:
                kept.append(entry.shared_facts() or {})

        with _opened(path) as stream:
            verify_bundle(stream, trust, see)
        parts.append(kept[0])
    return differing_fields(parts[0], parts[1])


@use_case("audit session")
def session_evidence(
    node: Node, prefix: str, out: Path | None, *, recompute: bool = False
) -> dict[str, Any]:
    """The evidence of one session: verified here and now, and written to ``out`` if that is given.
    ``recompute`` hashes the sealed set again and compares the roots."""
    row = sessions.find(node, prefix)
    data = b"".join(bundles.prepare(node, bundles.Scope(session=row.id)).lines())
    facts = evidence.SessionFacts()
    trust = home_trust(node)
    told = verify_stream(io.BytesIO(data), trust, facts)
    if recompute:
        told["recomputed"] = _recomputed(node, row.id, facts)
    if out is not None:
        told["bytes"] = bundles.write(out, [data])
        told["bundle"] = str(out)
    return told


def _recomputed(node: Node, session: str, facts: evidence.SessionFacts) -> dict[str, int]:
    if facts.opened is None:
        raise errors.StateError(
            recomputing.NO_SNAPSHOT, "the session was never opened here, so it had no set"
        )
    found = recomputing.recompute(node, node.stores.sessions.get(session), facts.opened)
    return {"roots": found.roots, "digests": found.digests, "erased": found.erased}


def _anchor_bytes(text: str) -> bytes:
    path = Path(text).expanduser()
    if "+" in text and not path.is_file():
        return text.encode()
    return _read(path)


def _read(path: Path) -> bytes:
    with _opened(path) as stream:
        return stream.read(_MAX_ANCHOR)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as fault:
        raise errors.InputError(
            BUNDLE_UNREADABLE, f"{path} cannot be read: {fault.strerror}"
        ) from None
