"""The manifest of a publication: what it consists of, signed by the centre, chained to the last.

RFC 8785 JSON. Its hash stands in an entry of the centre's log, so two members that hold heads of
one log hold the same manifests, or the log itself shows both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical, errors
from psihash.agreement.fields import Fields
from psihash.agreement.times import add_days, parse_time
from psihash.central.layout import Part, check_class
from psihash.identity import signatures
from psihash.psi.group import POINT_BYTES
from psihash.terms import CANONICALISATION, AlgorithmId

BAD_MANIFEST = errors.define(
    "central-bad-manifest", "a manifest of a central set is not made as docs/central.md says"
)
MANIFEST_ELSEWHERE = errors.define(
    "central-manifest-elsewhere", "a manifest is of another centre than the one that was asked"
)
CHAIN_BROKEN = errors.define(
    "central-chain-broken",
    "a manifest does not follow the one before: something was dropped, added or swapped",
)
EQUIVOCATED = errors.define(
    "central-equivocated", "a centre signed two manifests of one number: an incident"
)
ROLLED_BACK = errors.define(
    "central-rolled-back", "a centre shows an older publication than one that was seen before"
)
MANIFEST_EXPIRED = errors.define(
    "central-manifest-expired",
    "the newest manifest of a central set is past its time: the set is frozen, or kept back",
)

EPOCH_OVERDUE = errors.define(
    "central-epoch-overdue",
    "a central set goes on under a key that is older than a key may get: what was erased stays "
    "testable",
)

TYPE: Final = "central-manifest/1"
EPOCH_DAYS: Final = 30
"""Days that a key lives at most, and that a publication can be valid."""
AHEAD_MINUTES: Final = 5
"""By how much a centre's clock may be ahead of a member's."""
HASH_BYTES: Final = 32
MAX_MANIFEST: Final = 8 * 1024
MAX_EPOCH: Final = 2**31
MAX_DELTA: Final = 2**31

_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class ListFacts:
    """A list of a publication: its rows, padding included, and its root."""

    count: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """One publication. Times are RFC 3339 UTC."""

    centre: str
    epoch: int
    delta: int
    """0 for the first of an epoch."""
    previous: bytes
    """SHA-256 of the manifest before, of the epoch before too; empty for the very first."""
    public_key: bytes
    """pkS of the epoch."""
    algorithms: tuple[AlgorithmId, ...]
    lists: dict[Part, ListFacts]
    published: str
    valid_until: str
    """First second in which it may not be the newest any more."""

    def to_bytes(self) -> bytes:
        return canonical.encode(
            {
                "type": TYPE,
                "canonicalisation": CANONICALISATION,
                "centre": self.centre,
                "epoch": self.epoch,
                "delta": self.delta,
                "previous": self.previous.hex(),
                "public_key": self.public_key.hex(),
                "algorithms": [name.value for name in self.algorithms],
                "published": self.published,
                "valid_until": self.valid_until,
            }
            | {part.value: _list_dict(self.lists[part]) for part in Part}
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of its bytes: what names it in the log and in the next one."""
        return hashlib.sha256(self.to_bytes()).digest()

    @property
    def place(self) -> tuple[int, int]:
        """(epoch, delta): later publications have larger ones."""
        return self.epoch, self.delta


@dataclass(frozen=True, slots=True)
class VerifiedManifest:
    """A manifest that its centre signed. Only :func:`verify_manifest` makes one."""

    manifest: Manifest
    signature: bytes
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("verified manifests come from verify_manifest")


def sign_manifest(manifest: Manifest, key: Ed25519PrivateKey) -> bytes:
    """The centre's signature, after checking that the manifest passes its own parser."""
    body = manifest.to_bytes()
    parse_manifest(body)
    return signatures.sign(key, signatures.Context.EPOCH, body)


def verify_manifest(
    body: bytes, signature: bytes, centre: str, signing_key: bytes
) -> VerifiedManifest:
    """Parse a manifest and check that ``centre``, whose signing key (32 bytes) this is, signed it.

    Raises ProtocolError ``central-bad-manifest`` or ``central-manifest-elsewhere``,
    VerificationError ``bad-signature``.
    """
    manifest = parse_manifest(body)
    if manifest.centre != centre:
        raise errors.ProtocolError(MANIFEST_ELSEWHERE, "the manifest is of another centre")
    signatures.verify(signing_key, signatures.Context.EPOCH, body, signature)
    return VerifiedManifest(manifest, signature, _SEAL)


def parse_manifest(data: bytes) -> Manifest:
    """A manifest from its one encoding. Raises ProtocolError ``central-bad-manifest``."""
    try:
        return _parse(data)
    except errors.InputError:
        raise errors.ProtocolError(BAD_MANIFEST, "a manifest is malformed") from None


