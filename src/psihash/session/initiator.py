"""The side that opens a session. Reads top to bottom as the session goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from psihash import canonical, errors
from psihash.agreement import session_approval
from psihash.identity import hybrid, signatures
from psihash.session import commitment, trees
from psihash.session.climb import check_classes
from psihash.session.deal import (
    NONCE_BYTES,
    PROTOCOL,
    Deal,
    Identities,
    Side,
    check_cards,
    check_leaves,
    encode_root,
    hello_bytes,
    hello_reply_bytes,
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
    Sealed,
    SeenRoot,
)
from psihash.session.party import PEER_REFUSED, Handler, Party, Setting
from psihash.session.ports import Claim, Permit, Proposal
from psihash.session.run_plan import RunSecrets
from psihash.terms import CANONICALISATION, SessionRole, is_size_class

BAD_ACCEPT = errors.define("bad-accept", "the peer's acceptance does not fit the offer")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the initiator asks for. The node has checked it against its own rules."""

    own: Side
    proposal: Proposal


class Initiator(Party):
    role = SessionRole.INITIATOR

    def __init__(self, setting: Setting, wish: Wish, permit: Permit) -> None:
        super().__init__(setting)
        self.permit = permit
        self._wish = wish
        peer = Side(setting.peer_card.agency, setting.peer_card.fingerprint, setting.peer_leaf)
        self._sides = Identities(wish.own, peer)
        self._exchange = hybrid.EphemeralExchange()
        self._roots_nonce = setting.rng(NONCE_BYTES)
        self._offer: Offer | None = None
        self._own_receipt: Receipt | None = None
        self.hello = self._make_hello()

    def _handler_table(self) -> dict[type, tuple[Input, Handler]]:
        return {
            Accept: (Input.RECV_ACCEPT, self._on_accept),
            Refuse: (Input.RECV_REFUSE, self._on_refuse),
            Confirm: (Input.RECV_CONFIRM, self._on_confirm),
            EngineFrame: (Input.RECV_FRAME, self._on_run_frame),
            ResultCheck: (Input.RECV_RESULT, self._on_result),
            Labels: (Input.RECV_LABELS, self._on_labels),
            Openings: (Input.RECV_OPENINGS, self._on_openings),
            Records: (Input.RECV_RECORDS, self._on_records),
            Receipt: (Input.RECV_RECEIPT, self._on_receipt),
            Close: (Input.RECV_CLOSE, self._on_close),
            Abort: (Input.RECV_ABORT, self._on_abort),
        }

    # -- greeting --------------------------------------------------------------------------------

    def start(self) -> Iterator[bytes]:
        """The first message. Its nonce also names the channel."""
        self.machine.take(Input.SEND_HELLO)
        message = self._setting.codec.encode_greeting(self.hello)
        self._chains[self.role].add(message)
        yield message

    def _make_hello(self) -> Hello:
        own, peer = self._sides.initiator, self._sides.responder
        hello = Hello(
            protocol=PROTOCOL,
            nonce=self._setting.rng(NONCE_BYTES),
            own_card=own.card,
            peer_card=peer.card,
            agreement=self._wish.proposal.agreement,
            key_exchange=self._exchange.start(),
            own_leaf=own.leaf,
            peer_leaf=peer.leaf,
        )
        message = canonical.framed(b"hello", hello_bytes(hello))
        signature = signatures.sign(self._setting.signing_key, signatures.Context.HELLO, message)
        return replace(hello, signature=signature)

    def _receive_greeting(self, message: bytes) -> Iterator[bytes]:
        body = self._setting.codec.decode_greeting(message)
        self._chains[self.role.other].add(message)
        if isinstance(body, Refuse):
            self.machine.take(Input.RECV_REFUSE)
            yield from self._on_refuse(body)
            return
        if not isinstance(body, HelloReply):
            self.machine.take(Input.RECV_HELLO)
            return
        self.machine.take(Input.RECV_HELLO_REPLY)
        self._verify_reply(body)
        session = session_id(self.hello, body, self._sides)
        self._open_channel(self._exchange.finish(body.key_exchange), session)
        yield self._send_offer()

    def _verify_reply(self, reply: HelloReply) -> None:
        signed = canonical.framed(b"hello-reply", hello_reply_bytes(self.hello, reply))
        signatures.verify(
            self._setting.peer_card.keys.signing, signatures.Context.HELLO, signed, reply.signature
        )
        own, peer = self._sides.initiator, self._sides.responder
        check_cards(own, peer, reply.own_card, reply.peer_card)
        check_leaves(own, peer, reply.own_leaf, reply.peer_leaf)

    # -- offer -----------------------------------------------------------------------------------

    def _send_offer(self) -> bytes:
        permit, proposal = self._allowed(), self._wish.proposal
        roots = permit.own.roots(proposal.algorithms, {})
        self._secrets = RunSecrets(
            permit.engine, proposal.rung, proposal.learn, proposal.algorithms
        )
        self._offer = Offer(
            rung=proposal.rung,
            learn=proposal.learn,
            engine=proposal.engine,
            algorithms=proposal.algorithms,
            canonicalisation=CANONICALISATION,
            classes=permit.own.classes(proposal.algorithms),
            own_annex=permit.own_annex,
            peer_annex=permit.peer_annex,
            roots_commitment=commitment.roots_commitment(
                self._roots_nonce, [encode_root(root) for root in roots]
            ),
            own_case=permit.own_case,
            expires=proposal.expires,
            previous_receipt=proposal.previous_receipt,
            seen=tuple(
                SeenRoot(collection, algorithm, size)
                for (collection, algorithm), (size, _) in permit.peer_seen.items()
            ),
            seen_log_size=permit.peer_log_size,
            keys=self._secrets.publics,
            approval=self._own_approval(),
        )
        return self._send(Input.SEND_OFFER, self._offer)

    def _on_refuse(self, body: Refuse) -> Iterator[bytes]:
        code = body.code if body.code in errors.CODES else PEER_REFUSED
        self.failure = errors.RefusedError(
            code, f"the other side refused: {body.code}", hint=errors.CODES[code]
        )
        self._ended_by_peer(body.code, refused=True)
        return iter(())

    def _on_accept(self, body: Accept) -> Iterator[bytes]:
        deal = self._conclude(body)
        self._setting.desk.accept(deal)
        self.deal = deal
        self._peer_holds = body.seen_log_size
        yield self._confirm(self._roots_nonce)

    def _conclude(self, accept: Accept) -> Deal:
        permit, offer = self._allowed(), self._offer
        if offer is None or self.session is None:
            raise AssertionError("an acceptance comes after an offer")
        names = [entry.algorithm for entry in accept.classes]
        sizes = [entry.size_class for entry in accept.classes]
        if names != list(offer.algorithms) or not all(is_size_class(size) for size in sizes):
            raise errors.ProtocolError(BAD_ACCEPT, "the size classes do not fit the offer")
        self._run_secrets().check_peer(accept.keys)
        claim = Claim(self.session, accept.approval, accept.own_case)
        self._setting.desk.verify_approval(claim)
        if permit.base is not None:
            check_classes(permit.base, offer.rung, accept.classes)
        seen = {(entry.collection, entry.algorithm): entry.size for entry in accept.seen}
        own_roots = self._own_roots(seen)
        self._peer_trees = trees.accept_roots(
            self._sides.responder.agency,
            self._wish.proposal.agreement,
            accept.roots,
            offer.algorithms,
            permit.peer_bounds,
            permit.peer_seen,
            own_roots,
            permit.base,
        )
        return Deal(
            session=self.session,
            sides=self._sides,
            agreement=self._wish.proposal.agreement,
            annexes=(offer.own_annex, offer.peer_annex),
            cases=(offer.own_case, accept.own_case),
            rung=offer.rung,
            learn=offer.learn,
            engine=offer.engine,
            algorithms=offer.algorithms,
            classes=(offer.classes, accept.classes),
            roots=(own_roots, accept.roots),
            keys=(offer.keys, accept.keys),
            approvals=(
                *permit.approvals,
                session_approval.digest(offer.approval),
                session_approval.digest(accept.approval),
            ),
            previous_receipt=offer.previous_receipt,
            expires=offer.expires,
        )

    def _own_roots(self, seen: dict[trees.TreeKey, int]) -> tuple[Root, ...]:
        return self._allowed().own.roots(self._wish.proposal.algorithms, seen)

    def _on_confirm(self, body: Confirm) -> Iterator[bytes]:
        if body.roots or body.roots_nonce:
            raise errors.ProtocolError(BAD_ACCEPT, "the responder's roots came with its acceptance")
        self._verify_confirm(body)
        yield from self._start_runs()
        yield from self._after_runs()

    # -- runs and result -------------------------------------------------------------------------

    def _on_run_frame(self, body: EngineFrame) -> Iterator[bytes]:
        yield from self._on_frame(body)
        yield from self._after_runs()

    def _after_runs(self) -> Iterator[bytes]:
        if self._running().finished:
            self._collect()
            yield self._send(Input.SEND_RESULT, self._own_check())

    def _on_result(self, body: ResultCheck) -> Iterator[bytes]:
        self._verify_check(body)
        if self._shared().labels_due:
            yield from self._send_labels()
        else:
            yield self._send_receipt()

    def _on_labels(self, blob: bytes) -> Iterator[bytes]:
        self._shared().take_labels(blob)
        if self._shared().records_due:
            yield from self._send_openings()
        else:
            yield self._send_receipt()

    def _on_openings(self, blob: bytes) -> Iterator[bytes]:
        self._shared().take_openings(blob)
        yield from self._send_records()

    def _on_records(self, blob: bytes) -> Iterator[bytes]:
        self._shared().take_records(blob)
        yield self._send_receipt()

    # -- receipts --------------------------------------------------------------------------------

    def _send_receipt(self) -> bytes:
        self._own_receipt = self._make_receipt()
        self._setting.journal.settling(self._agreed(), self._own_receipt, self._found())
        return self._send(Input.SEND_RECEIPT, self._own_receipt)

    def _dispatch(self, body: Sealed) -> Iterator[bytes]:
        """A receipt is checked and made durable before the table moves on: until then a fault of
        our own leaves the session in doubt, because the responder has completed it."""
        if isinstance(body, Receipt) and self.machine.allows(Input.RECV_RECEIPT):
            yield from self._on_receipt(body)
        else:
            yield from super()._dispatch(body)

    def _on_receipt(self, body: Receipt) -> Iterator[bytes]:
        if self._own_receipt is None:
            raise AssertionError("the peer's receipt answers ours")
        self._verify_receipt(body)
        head = self._complete(self._own_receipt, body)
        self.machine.take(Input.RECV_RECEIPT)
        yield self._close_message(head)

    def _on_close(self, body: Close) -> Iterator[bytes]:
        self._witness(body)
        return iter(())

    def _farewell(self, error: errors.PsihashError) -> bytes | None:
        self.machine.take(Input.SEND_ABORT)
        if self._channel is None or self.state is State.IN_DOUBT:
            return None
        return self._sealed(self._setting.codec.encode(Abort(errors.told(error.code))))
