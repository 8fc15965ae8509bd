"""Comparing two agencies' accounts of their common sessions.

Both bundles are verified first; here their shared parts are held against each other, session by
session. Two kinds of difference are no contradiction and are counted instead: a session that is
still under way in one of the two, and one that broke off before the other side had entered its
opening (its ending is told all the same). Each side logs the disclosures that it made itself, so
these are compared apart: of the same kind both must name the same number of matches.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from psihash import canonical, errors, limits
from psihash.audit.bundle import Kind
from psihash.audit.bundle_verify import VerifiedBundle
from psihash.audit.entry import Entry
from psihash.audit.event import Event

NOT_COMPARABLE = errors.define(
    "bundles-not-comparable", "two bundles are not of two agencies' common sessions"
)
LOGS_DIFFER = errors.define(
    "logs-differ", "two agencies' logs tell different stories about a common session"
)

_ENDINGS: Final = frozenset({Event.SESSION_CLOSE, Event.SESSION_ABORT, Event.SESSION_REFUSED})


@dataclass(frozen=True, slots=True)
class Told:
    """One shared part: its place in its log and what it hashes to."""

    seq: int
    time: str
    event: Event
    digest: bytes
    what: str = ""
    """What a disclosure disclosed."""


@dataclass
class Account:
    """What one log tells of its sessions. Feed it every entry of a bundle as it is verified."""

    sessions: dict[str, list[Told]] = field(default_factory=dict)
    peers: dict[str, str] = field(default_factory=dict)
    """The other agency of a session, as far as an entry names it."""
    other: str = ""
    disclosures: dict[str, list[Told]] = field(default_factory=dict)
    erased: int = 0
    """Entries whose shared part was erased: nothing can be compared there."""

    def see(self, entry: Entry) -> None:
        """Take one entry."""
        if entry.has_shared and entry.shared is None:
            self.erased += 1
        if entry.shared is None:
            return
        facts = entry.shared_facts() or {}
        session = facts.get("session")
        if not isinstance(session, str):
            return
        told = Told(entry.seq, entry.time, entry.event, hashlib.sha256(entry.shared).digest())
        if entry.event is Event.DISCLOSURE:
            self.disclosures.setdefault(session, []).append(_own(entry, told, facts))
        else:
            self.sessions.setdefault(session, []).append(told)
        peer = (entry.local_facts() or {}).get("peer")
        for name in (peer, facts.get("initiator"), facts.get("responder")):
            if isinstance(name, str) and name != entry.origin.removeprefix("psihash/log/"):
                self.peers[session] = name


class What(enum.StrEnum):
    """How two accounts differ first."""

    MISSING = "missing"
    """One log has nothing of a session."""
    EXTRA = "extra"
    """One log has an entry that the other does not have."""
    EVENT = "event"
    """Another event stands at the same place."""
    CONTENT = "content"
    """The same event with another content."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference; numbers are those of the entries in their logs."""

    what: What
    session: str
    event: str
    ours: int | None
    theirs: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two accounts that tell the same story."""

    sessions: int
    entries: int
    under_way: int
    unfinished: int
    """Sessions that broke off before the other side had entered their opening."""
    before: int
    """Sessions that one of the bundles is too short to know from their beginning."""


def compare(
    ours: tuple[VerifiedBundle, Account], theirs: tuple[VerifiedBundle, Account]
) -> Comparison | Difference:
    """Compare two verified bundles; the first difference in the order of our log, or what was
    compared. Raises InputError ``bundles-not-comparable``."""
    here, there = _agency(ours[0]), _agency(theirs[0])
    _check_parties(ours[0], here, there)
    _check_parties(theirs[0], there, here)
    left = dict(_common(ours, there))
    right = dict(_common(theirs, here))
    partial = ours[0].header.since is not None or theirs[0].header.since is not None
    made = ours[0].made, theirs[0].made
    counts = {"sessions": 0, "entries": 0, "under_way": 0, "unfinished": 0, "before": 0}
    for session in sorted(left.keys() | right.keys(), key=lambda each: _order(each, left, right)):
        pair = left.get(session, []), right.get(session, [])
        found = _same(pair) or _explained(pair, made, partial=partial)
        if found is None:
            return _first(session, *pair)
        other = _disclosed(session, ours[1], theirs[1])
        if other is not None:
            return other
        counts[found] += 1
        counts["entries"] += len(pair[0]) if found == "sessions" else 0
    return Comparison(**counts)


def _own(entry: Entry, told: Told, facts: dict[str, Any]) -> Told:
    """A disclosure that a log's owner made, as far as the other side's log tells the same."""
    same = {name: value for name, value in facts.items() if name != "by"}
    if facts.get("by") != entry.origin.removeprefix("psihash/log/"):
        return told  # of somebody else's nothing belongs here: it equals no other
    what = str(facts.get("what"))
    return replace(told, digest=hashlib.sha256(canonical.encode(same)).digest(), what=what)


def _disclosed(session: str, ours: Account, theirs: Account) -> Difference | None:
    """The first pair of disclosures of one kind that contradict each other."""
    left, right = ours.disclosures.get(session, []), theirs.disclosures.get(session, [])
    for one in left:
        for other in right:
            if one.what == other.what and one.digest != other.digest:
                event = Event.DISCLOSURE.value
                return Difference(What.CONTENT, session, event, one.seq, other.seq)
    return None


def _same(pair: tuple[list[Told], list[Told]]) -> str | None:
    """Under which count a session falls that both tell alike."""
    one, other = ([(each.event, each.digest) for each in told] for told in pair)
    if one != other:
        return None
    return "sessions" if _ended(pair[0]) else "under_way"


def _explained(
    pair: tuple[list[Told], list[Told]], made: tuple[str, str], *, partial: bool
) -> str | None:
    """Under which count a session falls whose difference is no contradiction; else None."""
    ours, theirs = pair
    if partial and _lacks_beginning(ours) != _lacks_beginning(theirs):
        return "before"
    opened = any(told and not _lacks_beginning(told) for told in pair)
    if (_only_ending(ours) or _only_ending(theirs)) and not (opened and not (ours and theirs)):
        tails = [_broken(told) for told in pair]
        known = {tail[0].digest for tail in tails if tail}
        if None not in tails and len(known) <= 1:
            return "unfinished"
    for part, whole, when in ((ours, theirs, made[0]), (theirs, ours, made[1])):
        if part and not _ended(part) and _is_start(part, whole) and _may_run(part[0].time, when):
            return "under_way"
    return None


def _first(session: str, ours: list[Told], theirs: list[Told]) -> Difference:
    if not ours or not theirs:
        known = (ours or theirs)[0]
        return Difference(
            What.MISSING,
            session,
            known.event.value,
            known.seq if ours else None,
            known.seq if theirs else None,
        )
    for one, other in zip(ours, theirs, strict=False):
        if one.event is not other.event:
            return Difference(What.EVENT, session, one.event.value, one.seq, other.seq)
        if one.digest != other.digest:
            return Difference(What.CONTENT, session, one.event.value, one.seq, other.seq)
    at = min(len(ours), len(theirs))
    extra = (ours[at:] or theirs[at:])[0]
    return Difference(
        What.EXTRA,
        session,
        extra.event.value,
        extra.seq if len(ours) > at else None,
        extra.seq if len(theirs) > at else None,
    )


def differing_fields(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The names of the members in which two shared parts differ."""
    return sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )


