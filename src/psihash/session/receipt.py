"""The receipt: what each side signs at the end, and the check that both say the same.

RFC 8785 JSON, signed under ``psihash/receipt/1``. It names the session, the transcript and the
running hash over every message in both directions, and the result only as far as the other side
may know it: numbers where both learn, a salted commitment where one does. Every digest of a result
is an HMAC under the session's result key, because a plain one could be guessed from known lists.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import canonical, errors, limits
from psihash.identity import signatures
from psihash.session.compare import result_bytes
from psihash.session.deal import Deal
from psihash.session.messages import Receipt
from psihash.session.own import OwnSet
from psihash.session.ports import Findings
from psihash.terms import Learn, SessionRole

BAD_RECEIPT = errors.define("bad-receipt", "the peer's receipt is malformed or says something else")

TYPE: Final = "psihash-receipt/1"


class RunningHash:
    """A hash chain over one direction: h' = SHA-256(framed(context, h, message))."""

    def __init__(self, sender: SessionRole) -> None:
        self._state = canonical.digest(b"psihash/running/1", sender.value.encode())

    def add(self, message: bytes) -> None:
        self._state = canonical.digest(b"psihash/running/1", self._state, message)

    @property
    def value(self) -> bytes:
        return self._state


def running(initiator: RunningHash, responder: RunningHash) -> bytes:
    """Both chains in one value."""
    return canonical.digest(b"psihash/running/1", initiator.value, responder.value)


def build(deal: Deal, own: OwnSet, findings: Findings, running_hash: bytes) -> dict[str, Any]:
    """This side's receipt as a document."""
    return {
        "type": TYPE,
        "session": deal.session_hex,
        "role": findings.role.value,
        "transcript": deal.transcript().hex(),
        "running_hash": running_hash.hex(),
        "rung": deal.rung.value,
        "learn": deal.learn.value,
        "engine": deal.engine,
        "counts": _counts(deal, findings),
        "count_commitment": _commitment(deal, findings),
        "result_hmac": _result_hmac(deal, own, findings),
    }


def check(own: dict[str, Any], said: Receipt) -> None:
    """Raise ProtocolError unless the peer's receipt fits ``own``, this side's receipt document.

    The caller has verified the signature. What this side may not know is only checked for form.
    """
    if len(said.body) > limits.MAX_RECEIPT:
        raise errors.ProtocolError(BAD_RECEIPT, "the receipt is too large")
    try:
        value = canonical.decode(said.body, max_bytes=limits.MAX_RECEIPT)
    except errors.InputError:
        raise errors.ProtocolError(BAD_RECEIPT, "the receipt is not canonical JSON") from None
    peer, learn = SessionRole(own["role"]).other, Learn(own["learn"])
    expected = own | {"role": peer.value}
    if learn is not Learn.BOTH:
        peer_learns = peer.learns(learn)
        for name in ("count_commitment", "result_hmac"):
            expected[name] = _opaque(value.get(name)) if peer_learns else None
    # Bytes, not values: true and 1 are equal to Python, and not to an auditor.
    if canonical.encode(expected) != said.body:
        raise errors.ProtocolError(
            BAD_RECEIPT, "the receipt says something else than this side saw"
        )


def document(own: Receipt) -> dict[str, Any]:
    """The content of a receipt that this side made itself."""
    return canonical.decode(own.body, max_bytes=limits.MAX_RECEIPT)


def sign(key: Ed25519PrivateKey, content: dict[str, Any]) -> Receipt:
    body = canonical.encode(content)
    return Receipt(body, signatures.sign(key, signatures.Context.RECEIPT, body))


def verify_signature(public: bytes, receipt: Receipt) -> None:
    signatures.verify(public, signatures.Context.RECEIPT, receipt.body, receipt.signature)


def receipt_id(initiator: Receipt, responder: Receipt) -> bytes:
    """Names the pair of receipts; equal on both sides."""
    return canonical.digest(b"psihash/receipt-pair/1", initiator.body, responder.body)


def _counts(deal: Deal, findings: Findings) -> dict[str, int] | None:
    if deal.learn is not Learn.BOTH:
        return None
    return {
        name.value: count
        for name in deal.algorithms
        if (count := findings.by_algorithm[name].count) is not None
    }


def _commitment(deal: Deal, findings: Findings) -> str | None:
    if deal.learn is Learn.BOTH or not findings.role.learns(deal.learn):
        return None
    counts = [findings.by_algorithm[name].count or 0 for name in deal.algorithms]
    parts = [count.to_bytes(8, "big") for count in counts]
    return canonical.digest(b"psihash/count/1", findings.count_salt, *parts).hex()


def _result_hmac(deal: Deal, own: OwnSet, findings: Findings) -> str | None:
    if not findings.role.learns(deal.learn):
        return None
    key = findings.result_key
    if deal.learn is not Learn.BOTH:
        # The peer knows the result key; only the salt keeps it from trying numbers.
        key = hmac.digest(key, findings.count_salt, "sha256")
    results = [result_bytes(findings.by_algorithm[n], own, n) for n in deal.algorithms]
    message = canonical.framed(b"psihash/receipt-result/1", *results)
    return hmac.digest(key, message, "sha256").hex()


def _opaque(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise errors.ProtocolError(BAD_RECEIPT, "a commitment in the receipt is malformed")
    return value
