"""An agreement as one file, to travel by stick where the network does not reach."""

from __future__ import annotations

from typing import Final

from psihash import canonical
from psihash.agreement import defaults
from psihash.agreement.documents import Document, parse_document
from psihash.agreement.fields import Fields, decode
from psihash.agreement.state import Agreement
from psihash.agreement.terms import Terms, parse_terms, terms_dict

TYPE: Final = "agreement-file/1"

_MAX_DOCUMENTS: Final = 2 * 4 * defaults.MAX_DOCUMENTS_PER_AUTHOR
"""Two authors, four types."""


def write_file(agreement: Agreement) -> bytes:
    """Terms and all documents, canonical. The same knowledge gives the same bytes."""
    documents = [decode(known.to_bytes()) for known in agreement.documents]
    return canonical.encode(
        {"type": TYPE, "terms": terms_dict(agreement.terms), "documents": documents}
    )


def read_file(data: bytes) -> tuple[Terms, tuple[Document, ...]]:
    """Well-formed parts of a file, nothing verified: pass each document through
    ``verify_document`` and ``Agreement.with_document``. Raises InputError (``bad-document``)."""
    fields = Fields(decode(data, max_bytes=defaults.MAX_FILE_BYTES), "the agreement file")
    fields.constant("type", TYPE)
    terms = parse_terms(_part(fields.take("terms")))
    documents = tuple(
        parse_document(_part(value)) for value in fields.sequence("documents", 0, _MAX_DOCUMENTS)
    )
    fields.done()
    return terms, documents


def _part(value: object) -> bytes:
    """A nested object as the document that it would be by itself."""
    return canonical.encode(value) if isinstance(value, dict) else b""