def _may_run(opened: str, made: str) -> bool:
    """Whether a session may not have ended yet when the bundle was made, at the earliest."""
    begun, then = (dt.datetime.fromisoformat(text) for text in (opened, made))
    return then - begun <= dt.timedelta(seconds=limits.SESSION_MAX_SECONDS)


def _ended(told: list[Told]) -> bool:
    return any(each.event in _ENDINGS for each in told)


def _lacks_beginning(told: list[Told]) -> bool:
    return not told or told[0].event is not Event.SESSION_OPEN


def _only_ending(told: list[Told]) -> bool:
    """Nothing, or a breaking off that no opening precedes."""
    return all(each.event in (Event.SESSION_ABORT, Event.SESSION_REFUSED) for each in told)


def _broken(told: list[Told]) -> list[Told] | None:
    """The ending of a session that broke off at its opening; None for any other."""
    rest = [each for each in told if each.event is not Event.SESSION_OPEN]
    if any(each.event not in (Event.SESSION_ABORT, Event.SESSION_REFUSED) for each in rest):
        return None
    # One that was opened must be known on the other side by its ending at least.
    return rest if rest or not told else None


def _is_start(part: list[Told], whole: list[Told]) -> bool:
    pairs = zip(part, whole, strict=False)
    return len(part) <= len(whole) and all(
        (one.event, one.digest) == (other.event, other.digest) for one, other in pairs
    )


def _order(
    session: str, left: dict[str, list[Told]], right: dict[str, list[Told]]
) -> tuple[int, int]:
    if session in left:
        return 0, left[session][0].seq
    return 1, right[session][0].seq


def _common(
    account: tuple[VerifiedBundle, Account], other: str
) -> Iterator[tuple[str, list[Told]]]:
    bundle, told = account
    for session, entries in told.sessions.items():
        if bundle.header.kind is Kind.PEER or told.peers.get(session) == other:
            yield session, entries


def _agency(bundle: VerifiedBundle) -> str:
    return bundle.header.origin.removeprefix("psihash/log/")


def _check_parties(bundle: VerifiedBundle, own: str, other: str) -> None:
    wrong_kind = bundle.header.kind is Kind.SESSION
    wrong_peer = bundle.header.peer not in (None, other)
    if own == other or wrong_kind or wrong_peer:
        about = "one session" if wrong_kind else f"what it has in common with {bundle.header.peer}"
        why = f"one is by {own}, about {about}, the other one by {other}"
        if own == other:
            why = f"both are by {own}"
        raise errors.InputError(
            NOT_COMPARABLE,
            f"the bundles are not of two agencies' common sessions: {why}",
            hint="compare `audit export --peer THEM` of one agency with that of the other",
        )
