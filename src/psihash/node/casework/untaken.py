"""What to do about a document of ours that the peer's node did not take."""

from __future__ import annotations

from typing import Final

_AGAIN: Final = "then say it again"
_DECISION: Final = (
    "They do not accept our decision. See that they know our present operators "
    f"(`psihash peer sync {{peer}}`), {_AGAIN}."
)
_GONE: Final = "They do not have what it is about, or not any more. Call them."
_ENOUGH: Final = f"They have had enough for one day. Wait a day, {_AGAIN}."
_KEYS: Final = f"Their keys have changed. Run `psihash peer sync {{peer}}`, {_AGAIN}."

_ADVICE: Final = {
    "approval-missing": _DECISION,
    "bad-signature": _DECISION,
    "decision-expired": _DECISION,
    "decision-misplaced": _DECISION,
    "not-approver": _DECISION,
    "operator-disabled": _DECISION,
    "operator-unknown": _DECISION,
    "own-request": _DECISION,
    "proposer-unproven": _DECISION,
    "bad-key-exchange": _KEYS,
    "peer-keys-changed": _KEYS,
    "sealed-broken": _KEYS,
    "document-early": f"One of the two clocks is wrong. Run `psihash doctor`, {_AGAIN}.",
    "document-expired": "It came too late. Say it again.",
    "follow-up-step": "It has moved on there. Run `psihash peer sync {peer}` and look again.",
    "correction-step": "It has moved on there. Run `psihash peer sync {peer}` and look again.",
    "correction-session": _GONE,
    "follow-up-session": _GONE,
    "unknown-correction": _GONE,
    "unknown-follow-up": _GONE,
    "unknown-hit": _GONE,
    "too-many-case-documents": _ENOUGH,
    "too-many-follow-ups": _ENOUGH,
}


def advice(code: str | None, peer: str) -> str:
    """What to do, in words; empty for None."""
    if code is None:
        return ""
    return _ADVICE.get(code, "Call them and name the code.").format(peer=peer)
