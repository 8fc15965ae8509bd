"""What people type about hits, for no other side's eyes: it may hold anything at all.

So the text lies with the session that it is about and ends with it. The log, which is kept for
years and goes to auditors, has a keyed digest in its place, which nobody can test once the session
is erased.
"""

from __future__ import annotations

from typing import Final

from psihash.node.node import Node
from psihash.node.records import sealed

_PREFIX: Final = "said:"
LOGGED: Final = "text_hmac"
"""What an entry of the log calls the digest."""


def keep(node: Node, session: str | None, about: str, text: str) -> dict[str, str]:
    """Seal a text about a document with its session; what the log says of it. Nothing is kept where
    the session is erased, or there is no text. Call it inside a transaction."""
    if session is None or not text:
        return {}
    sealed.put(node, session, _PREFIX + about, text.encode())
    return logged(node, session, about, text)


def logged(node: Node, session: str, about: str, text: str) -> dict[str, str]:
    """What the log says of a text that is kept elsewhere with the session."""
    return {LOGGED: sealed.mac(node, session, _PREFIX + about, text.encode())}


def read(node: Node, session: str, about: str) -> str:
    """The text about a document; empty for none."""
    data = sealed.get(node, session, _PREFIX + about)
    return "" if data is None else data.decode()
