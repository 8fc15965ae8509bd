"""The decision of a person that a document carries, as its recipient checks it.

A decision names one document, so it serves once however often it is shown, and it need not be
fresh when it comes: for how long a document is taken, its own members say.
"""

from __future__ import annotations

from collections.abc import Collection

from psihash import errors
from psihash.agreement.decision import APPROVAL_MISSING, DECISION_MISPLACED, verify_decision
from psihash.agreement.request import RequestKind, document_subject
from psihash.agreement.roster import Roster
from psihash.casework.answers import Message
from psihash.casework.contribution import Contribution
from psihash.casework.corrections import Notice, NoticeAnswer
from psihash.casework.documents import CaseDocument
from psihash.casework.pack import Pack
from psihash.casework.states import Step
from psihash.casework.words import Action


def request_kind(document: CaseDocument) -> RequestKind | None:
    """As what an approver is asked about a document. Whatever a person wrote, or says of a hit, has
    a decision. None for what nobody decides: that a node has received something; which of two words
    holds for a contribution, because the decision to take it in was made there; and a
    contribution's parts, which it names."""
    if isinstance(document, Notice):
        return RequestKind.CORRECTION
    if isinstance(document, NoticeAnswer):
        return None if document.action is Action.RECEIVED else RequestKind.CORRECTION
    if isinstance(document, Contribution):
        return RequestKind.CONTRIBUTION
    if isinstance(document, Pack):
        return RequestKind.FOLLOW_UP
    said = isinstance(document, Message) and document.step is not Step.RECEIVED
    return RequestKind.FOLLOW_UP if said else None


def check_approval(
    document: CaseDocument, sessions: Collection[str], roster: Roster | None, now: str
) -> None:
    """Check that two people of the author's agency stand behind a document about one of
    ``sessions`` (of an answer to a notice: the notice; of a contribution: the agreement).
    ``roster``: the author's as its recipient knows it; None for none, then the agency alone answers
    for it.

    Raises RefusedError (``approval-missing``, ``decision-misplaced`` and the codes of decisions) or
    VerificationError.
    """
    approval, kind = document.approval, request_kind(document)
    if kind is None:
        if approval is not None:
            raise errors.RefusedError(DECISION_MISPLACED, "nobody decides about such a document")
        return
    if roster is None:
        return
    if approval is None:
        raise errors.RefusedError(
            APPROVAL_MISSING, "the author has operators, and none of them let this document go"
        )
    request, decision = approval.request, approval.decision
    meant = [
        document_subject(document.id, document.TYPE, document.recipient, session)
        for session in sessions
    ]
    if request.kind is not kind or dict(request.subject) not in meant:
        raise errors.RefusedError(DECISION_MISPLACED, "a person decided about something else")
    verify_decision(decision, request, roster, min(now, decision.decided))
