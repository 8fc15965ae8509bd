"""Run the two sides of one engine run in one process, frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from psihash.psi.engine import Party

Tamper = Callable[[int, bytes], list[bytes]]
"""Given a frame's number (both directions, from 0) and its bytes: what arrives instead."""


@dataclass
class Trace:
    """Every frame that was sent, with the side that sent it (0 or 1)."""

    frames: list[tuple[int, bytes]] = field(default_factory=list)


def pump_parties(a: Party, b: Party, tamper: Tamper | None = None) -> Trace:
    """Deliver frames in order until both sides are silent. Errors pass through.

    A frame is delivered as soon as it is made, as far as draining each iterator before the next
    call allows: what a side sends waits in a queue until the other side is asked.
    """
    trace = Trace()
    sides = (a, b)
    waiting: tuple[deque[bytes], deque[bytes]] = (deque(), deque())

    def send(sender: int, frame: bytes) -> None:
        number = len(trace.frames)
        trace.frames.append((sender, frame))
        waiting[1 - sender].extend([frame] if tamper is None else tamper(number, frame))

    for index, side in enumerate(sides):
        for frame in side.start():
            send(index, frame)
    while waiting[0] or waiting[1]:
        for index, side in enumerate(sides):
            if waiting[index]:
                for frame in side.receive(waiting[index].popleft()):
                    send(index, frame)
    return trace