def check_next(before: Manifest, after: Manifest) -> None:
    """``after`` follows ``before`` at once. Raises VerificationError ``central-chain-broken``."""
    same_epoch = after.epoch == before.epoch and after.delta == before.delta + 1
    next_epoch = after.epoch == before.epoch + 1 and after.delta == 0
    if not (same_epoch or next_epoch) or after.previous != before.digest:
        raise _broken("a manifest does not follow the one before")
    if same_epoch and (
        after.public_key != before.public_key or after.algorithms != before.algorithms
    ):
        raise _broken("a delta is under another key than its epoch")
    if next_epoch and after.public_key == before.public_key:
        raise _broken("an epoch has the key of the one before")
    if after.published < before.published:
        raise _broken("a manifest is older than the one before")


def check_seen(seen: tuple[int, int, bytes], shown: Manifest) -> None:
    """What a centre shows as a publication that was seen before, (epoch, delta, hash), is that.

    Raises VerificationError ``central-equivocated``, ``central-rolled-back``."""
    if shown.place < seen[:2]:
        raise errors.VerificationError(
            ROLLED_BACK, "the centre shows an older publication than it showed before"
        )
    if shown.place == seen[:2] and shown.digest != seen[2]:
        raise errors.VerificationError(
            EQUIVOCATED, "the centre signed two manifests with one number"
        )


def check_current(first: Manifest, newest: Manifest, now: str) -> None:
    """The newest manifest is within its time, and so is the key: ``first`` began the epoch. The
    rules are here, so a centre that means to show one member an old set for long cannot say itself
    how long that may be. Raises VerificationError ``central-manifest-expired``,
    ``central-epoch-overdue``."""
    if newest.published >= add_days(first.published, EPOCH_DAYS):
        raise errors.VerificationError(
            EPOCH_OVERDUE, "the centre goes on under a key that should have ended"
        )
    if parse_time(newest.published) > parse_time(now) + timedelta(minutes=AHEAD_MINUTES):
        raise errors.VerificationError(
            MANIFEST_EXPIRED,
            "the newest publication of the centre is from the future",
            hint="compare the clocks of both sides",
        )
    if now >= newest.valid_until:
        raise errors.VerificationError(
            MANIFEST_EXPIRED,
            "the newest publication of the centre is past its time",
            hint="the centre has to publish again, at least an empty delta",
        )


def _list_dict(facts: ListFacts) -> dict[str, Any]:
    return {"count": facts.count, "root": facts.root.hex()}


def _parse(data: bytes) -> Manifest:
    fields = Fields(canonical.decode(data, max_bytes=MAX_MANIFEST), "the manifest")
    fields.constant("type", TYPE)
    fields.constant("canonicalisation", CANONICALISATION)
    manifest = Manifest(
        centre=fields.agency("centre"),
        epoch=fields.integer("epoch", 1, MAX_EPOCH),
        delta=fields.integer("delta", 0, MAX_DELTA),
        previous=_hash_or_none(fields),
        public_key=fields.hexadecimal("public_key", POINT_BYTES),
        algorithms=fields.choices("algorithms", AlgorithmId),
        lists={part: _list(fields, part) for part in Part},
        published=fields.time("published"),
        valid_until=fields.time("valid_until"),
    )
    fields.done()
    if manifest.delta == 0 and manifest.lists[Part.REMOVALS].count:
        raise errors.InputError(BAD_MANIFEST, "the first set of an epoch removes nothing")
    if not manifest.previous and manifest.place != (1, 0):
        raise errors.InputError(BAD_MANIFEST, "a manifest names none before it")
    if not manifest.published < manifest.valid_until:
        raise errors.InputError(BAD_MANIFEST, "a manifest is valid for no time")
    if manifest.valid_until > add_days(manifest.published, EPOCH_DAYS):
        raise errors.InputError(BAD_MANIFEST, "a manifest is valid for too long")
    return manifest


def _hash_or_none(fields: Fields) -> bytes:
    value = fields.string("previous")
    if not value:
        return b""
    return Fields({"previous": value}, "the manifest").hexadecimal("previous", HASH_BYTES)


def _list(fields: Fields, part: Part) -> ListFacts:
    inner = Fields(fields.take(part.value), f"the manifest: {part.value}")
    count = inner.integer("count", 0, 2**40)
    if count or part is not Part.REMOVALS:
        check_class(count)
    facts = ListFacts(count, inner.hexadecimal("root", HASH_BYTES))
    inner.done()
    return facts


def _broken(why: str) -> errors.VerificationError:
    return errors.VerificationError(CHAIN_BROKEN, why)
