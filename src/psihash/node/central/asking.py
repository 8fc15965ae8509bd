"""Asking a centre for the values of items that are new, padded, and charged before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from psihash import errors
from psihash.agreement.charges import Usage, charge_asker, period_start
from psihash.agreement.clauses import CLAUSE_ALGORITHM, check_budget
from psihash.agreement.rules import ANNEX_MISMATCH, largest_classes
from psihash.agreement.state import Agreement
from psihash.audit.event import Event
from psihash.bulk import Bytes2D, rows, sorted_distinct
from psihash.central import canaries
from psihash.central.manifest import Manifest
from psihash.central.questions import Questions
from psihash.identity import sealing, signatures
from psihash.node.central import permits
from psihash.node.central.building import Progress, own_group
from psihash.node.central.calls import Centre
from psihash.node.central.centre import run_elements, shared_facts
from psihash.node.node import Node
from psihash.psi import encoding
from psihash.psi.engine import TOKEN_BYTES
from psihash.storage.central_copy import CANARY, Followed
from psihash.storage.central_holdings import held_among
from psihash.storage.central_runs import ASKS, RunRow
from psihash.terms import AlgorithmId, size_class
from psihash.wire import central_codec as codec

NOT_OFFERED = errors.define(
    "central-not-offered", "a collection is not in one's own annex to the agreement"
)

RUN_BYTES: Final = 32
_CANARIES_PURPOSE: Final = "central canaries of a centre"


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """What a run brought: for row i of ``roots`` the algorithm (or ``canary``) and the digest."""

    keys: list[tuple[str, bytes]]
    roots: Bytes2D
    asked: int
    """Elements that were asked, padding included."""

    @classmethod
    def nothing(cls) -> Answered:
        return cls([], rows(b"", TOKEN_BYTES), 0)


@dataclass(frozen=True, slots=True, eq=False)
class New:
    """Digests (n, width) that were not asked in this epoch, by algorithm."""

    digests: Mapping[AlgorithmId, Bytes2D]
    smallest: Mapping[AlgorithmId, int]
    """The class that runs over little or nothing share."""

    @property
    def classes(self) -> dict[AlgorithmId, int]:
        """What a run over them costs: room for canaries is in every class, whether there are any
        to ask or not."""
        return {
            name: max(size_class(len(found) + encoding.CANARIES), self.smallest[name])
            for name, found in self.digests.items()
        }


def _smallest(
    agreement: Agreement, member: str, algorithms: Sequence[AlgorithmId]
) -> dict[AlgorithmId, int]:
    """Room for as many new items as there are canaries, or what the annex has room for: a night in
    which nothing was seized looks like one in which little was."""
    annex = agreement.annex(member)
    if annex is None:
        raise errors.RefusedError(ANNEX_MISMATCH, "our annex is missing")
    usual = size_class(2 * encoding.CANARIES)
    largest = largest_classes(annex, tuple(algorithms))
    most = agreement.terms.max_size_class
    return {name: min(usual, largest[name], most) for name in algorithms}


def algorithms_of(agreement: Agreement, manifest: Manifest) -> list[AlgorithmId]:
    """What can match: agreed, and published."""
    found = [name for name in agreement.terms.algorithms if name in manifest.algorithms]
    if not found:
        raise errors.RefusedError(
            CLAUSE_ALGORITHM, "the centre publishes none of the algorithms that were agreed"
        )
    return found


def require_offered(node: Node, agreement: Agreement, names: Sequence[str]) -> None:
    """Collections may be matched as far as our annex offers them."""
    offered = {row.collection for row in node.stores.agreements.offered(agreement.id)}
    if not names or not set(names) <= offered:
        raise errors.RefusedError(
            NOT_OFFERED,
            "a collection is not among those that we offer in this agreement",
            hint="run `psihash agreement show`",
        )


@dataclass(frozen=True, slots=True)
class Look:
    """Where to look for new items: in all of some collections, and in what changed in others."""

    whole: Sequence[str]
    partly: Sequence[str]
    changes: Mapping[AlgorithmId, Bytes2D]


def new_items(
    node: Node, agreement: Agreement, epoch: int, algorithms: Sequence[AlgorithmId], look: Look
) -> New:
    """What was not asked yet."""
    found = {}
    for name in algorithms:
        parts = [np.empty((0, name.digest_bytes), np.uint8)]
        if look.whole:
            parts += node.stores.holdings.digests(name, list(look.whole))
        if look.partly:
            changed = sorted_distinct(np.array(look.changes[name]))
            parts.append(held_among(node.stores.database, name, look.partly, changed))
        every = np.concatenate(parts)
        if look.partly:
            every = sorted_distinct(every)
        found[name] = node.stores.copies.not_asked(agreement.id, epoch, name, every)
    return New(found, _smallest(agreement, node.agency, algorithms))


def ask(
    node: Node,
    centre: Centre,
    agreement: Agreement,
    manifest: Manifest,
    new: New,
    progress: Progress | None = None,
) -> Answered:
    """One run. A run is made also where nothing is new: when a member asks at all would tell when
    it seized something.

    Charged here when the centre has admitted it; recorded before."""
    keys, tokens = _questions(node, centre, agreement, manifest, new)
    opening = _opening(node, agreement, manifest, new)
    elements = run_elements(opening)
    questions = Questions(
        own_group(),
        manifest.centre,
        manifest.epoch,
        manifest.public_key,
        tokens,
        elements,
        node.rng,
    )
    _announce(node, agreement, manifest, opening, elements)
    centre.open(opening)
    with node.stores.database.transaction():
        permits.charge(node, agreement, node.agency, opening.run.hex(), opening.classes)
    done = 0
    for number, batch in enumerate(questions.ask()):
        body = np.ascontiguousarray(batch).tobytes()
        questions.take(*centre.evaluate(codec.Batch(opening.run, number, body)))
        done += len(batch)
        if progress is not None:
            progress("evaluate", done, elements)
    return Answered(keys, questions.roots(), elements)


def _questions(
    node: Node, centre: Centre, agreement: Agreement, manifest: Manifest, new: New
) -> tuple[list[tuple[str, bytes]], Bytes2D]:
    """What is asked: canaries, the first time in an epoch, and what is new."""
    keys: list[tuple[str, bytes]] = []
    tokens = [np.empty((0, TOKEN_BYTES), np.uint8)]
    if not node.stores.copies.canaries(agreement.id, manifest.epoch):
        values = canaries.announced(manifest.centre), _secret(node, centre)
        own = np.concatenate([canaries.tokens(each, manifest.algorithms) for each in values])
        keys += [(CANARY, row.tobytes()) for row in own]
        tokens.append(own)
    for name, found in new.digests.items():
        keys += [(name.value, row.tobytes()) for row in found]
        tokens.append(encoding.tokens(name, np.ascontiguousarray(found)))
    return keys, np.concatenate(tokens)


def _secret(node: Node, centre: Centre) -> Bytes2D:
    """The values of the canaries that only we and the centre know: those of the first enrolment,
    for good."""
    key = node.storage_key(_CANARIES_PURPOSE)
    followed = node.stores.copies.followed(centre.agency)
    if followed is None:
        followed = Followed(centre.agency, 0, 0, b"", None, None)
    if followed.sealed_canaries is None:
        sealed = sealing.seal(key, b"".join(centre.enrol()), centre.agency.encode())
        followed = replace(followed, sealed_canaries=sealed)
        node.stores.copies.follow(followed)
    held = followed.sealed_canaries or b""
    return rows(sealing.open_sealed(key, held, centre.agency.encode()), canaries.VALUE_BYTES)


def _opening(node: Node, agreement: Agreement, manifest: Manifest, new: New) -> codec.Opening:
    unsigned = codec.Opening(agreement.id, node.rng(RUN_BYTES), manifest.epoch, new.classes, b"")
    context = signatures.Context.CENTRAL_RUN
    signed = signatures.sign(node.keys.signing, context, unsigned.signed_bytes())
    return replace(unsigned, signature=signed)


def _announce(
    node: Node,
    agreement: Agreement,
    manifest: Manifest,
    opening: codec.Opening,
    elements: int,
) -> None:
    """Check the budget, and record the run before the centre hears of it."""
    annex, now = agreement.annex(node.agency), node.stamp()
    if annex is None:
        raise errors.RefusedError(ANNEX_MISMATCH, "our annex is missing")
    permits.check_classes(agreement, node.agency, opening.classes)
    since = period_start(now, agreement.terms.period_days)
    with node.stores.database.transaction():
        totals = node.stores.ledger.totals(since, agreement=agreement.id)
        charges = charge_asker(annex, opening.classes)
        check_budget(agreement.terms, Usage(totals.sessions, totals.elements), charges)
        node.stores.central_runs.add(
            RunRow(
                opening.run.hex(),
                manifest.centre,
                agreement.id,
                ASKS,
                manifest.epoch,
                elements,
                opening.classes,
                now,
            )
        )
        node.record(
            Event.CENTRAL_RUN, {"peer": manifest.centre, "side": ASKS}, shared_facts(opening)
        )
