"""How a request moves on: a table. What is not in it is refused."""

from __future__ import annotations

import enum
from typing import Final

from psihash import errors
from psihash.casework.words import Side

FOLLOW_UP_STEP = errors.define(
    "follow-up-step", "the request's present state does not allow this step"
)
FOLLOW_UP_SIDE = errors.define("follow-up-side", "this step of a request belongs to the other side")


class State(enum.StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    """It waits for an approver of the asker's own."""
    REQUESTED = "requested"
    """On its way: the other node has not said that it has it."""
    RECEIVED = "received"
    MORE_INFORMATION = "more-information"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    NOT_TAKEN = "not-taken"
    """The other node refused the document."""


class Step(enum.StrEnum):
    """What moves it on. Those of :data:`AUTHORS` are said in documents."""

    RELEASED = "released"
    NOT_TAKEN = "not-taken"
    RECEIVED = "received"
    NOT_AVAILABLE = "not-directly-available"
    MORE_INFORMATION = "more-information"
    INFORMATION = "information"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


AUTHORS: Final = {
    Step.RECEIVED: Side.ANSWERER,
    Step.NOT_AVAILABLE: Side.ANSWERER,
    Step.MORE_INFORMATION: Side.ANSWERER,
    Step.GRANTED: Side.ANSWERER,
    Step.REFUSED: Side.ANSWERER,
    Step.INFORMATION: Side.ASKER,
    Step.WITHDRAWN: Side.ASKER,
}
"""Who may say what."""

_ANSWERS: Final = {
    Step.NOT_AVAILABLE: State.RECEIVED,
    Step.MORE_INFORMATION: State.MORE_INFORMATION,
    Step.GRANTED: State.GRANTED,
    Step.REFUSED: State.REFUSED,
    Step.WITHDRAWN: State.WITHDRAWN,
}

TRANSITIONS: Final[dict[tuple[State, Step], State]] = {
    (State.WAITING, Step.RELEASED): State.REQUESTED,
    (State.WAITING, Step.WITHDRAWN): State.WITHDRAWN,
    (State.REQUESTED, Step.NOT_TAKEN): State.NOT_TAKEN,
    (State.REQUESTED, Step.RECEIVED): State.RECEIVED,
    **{(State.REQUESTED, step): after for step, after in _ANSWERS.items()},
    **{(State.RECEIVED, step): after for step, after in _ANSWERS.items()},
    (State.MORE_INFORMATION, Step.INFORMATION): State.RECEIVED,
    (State.MORE_INFORMATION, Step.GRANTED): State.GRANTED,
    (State.MORE_INFORMATION, Step.REFUSED): State.REFUSED,
    (State.MORE_INFORMATION, Step.WITHDRAWN): State.WITHDRAWN,
}

FINAL: Final = frozenset({State.GRANTED, State.REFUSED, State.WITHDRAWN, State.NOT_TAKEN})


def after(state: State, step: Step) -> State:
    """The next state. Raises StateError ``follow-up-step``."""
    try:
        return TRANSITIONS[state, step]
    except KeyError:
        raise errors.StateError(
            FOLLOW_UP_STEP, f"a request that is '{state}' takes no '{step}'"
        ) from None


def check_author(step: Step, side: Side) -> None:
    """Raise RefusedError ``follow-up-side`` where the step is not for this side to take."""
    if AUTHORS.get(step) is not side:
        raise errors.RefusedError(FOLLOW_UP_SIDE, f"'{step}' is not for the {side} to say")
