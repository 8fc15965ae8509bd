"""What the two sides of a session have in common: sealing, the table, the parts in the middle.

Sans-IO: message bytes in, message bytes out. ``receive`` is a generator that must be drained
before the next call; it yields lazily, so a long engine list streams with back-pressure. Whatever
it raises, the caller hands to :meth:`Party.fail`, which records the end and says what to send.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors, limits
from psihash.agreement import session_approval
from psihash.identity import hybrid, signatures
from psihash.identity.cards import Card
from psihash.psi.engine import Rng
from psihash.session import blobs, compare, receipt
from psihash.session.climb import check_counts
from psihash.session.commitment import PeerTree
from psihash.session.deal import Deal, signed_transcript
from psihash.session.machine import UNEXPECTED_MESSAGE, Input, Machine, State
from psihash.session.messages import (
    Abort,
    Close,
    Codec,
    Confirm,
    EngineFrame,
    Labels,
    Openings,
    Receipt,
    Records,
    ResultCheck,
    Sealed,
)
from psihash.session.ports import Desk, Findings, Journal, Permit, SignedHead
from psihash.session.run_plan import RunSecrets
from psihash.session.runs import Progress, Runs
from psihash.session.sharing import Sharing
from psihash.session.trees import TreeKey
from psihash.terms import SessionRole

PEER_ABORTED = errors.define("peer-aborted", "the other side ended the session")
PEER_REFUSED = errors.define("peer-refused", "the other side refused, with a code unknown here")
SESSION_OVER = errors.define("session-over", "a message came for a session that has ended")
MESSAGE_TOO_LARGE = errors.define(
    "message-too-large", "a session message is larger than the protocol allows"
)
RUNS_NOT_FINISHED = errors.define(
    "runs-not-finished", "the peer claims a result before the engine's runs are finished"
)

Handler = Callable[[Any], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a party is made of: who, with which keys, over which ports."""

    own_leaf: bytes
    signing_key: Ed25519PrivateKey
    peer_card: Card
    peer_leaf: bytes
    desk: Desk
    journal: Journal
    codec: Codec
    rng: Rng


