"""Taking several documents of a peer, one after the other, whatever kind they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from psihash import errors
from psihash.audit.event import Event
from psihash.node.node import Node


def take_each(
    node: Node,
    agency: str,
    bodies: Iterable[bytes],
    take: Callable[[Node, str, bytes], object],
    what: str,
) -> list[str]:
    """Hand each of ``bodies`` to ``take``; one code per document, empty where it was taken.

    ``what`` is what the log calls such documents where one is refused.
    """
    codes = []
    for body in bodies:
        try:
            take(node, agency, body)
        except errors.PsihashError as error:
            codes.append(error.code)
        else:
            codes.append("")
    refused = sorted({code for code in codes if code})
    if refused:
        # One entry per contact, however many documents: a peer must not flood the log.
        node.record(Event.INCIDENT, {"peer": agency, "what": what, "codes": refused})
    return codes
