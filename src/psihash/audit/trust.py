"""What a verifier trusts beforehand, and the history of a log's key that follows from it.

Nothing of this may come from the bundle that is verified. A bundle carries the cards of its agency,
and a card counts only where it follows from one that is trusted:

* a newer card where its predecessor's signing key vouches for it (``supersede``);
* an older card where the same signing key signed it. Past a change of that key nothing leads back,
  because a card does not name its predecessor's key: trust the older card itself then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psihash import errors
from psihash.audit.checkpoint import VerifiedCheckpoint, open_checkpoint
from psihash.audit.cosignature import Cosigner, cosigner_name
from psihash.audit.note import (
    COSIGNATURE,
    NOTE_UNSIGNED,
    decode_verifier_key,
    parse_note,
    verify_note,
)
from psihash.identity.card_parser import check_own_signature
from psihash.identity.cards import Card, VerifiedCard, accept_card, parse_card, supersede
from psihash.identity.fingerprints import format_fingerprint

NOT_TRUSTED = errors.define(
    "bundle-not-trusted", "no card or key of the log that a bundle is of was given to trust"
)
KEY_HISTORY_FORGED = errors.define(
    "key-history-forged",
    "the cards of a bundle do not follow from the one that is trusted, or a former key signed a "
    "later checkpoint",
)
KEY_REPLACED = errors.define(
    "key-replaced",
    "the newest checkpoint or the seal of a bundle is by a key of the log that was replaced",
)
BAD_ANCHOR = errors.define(
    "bad-anchor", "what was given to trust is neither a card nor a verifier key"
)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A checkpoint that someone else holds; ``timestamp`` (seconds since 1970) where it is known
    since when. Where it is ``needed``, a bundle that reaches so far must show that it agrees."""

    note: bytes
    timestamp: int | None = None
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A head that whoever verifies had checked and cosigned, at ``timestamp`` by its own clock.
    It extends all the smaller ones of its log."""

    origin: str
    size: int
    root: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Trust:
    """Anchors: cards whose fingerprint was confirmed, verifier keys of logs and of cosigners, and
    checkpoints that others hold or that were cosigned here."""

    cards: tuple[Card, ...] = ()
    log_keys: tuple[tuple[str, bytes], ...] = ()
    cosigners: tuple[Cosigner, ...] = ()
    witnessed: tuple[Witnessed, ...] = ()
    cosigned: tuple[Cosigned, ...] = ()

    def all_cosigners(self, origin: str) -> list[Cosigner]:
        """Whose cosignatures on the log ``origin`` count: everyone's but its own agency's."""
        from_cards = [
            Cosigner(cosigner_name(card.agency), card.keys.cosigning)
            for card in self.cards
            if card.keys.log_origin != origin
        ]
        return list(dict.fromkeys([*self.cosigners, *from_cards]))


def read_anchor(data: bytes) -> Trust:
    """One anchor as it lies in a file or stands on the command line: a card, or a verifier key of
    a log or a cosigner. Raises InputError ``bad-anchor``."""
    text = data.decode(errors="replace").strip()
    for kind in (None, COSIGNATURE):
        try:
            if kind is None:
                return Trust(log_keys=(decode_verifier_key(text),))
            return Trust(cosigners=(Cosigner(*decode_verifier_key(text, kind)),))
        except errors.InputError:
            continue
    try:
        card = parse_card(data)
        check_own_signature(card)
    except errors.PsihashError:
        raise errors.InputError(
            BAD_ANCHOR,
            "this is neither a card nor a verifier key",
            hint="give a card file, or name+id+key",
        ) from None
    return Trust(cards=(card,))


def joined(parts: Iterable[Trust]) -> Trust:
    """All anchors in one."""
    found = list(parts)
    return Trust(
        tuple(card for part in found for card in part.cards),
        tuple(key for part in found for key in part.log_keys),
        tuple(each for part in found for each in part.cosigners),
        tuple(each for part in found for each in part.witnessed),
        tuple(each for part in found for each in part.cosigned),
    )


class KeyHistory:
    """The keys of one log in their order, and checkpoints verified with them in theirs."""

    def __init__(self, origin: str, trust: Trust, cards: Sequence[Card]) -> None:
        self.origin = origin
        self.cards = _chain(origin, trust, cards)
        given = [key for name, key in trust.log_keys if name == origin]
        named = [card.keys.log for card in self.cards]
        self.keys = list(dict.fromkeys(named or given))
        if not self.keys:
            raise errors.VerificationError(
                NOT_TRUSTED,
                f"nothing was given to trust about the log {origin}",
                hint="give the agency's card, or its log's verifier key, with --trust",
            )
        if given and named and not set(given) & set(named):
            raise _forged("the trusted key is on none of the agency's cards")
        self._present = (self.cards[-1].keys.log,) if self.cards else tuple(self.keys)
        self._latest = 0

    def open(self, note: bytes) -> VerifiedCheckpoint:
        """Verify a checkpoint with any key of the log."""
        return open_checkpoint(note, self.origin, *self.keys)

    def open_next(self, note: bytes) -> VerifiedCheckpoint:
        """Verify a checkpoint that is newer than those opened so before: a key that was replaced
        by then has no say any more. Raises VerificationError ``key-history-forged``."""
        checkpoint = self.open(note)
        number = max(n for n, key in enumerate(self.keys) if _signed(note, self.origin, key))
        if number < self._latest:
            raise _forged("a key that was replaced signed a newer checkpoint")
        self._latest = number
        return checkpoint

    def require_present(self, note: bytes) -> None:
        """Raise VerificationError ``key-replaced`` unless the log's present key signed: that of the
        newest card that trust and bundle lead to. Keys alone have no order: any of them will do."""
        parsed = parse_note(note)
        try:
            verify_note(parsed, self.origin, *self._present)
        except errors.VerificationError as error:
            if error.code != NOTE_UNSIGNED:
                raise
            raise errors.VerificationError(
                KEY_REPLACED,
                "the bundle was closed by a key of its log that was replaced since",
                hint="ask for a new one; one that is older than the change is verified with the"
                " card of its time alone",
            ) from None


def reached(agency: str, trusted: Iterable[Card], shown: Iterable[Card]) -> list[Card]:
    """The cards of an agency that are trusted, and those of ``shown`` that follow from them; what
    does not follow is left out."""
    anchors = {card.version: card for card in trusted if card.agency == agency}
    others = {card.version: card for card in shown if card.agency == agency}
    held: VerifiedCard | None = None
    found = []
    for version in sorted(anchors.keys() | others.keys()):
        try:
            if version in anchors:
                held = _accepted(anchors[version])
            elif held is not None:
                held = supersede(held, others[version])
            else:
                continue  # an older one brings no key that the trusted ones do not have
        except errors.VerificationError:
            continue
        found.append(held.card)
    return found


def _signed(note: bytes, origin: str, key: bytes) -> bool:
    try:
        open_checkpoint(note, origin, key)
    except errors.VerificationError as error:
        if error.code == NOTE_UNSIGNED:
            return False
        raise
    return True


def _chain(origin: str, trust: Trust, cards: Sequence[Card]) -> list[Card]:
    """The agency's cards as far as the trusted ones lead, oldest first."""
    anchors = {card.version: _accepted(card) for card in trust.cards if _is_of(card, origin)}
    if not anchors:
        return []
    shown = {card.version: card for card in cards}
    if len(shown) != len(cards) or sorted(shown) != [card.version for card in cards]:
        raise _forged("its cards are not in the order of their versions")
    held: VerifiedCard | None = None
    first = anchors[min(anchors)]
    found = []
    for version in sorted(shown.keys() | anchors.keys()):
        card = shown.get(version)
        anchor = anchors.get(version)
        if card is not None and not _is_of(card, origin):
            raise _forged("a card is of another agency or log")
        if anchor is not None:
            if card is not None and card.fingerprint != anchor.fingerprint:
                raise _forged("a card is not the one that is trusted")
            held = anchor
        elif card is not None:
            held = _older(card, first) if held is None else _newer(held, card)
        if held is not None:
            found.append(held.card)
    return found


def _older(card: Card, trusted: VerifiedCard) -> VerifiedCard:
    if card.agency != trusted.agency or card.keys.signing != trusted.card.keys.signing:
        raise _forged("an older card is not signed by the trusted card's key")
    return _accepted(card)


def _newer(held: VerifiedCard, card: Card) -> VerifiedCard:
    try:
        return supersede(held, card)
    except errors.VerificationError:
        raise _forged("a newer card is not vouched for by the one before") from None


def _accepted(card: Card) -> VerifiedCard:
    try:
        return accept_card(card, format_fingerprint(card.fingerprint))
    except errors.VerificationError:
        raise _forged("a card is not signed by its own key") from None


def _is_of(card: Card, origin: str) -> bool:
    return card.keys.log_origin == origin


def _forged(why: str) -> errors.VerificationError:
    return errors.VerificationError(
        KEY_HISTORY_FORGED, f"the history of the log's key does not hold: {why}"
    )