class Party(abc.ABC):
    """One side of one session. Subclasses: ``Initiator`` and ``Responder``."""

    role: SessionRole

    def __init__(self, setting: Setting) -> None:
        self.machine = Machine(self.role)
        self.progress = Progress()
        self.failure: errors.PsihashError | None = None
        self.session: bytes | None = None
        self.deal: Deal | None = None
        self.permit: Permit | None = None
        self.findings: Findings | None = None
        self.receipts: tuple[Receipt, Receipt] | None = None
        """Own and peer's, once both stand: only then may anything be shown."""
        self._setting = setting
        self._channel: hybrid.SecureChannel | None = None
        self._result_key = b""
        self._sent = 0
        self._received = 0
        self._chains = {role: receipt.RunningHash(role) for role in SessionRole}
        self._final_hash: bytes | None = None
        self._peer_holds = 0
        self._runs: Runs | None = None
        self._secrets: RunSecrets | None = None
        self._peer_trees: dict[TreeKey, PeerTree] = {}
        self._sharing: Sharing | None = None
        self._collector: blobs.Collector | None = None
        self._handlers = self._handler_table()

    @property
    def state(self) -> State:
        return self.machine.state

    @abc.abstractmethod
    def _handler_table(self) -> dict[type, tuple[Input, Handler]]:
        """Which message is which input, and what to do about it."""

    @abc.abstractmethod
    def _receive_greeting(self, message: bytes) -> Iterator[bytes]: ...

    @abc.abstractmethod
    def _farewell(self, error: errors.PsihashError) -> bytes | None:
        """Step to the end in the table; the message that tells the peer, ready to send."""

    # -- bytes in --------------------------------------------------------------------------------

    def receive(self, message: bytes) -> Iterator[bytes]:
        """Take the peer's next message; yields this side's answers."""
        if self.state.final:
            raise errors.ProtocolError(SESSION_OVER, "the session has ended")
        if len(message) > limits.MAX_SESSION_MESSAGE + hybrid.TAG_BYTES:
            raise errors.ProtocolError(MESSAGE_TOO_LARGE, "the session message is too large")
        if self._channel is None:
            yield from self._receive_greeting(message)
            return
        plain = self._channel.open(self._received, message)
        self._received += 1
        self.progress.bytes_received += len(plain)
        body = self._setting.codec.decode(plain)
        if isinstance(body, Receipt):
            self._freeze_hash()  # a receipt signs everything before it
        self._chains[self.role.other].add(plain)
        yield from self._dispatch(body)

    def _dispatch(self, body: Sealed) -> Iterator[bytes]:
        if type(body) not in self._handlers:
            raise errors.ProtocolError(UNEXPECTED_MESSAGE, "this side takes no such message")
        event, handler = self._handlers[type(body)]
        if isinstance(body, Labels | Openings | Records):
            yield from self._gather(event, body, handler)
            return
        self.machine.take(event)
        yield from handler(body)

    def _gather(
        self, event: Input, body: Labels | Openings | Records, handler: Handler
    ) -> Iterator[bytes]:
        """Put a long list's parts together; the handler gets the whole blob."""
        self.machine.take(Input(f"{event.value}-part") if body.more else event)
        if self._collector is None:
            self._collector = self._shared().collector(type(body))
        self._collector.add(body.blob)
        if body.more:
            return
        blob, self._collector = self._collector.blob(), None
        yield from handler(blob)

    # -- bytes out -------------------------------------------------------------------------------

    def _send(self, event: Input, body: Sealed) -> bytes:
        self.machine.take(event)
        plain = self._setting.codec.encode(body)
        sealed = self._sealed(plain)
        self._chains[self.role].add(plain)
        return sealed

    def _sealed(self, plain: bytes) -> bytes:
        if self._channel is None:
            raise AssertionError("nothing is sealed before the greeting")
        sealed = self._channel.seal(self._sent, plain)
        self._sent += 1
        self.progress.bytes_sent += len(plain)
        return sealed

    def _send_parts(
        self, event: Input, blob: bytes, kind: type[Labels] | type[Openings] | type[Records]
    ) -> Iterator[bytes]:
        for part, more in blobs.parts(blob):
            yield self._send(Input(f"{event.value}-part") if more else event, kind(part, more))

    # -- the end by failure ----------------------------------------------------------------------

    def fail(self, error: errors.PsihashError) -> bytes | None:
        """Record that the session ended with ``error``; return a message for the peer, if any.

        After both receipts stand the session is complete, and a failure changes nothing.
        """
        if self.state.final:
            return None
        if self.receipts is not None:
            self.machine.take(Input.SEND_ABORT)
            return None
        self.failure = error
        farewell = self._farewell(error)
        if self.state is not State.IN_DOUBT:
            refused = self.state is State.REFUSED
            self._setting.journal.ended(
                self.deal, self.session, error.code, refused=refused, by_peer=False
            )
        return farewell

    def overtake(self, message: bytes, ahead: int) -> bool:
        """Take ``message``, which came ``ahead`` places behind the next one, if it is an abort:
        a peer that has ended the session reads nothing any more, so an abort must not wait until
        this side has sent a long list. True where it was one; what was being sent is dropped."""
        if self._channel is None or self.state.final:
            return False
        try:
            body = self._setting.codec.decode(self._channel.open(self._received + ahead, message))
        except errors.PsihashError:
            return False  # whatever it is, its turn will come
        if not isinstance(body, Abort):
            return False
        self.machine.take(Input.RECV_ABORT)
        list(self._on_abort(body))
        return True

    def _on_abort(self, body: Abort) -> Iterator[bytes]:
        if self.receipts is None:
            self.failure = errors.PeerError(
                PEER_ABORTED, f"the other side ended the session: {body.code}"
            )
            # In doubt, an abort is not enough: the responder signs that there is no result.
            if self.state is not State.IN_DOUBT:
                self._ended_by_peer(body.code, refused=False)
        return iter(())

    def _ended_by_peer(self, code: str, *, refused: bool) -> None:
        self._setting.journal.ended(self.deal, self.session, code, refused=refused, by_peer=True)

    # -- the middle, the same on both sides ------------------------------------------------------

    def _open_channel(self, secret: bytes, session: bytes) -> None:
        self.session = session
        self._channel = hybrid.SecureChannel(secret, session, self.role)
        self._result_key = compare.result_key(secret, session)

    def _own_approval(self) -> bytes:
        session, key = self._session_id(), self._setting.signing_key
        return session_approval.sign(self._allowed().approval, session, key)

    def _confirm(self, roots_nonce: bytes) -> bytes:
        """Record the open entry, then sign the transcript."""
        deal = self._agreed()
        head = self._setting.journal.opened(deal, self._peer_holds)
        message = signed_transcript(self.role, deal.transcript())
        key, context = self._setting.signing_key, signatures.Context.TRANSCRIPT
        signature = signatures.sign(key, context, message)
        roots = deal.roots_of(self.role) if roots_nonce else ()
        body = Confirm(roots, roots_nonce, signature, head.note, head.consistency)
        return self._send(Input.SEND_CONFIRM, body)

    def _verify_confirm(self, body: Confirm) -> None:
        message = signed_transcript(self.role.other, self._agreed().transcript())
        signatures.verify(
            self._setting.peer_card.keys.signing,
            signatures.Context.TRANSCRIPT,
            message,
            body.signature,
        )
        self._witness(body)

    def _witness(self, body: Confirm | Close) -> None:
        self._setting.desk.witness(SignedHead(body.checkpoint, body.log_consistency))

    def _start_runs(self) -> Iterator[bytes]:
        deal, permit, secrets = self._agreed(), self._allowed(), self._run_secrets()
        self._runs = Runs(self.role, deal, permit.engine, permit.own, self._setting.rng, secrets)
        self._runs.progress.bytes_sent = self.progress.bytes_sent
        self._runs.progress.bytes_received = self.progress.bytes_received
        self.progress = self._runs.progress
        self.progress.phase = "matching"
        yield from self._frames(self._runs.start())

    def _on_frame(self, body: EngineFrame) -> Iterator[bytes]:
        yield from self._frames(self._running().receive(body))

    def _frames(self, frames: Iterator[EngineFrame]) -> Iterator[bytes]:
        for frame in frames:
            yield self._send(Input.SEND_FRAME, frame)

    def _collect(self) -> Sharing:
        """Take the findings of the finished runs."""
        runs, deal, permit = self._running(), self._agreed(), self._allowed()
        if not runs.finished:
            raise errors.ProtocolError(RUNS_NOT_FINISHED, "the engine's runs are not finished")
        self.progress.phase = "comparing results"
        self.findings = Findings(
            self.role, runs.findings, self._result_key, count_salt=self._setting.rng(32)
        )
        if permit.base is not None:
            check_counts(permit.base, runs.findings)
        self._sharing = Sharing(deal, permit, self.findings, self._peer_trees)
        return self._sharing

    def _own_check(self) -> ResultCheck:
        found = self._found()
        return compare.own_check(
            found.result_key, self.role, self._agreed(), self._allowed().own, found.by_algorithm
        )

    def _verify_check(self, body: ResultCheck) -> None:
        found = self._found()
        compare.verify_check(
            found.result_key,
            self.role,
            self._agreed(),
            self._allowed().own,
            found.by_algorithm,
            body,
        )

    def _send_labels(self) -> Iterator[bytes]:
        blob = self._shared().labels()
        self._setting.journal.disclosing(self._agreed(), "labels", self._shared().matches)
        yield from self._send_parts(Input.SEND_LABELS, blob, Labels)

    def _send_openings(self) -> Iterator[bytes]:
        yield from self._send_parts(Input.SEND_OPENINGS, self._shared().openings(), Openings)

    def _send_records(self) -> Iterator[bytes]:
        blob = self._shared().records()
        self._setting.journal.disclosing(self._agreed(), "records", self._shared().matches)
        yield from self._send_parts(Input.SEND_RECORDS, blob, Records)

    # -- receipts --------------------------------------------------------------------------------

    def _freeze_hash(self) -> bytes:
        """The running hash as both receipts sign it: everything before the first of them."""
        if self._final_hash is None:
            self._final_hash = receipt.running(
                self._chains[SessionRole.INITIATOR], self._chains[SessionRole.RESPONDER]
            )
        return self._final_hash

    def _make_receipt(self) -> Receipt:
        self.progress.phase = "signing receipts"
        return receipt.sign(self._setting.signing_key, self._receipt_content())

    def _receipt_content(self) -> dict[str, Any]:
        return receipt.build(
            self._agreed(), self._allowed().own, self._found(), self._freeze_hash()
        )

    def _verify_receipt(self, said: Receipt) -> None:
        receipt.verify_signature(self._setting.peer_card.keys.signing, said)
        receipt.check(self._receipt_content(), said)

    def _complete(self, own: Receipt, peer: Receipt) -> SignedHead:
        """Both receipts stand: make the result visible; a checkpoint that covers the end."""
        head = self._setting.journal.completed(self._agreed(), own, peer, self._found())
        self.receipts = (own, peer)
        self.progress.phase = "done"
        return head

    def _close_message(self, head: SignedHead) -> bytes:
        return self._send(Input.SEND_CLOSE, Close(head.note, head.consistency))

    # -- values that stand from a certain state on -----------------------------------------------

    def _session_id(self) -> bytes:
        if self.session is None:
            raise AssertionError("the greeting gives the session its id")
        return self.session

    def _agreed(self) -> Deal:
        if self.deal is None:
            raise AssertionError("the table lets nothing here before the deal")
        return self.deal

    def _allowed(self) -> Permit:
        if self.permit is None:
            raise AssertionError("the table lets nothing here before the permit")
        return self.permit

    def _run_secrets(self) -> RunSecrets:
        if self._secrets is None:
            raise AssertionError("the table lets nothing here before the offer")
        return self._secrets

    def _running(self) -> Runs:
        if self._runs is None:
            raise AssertionError("the table lets nothing here before the runs")
        return self._runs

    def _found(self) -> Findings:
        if self.findings is None:
            raise AssertionError("the table lets nothing here before the runs are finished")
        return self.findings

    def _shared(self) -> Sharing:
        if self._sharing is None:
            raise AssertionError("the table lets nothing here before the runs are finished")
        return self._sharing
