"""An agency that lies with its own keys: evidence of a session that never was, another log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical
from psihash.agreement.documents import parse_document, sign_document
from psihash.agreement.terms import Terms, parse_terms
from psihash.audit.bundle import CheckpointLine, DocumentLine, EntryLine, Header, Kind
from psihash.audit.bundle_writer import BundleWriter, selection, whole_log
from psihash.audit.entry import StoredEntry
from psihash.audit.event import Event
from psihash.audit.log import Log
from psihash.audit.merkle import Frontier
from psihash.identity import signatures
from psihash.node.clock import milliseconds
from psihash.node.node import Node
from psihash.node.oversight import auditing, evidence
from psihash.node.records import sealed
from psihash.session.messages import Receipt
from psihash.session.receipt import receipt_id
from psihash.storage.sessions import SessionRow
from psihash.terms import SessionRole
from tests.audit.bench import CountingRng, MemoryStore
from tests.audit.bundles import KeySigner

NEVER = "ee" * 32
"""A session that never was."""
Part = EntryLine | CheckpointLine | DocumentLine


def evidence_of_nothing(node: Node, session: str, out: Path) -> Path:
    """A bundle of a session that the partner never ran: open and close stand in the forger's true
    log, and everything of the partner's is signed by a key that the forger's own terms name."""
    row, fake = node.stores.sessions.get(session), Ed25519PrivateKey.generate()
    agreement = node.stores.agreements.find(row.agreement)
    assert agreement is not None
    terms = _terms(parse_terms(agreement.terms), row.peer, fake)
    shared = {
        each["event"]: each["shared"] for each in auditing.show(node, session) if each["shared"]
    }
    counts = dict.fromkeys(shared["session-close"]["counts"], 99_999)
    receipts = _receipts(node, row, counts, fake)
    pair = receipt_id(receipts[SessionRole.INITIATOR], receipts[SessionRole.RESPONDER])
    opened = shared["session-open"] | {"session": NEVER, "agreement": terms.id}
    closed = shared["session-close"] | {"session": NEVER, "counts": counts, "receipt": pair.hex()}
    told = ((Event.SESSION_OPEN, opened), (Event.SESSION_CLOSE, closed))
    numbers = [node.record(event, {"peer": row.peer}, facts).seq for event, facts in told]
    documents = [(evidence.TERMS, terms.to_bytes())]
    for number, stored in enumerate(node.stores.agreements.documents(row.agreement)):
        document = replace(parse_document(stored.body), agreement=terms.id)
        signer = node.keys.signing if document.author == node.agency else fake
        documents.append((f"agreement/{number}", sign_document(document, signer).to_bytes()))
    documents += [
        (f"{evidence.RECEIPT}{role.value}", sealed.pack_receipt(made))
        for role, made in receipts.items()
    ]
    note = node.log.checkpoint()
    tree = node.log.tree()
    entries: list[tuple[StoredEntry, Sequence[bytes]]] = [
        (next(iter(node.stores.log.entries(seq, seq + 1))), tree.inclusion_proof(seq))
        for seq in numbers
    ]
    heads = dict(node.stores.log.checkpoints())
    earlier = [
        (old, tree.consistency_proof(size)) for size, old in heads.items() if size < tree.size
    ]
    header = _header(node, Kind.SESSION, milliseconds(node.now()), NEVER)
    return _written(node, header, list(selection(note, earlier, entries, documents)), out)


def log_written_anew(node: Node, made: str, out: Path) -> Path:
    """The whole log, with entries of now that never were, dated as its maker likes."""
    store, signer, origin = MemoryStore(), KeySigner(node.keys.log), node.card.keys.log_origin
    log = Log(store, origin, signer, CountingRng(), [node.card.keys.log])
    for number in range(60):
        log.append(Event.CONSULTATION, None, {"number": number}, milliseconds(node.now()))
    log.checkpoint()
    header = _header(node, Kind.LOG, made, None)
    return _written(node, header, list(whole_log(0, store.rows, store.notes)), out)


def _terms(terms: Terms, peer: str, fake: Ed25519PrivateKey) -> Terms:
    first, second = (
        replace(party, signing_key=signatures.public_bytes(fake)) if party.agency == peer else party
        for party in terms.parties
    )
    return replace(terms, parties=(first, second))


def _receipts(
    node: Node, row: SessionRow, counts: dict[str, int], fake: Ed25519PrivateKey
) -> dict[SessionRole, Receipt]:
    made = {}
    for role, name, key in (
        (row.role, sealed.OWN_RECEIPT, node.keys.signing),
        (row.role.other, sealed.PEER_RECEIPT, fake),
    ):
        true = sealed.receipt(node, row.id, name)
        assert true is not None
        said = canonical.decode(true.body, max_bytes=10**6)
        body = canonical.encode(said | {"session": NEVER, "counts": counts})
        made[role] = Receipt(body, signatures.sign(key, signatures.Context.RECEIPT, body))
    return made


def _header(node: Node, kind: Kind, made: str, session: str | None) -> Header:
    cards, start = tuple(node.own_cards), Frontier().to_bytes()
    return Header(kind, node.card.keys.log_origin, made, None, None, session, cards, 0, start)


def _written(node: Node, header: Header, parts: list[Part], out: Path) -> Path:
    writer = BundleWriter(header, KeySigner(node.keys.log))
    lines = [writer.begin(), *(writer.write(part) for part in parts), writer.close()]
    out.write_bytes(b"".join(lines))
    return out
