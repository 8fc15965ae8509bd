"""The side that answers. Its receipt decides how a session ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from psihash import canonical, errors
from psihash.agreement import session_approval
from psihash.identity import hybrid, signatures
from psihash.session import commitment, trees
from psihash.session.climb import ROOTS_CHANGED, check_classes
from psihash.session.deal import (
    NONCE_BYTES,
    Deal,
    Identities,
    Side,
    check_cards,
    check_leaves,
    encode_root,
    hello_bytes,
    hello_reply_bytes,
    refuse_other_versions,
    session_id,
)
from psihash.session.machine import Input, State
from psihash.session.messages import (
    Abort,
    Accept,
    Close,
    Confirm,
    EngineFrame,
    Hello,
    HelloReply,
    Labels,
    Offer,
    Openings,
    Receipt,
    Records,
    Refuse,
    ResultCheck,
    Root,
    SeenRoot,
)
from psihash.session.party import Handler, Party, Setting
from psihash.session.ports import Claim, Permit, Proposal, SignedHead
from psihash.session.run_plan import RunSecrets
from psihash.terms import CANONICALISATION, SessionRole, is_size_class

BAD_OFFER = errors.define("bad-offer", "the offer is malformed or contradicts itself")
WRONG_CANONICALISATION = errors.define(
    "wrong-canonicalisation", "the peer makes tokens in another way: nothing could match"
)
WRONG_ANNEX = errors.define(
    "wrong-annex", "the two sides do not have the same annexes; exchange documents first"
)
STEP_SKIPPED = errors.define(
    "step-skipped", "the peer's receipt comes before the labels or records of the session's rung"
)
WRONG_CHANNEL = errors.define("wrong-channel", "a hello was played on another channel than its own")


class Responder(Party):
    role = SessionRole.RESPONDER

    def __init__(self, setting: Setting, channel: bytes) -> None:
        """``channel`` names the numbered exchange that the hello must have come on."""
        super().__init__(setting)
        self._channel_name = channel
        self._hello: Hello | None = None
        self._sides: Identities | None = None
        self._offer: Offer | None = None
        self._draft: Deal | None = None
        self._closing_head: SignedHead | None = None

    def _handler_table(self) -> dict[type, tuple[Input, Handler]]:
        return {
            Offer: (Input.RECV_OFFER, self._on_offer),
            Confirm: (Input.RECV_CONFIRM, self._on_confirm),
            EngineFrame: (Input.RECV_FRAME, self._on_frame),
            ResultCheck: (Input.RECV_RESULT, self._on_result),
            Labels: (Input.RECV_LABELS, self._on_labels),
            Openings: (Input.RECV_OPENINGS, self._on_openings),
            Records: (Input.RECV_RECORDS, self._on_records),
            Receipt: (Input.RECV_RECEIPT, self._on_receipt),
            Close: (Input.RECV_CLOSE, self._on_close),
            Abort: (Input.RECV_ABORT, self._on_abort),
        }

    # -- greeting --------------------------------------------------------------------------------

    def _receive_greeting(self, message: bytes) -> Iterator[bytes]:
        body = self._setting.codec.decode_greeting(message)
        self._chains[self.role.other].add(message)
        if not isinstance(body, Hello):
            self.machine.take(Input.RECV_HELLO_REPLY)
            return
        self.machine.take(Input.RECV_HELLO)
        self._hello = body
        refuse_other_versions(body)
        if body.nonce != self._channel_name:
            raise errors.ProtocolError(WRONG_CHANNEL, "the hello belongs to another channel")
        signatures.verify(
            self._setting.peer_card.keys.signing,
            signatures.Context.HELLO,
            canonical.framed(b"hello", hello_bytes(body)),
            body.signature,
        )
        own = self._setting.desk.admit(body.agreement)
        peer_card = self._setting.peer_card
        peer = Side(peer_card.agency, peer_card.fingerprint, self._setting.peer_leaf)
        check_cards(own, peer, body.own_card, body.peer_card)
        check_leaves(own, peer, body.own_leaf, body.peer_leaf)
        self._sides = Identities(peer, own)
        yield self._reply(body, self._sides)

    def _reply(self, hello: Hello, sides: Identities) -> bytes:
        key_exchange, secret = hybrid.EphemeralExchange.respond(hello.key_exchange)
        own, peer = sides.responder, sides.initiator
        reply = HelloReply(
            nonce=self._setting.rng(NONCE_BYTES),
            own_card=own.card,
            peer_card=peer.card,
            key_exchange=key_exchange,
            own_leaf=own.leaf,
            peer_leaf=peer.leaf,
        )
        signed = canonical.framed(b"hello-reply", hello_reply_bytes(hello, reply))
        signature = signatures.sign(self._setting.signing_key, signatures.Context.HELLO, signed)
        reply = replace(reply, signature=signature)
        self.machine.take(Input.SEND_HELLO_REPLY)
        message = self._setting.codec.encode_greeting(reply)
        self._chains[self.role].add(message)
        self._open_channel(secret, session_id(hello, reply, sides))
        return message

    # -- offer -----------------------------------------------------------------------------------

    def _on_offer(self, offer: Offer) -> Iterator[bytes]:
        hello, sides = self._greeted()
        self._check_form(offer)
        permit = self._setting.desk.prepare(
            Proposal(
                agreement=hello.agreement,
                initiator=sides.initiator.agency,
                rung=offer.rung,
                learn=offer.learn,
                engine=offer.engine,
                algorithms=offer.algorithms,
                peer_case=offer.own_case,
                expires=offer.expires,
                previous_receipt=offer.previous_receipt,
            ),
            Claim(self._session_id(), offer.approval, offer.own_case),
        )
        if (offer.own_annex, offer.peer_annex) != (permit.peer_annex, permit.own_annex):
            raise errors.RefusedError(
                WRONG_ANNEX, "the annexes of the two sides differ; exchange documents first"
            )
        self.permit, self._offer = permit, offer
        self._secrets = RunSecrets(permit.engine, offer.rung, offer.learn, offer.algorithms)
        self._secrets.check_peer(offer.keys)
        self._peer_holds = offer.seen_log_size
        if permit.base is not None:
            check_classes(permit.base, offer.rung, offer.classes)
        approval = self._own_approval()
        draft = self._draft_deal(offer, permit, approval)
        self._setting.desk.accept(draft)
        # Only now is anything appended to our trees: a refused offer costs us nothing.
        seen = {(entry.collection, entry.algorithm): entry.size for entry in offer.seen}
        roots = permit.own.roots(offer.algorithms, seen)
        permit.own.keep()
        self._draft = replace(draft, roots=((), roots))
        yield self._send(Input.SEND_ACCEPT, self._accept(permit, roots, draft, approval))

    def _accept(
        self, permit: Permit, roots: tuple[Root, ...], draft: Deal, approval: bytes
    ) -> Accept:
        return Accept(
            classes=draft.classes[1],
            roots=roots,
            own_case=permit.own_case,
            seen=tuple(
                SeenRoot(collection, algorithm, size)
                for (collection, algorithm), (size, _) in permit.peer_seen.items()
            ),
            seen_log_size=permit.peer_log_size,
            keys=draft.keys[1],
            approval=approval,
        )

    def _check_form(self, offer: Offer) -> None:
        if offer.canonicalisation != CANONICALISATION:
            raise errors.ProtocolError(WRONG_CANONICALISATION, "the peer makes tokens another way")
        names = [entry.algorithm for entry in offer.classes]
        distinct = len(set(offer.algorithms)) == len(offer.algorithms)
        sizes_good = all(is_size_class(entry.size_class) for entry in offer.classes)
        if not offer.algorithms or not distinct or names != list(offer.algorithms):
            raise errors.ProtocolError(BAD_OFFER, "the algorithms of the offer are malformed")
        if not sizes_good:
            raise errors.ProtocolError(BAD_OFFER, "the offer has a size that is no size class")

    def _draft_deal(self, offer: Offer, permit: Permit, approval: bytes) -> Deal:
        """The deal without roots: the initiator's are still sealed in its commitment."""
        hello, sides = self._greeted()
        return Deal(
            session=self._session_id(),
            sides=sides,
            agreement=hello.agreement,
            annexes=(offer.own_annex, offer.peer_annex),
            cases=(offer.own_case, permit.own_case),
            rung=offer.rung,
            learn=offer.learn,
            engine=offer.engine,
            algorithms=offer.algorithms,
            classes=(offer.classes, permit.own.classes(offer.algorithms)),
            roots=((), ()),
            keys=(offer.keys, self._run_secrets().publics),
            approvals=(
                *permit.approvals,
                session_approval.digest(offer.approval),
                session_approval.digest(approval),
            ),
            previous_receipt=offer.previous_receipt,
            expires=offer.expires,
        )

    def _on_confirm(self, body: Confirm) -> Iterator[bytes]:
        draft, offer, permit = self._draft, self._offer, self._allowed()
        if draft is None or offer is None:
            raise AssertionError("a confirmation comes after an offer")
        said = commitment.roots_commitment(
            body.roots_nonce, [encode_root(root) for root in body.roots]
        )
        if said != offer.roots_commitment:
            raise errors.ProtocolError(ROOTS_CHANGED, "the roots are not the ones committed to")
        self._peer_trees = trees.accept_roots(
            draft.sides.initiator.agency,
            draft.agreement,
            body.roots,
            offer.algorithms,
            permit.peer_bounds,
            permit.peer_seen,
            draft.roots_of(self.role),
            permit.base,
        )
        self.deal = replace(draft, roots=(body.roots, draft.roots_of(self.role)))
        self._verify_confirm(body)
        yield self._confirm(b"")
        yield from self._start_runs()

    # -- result ----------------------------------------------------------------------------------

    def _on_result(self, body: ResultCheck) -> Iterator[bytes]:
        self._collect()
        self._verify_check(body)
        yield self._send(Input.SEND_RESULT, self._own_check())

    def _on_labels(self, blob: bytes) -> Iterator[bytes]:
        self._shared().take_labels(blob)
        yield from self._send_labels()

    def _on_openings(self, blob: bytes) -> Iterator[bytes]:
        self._shared().take_openings(blob)
        yield from self._send_openings()

    def _on_records(self, blob: bytes) -> Iterator[bytes]:
        self._shared().take_records(blob)
        yield from self._send_records()

    # -- receipts --------------------------------------------------------------------------------

    def _on_receipt(self, body: Receipt) -> Iterator[bytes]:
        shared = self._shared()
        if shared.labels_due:
            self._expect_disclosed(shared.records_due)
        self._verify_receipt(body)
        own = self._make_receipt()
        self._closing_head = self._complete(own, body)
        yield self._send(Input.SEND_RECEIPT, own)

    def _expect_disclosed(self, records: bool) -> None:
        """A receipt that comes before the labels or records of its rung skips a step."""
        found = self._found()
        skipped = not found.labels or (records and not found.records)
        if skipped:
            raise errors.ProtocolError(STEP_SKIPPED, "the peer's receipt skips a step of its rung")

    def _on_close(self, body: Close) -> Iterator[bytes]:
        self._witness(body)
        if self._closing_head is None:
            raise AssertionError("a close comes after the receipts")
        yield self._close_message(self._closing_head)

    def _farewell(self, error: errors.PsihashError) -> bytes | None:
        if self.state is State.NEW:
            self.machine.take(Input.SEND_ABORT)
            return None
        if self._channel is None:
            self.machine.take(Input.SEND_REFUSE)
            return self._setting.codec.encode_greeting(Refuse(error.code))
        if self.state is State.OFFERING and isinstance(error, errors.RefusedError):
            return self._send(Input.SEND_REFUSE, Refuse(errors.told(error.code)))
        self.machine.take(Input.SEND_ABORT)
        return self._sealed(self._setting.codec.encode(Abort(errors.told(error.code))))

    def _greeted(self) -> tuple[Hello, Identities]:
        if self._hello is None or self._sides is None:
            raise AssertionError("the table lets nothing here before the greeting")
        return self._hello, self._sides
