"""``sealed/1``: how the documents of this package travel, closed to all but their recipient.

It names author and recipient, nothing else; the content is under the recipient's sealing keys
(:mod:`psihash.identity.envelopes`), bound to both names. Who wrote the content, its own signature
says.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from psihash import canonical, limits
from psihash.agreement.fields import Fields, bad, decode

TYPE: Final = "sealed/1"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A closed document."""

    author: str
    recipient: str
    envelope: bytes

    def to_bytes(self) -> bytes:
        return canonical.encode(
            {
                "type": TYPE,
                "author": self.author,
                "recipient": self.recipient,
                "envelope": base64.b64encode(self.envelope).decode(),
            }
        )


def parse_sealed(data: bytes) -> Sealed:
    """Raises InputError (``bad-document``)."""
    fields = Fields(decode(data, max_bytes=limits.MAX_DOCUMENT), "the sealed document")
    fields.constant("type", TYPE)
    text = fields.string("envelope")
    try:
        envelope = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise bad("the sealed document: its envelope is not base64") from None
    if base64.b64encode(envelope).decode() != text:
        raise bad("the sealed document: its envelope is not canonical base64")
    found = Sealed(fields.agency("author"), fields.agency("recipient"), envelope)
    fields.done()
    return found


def context(author: str, recipient: str) -> bytes:
    """What an envelope is bound to."""
    return canonical.framed(b"psihash/case-document/1", author.encode(), recipient.encode())
