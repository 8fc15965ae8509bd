"""Limits of an agreement, and what ``agreement propose`` fills in when nothing else is said."""

from __future__ import annotations

from typing import Final

from psihash.agreement.vocabulary import DataSubject, HandlingCode, OpenedBy, Tlp
from psihash.terms import AlgorithmId

# ---- what a proposal says by default ---------------------------------------------------------

VALID_DAYS: Final = 365
"""One year: long enough for a case, short enough that somebody asks again whether it is needed."""

SESSIONS_PER_PERIOD: Final = 100
"""Three a day. Each session lets the learner test as many guesses as its size class, so the
number is agreed (Regulation (EU) 2024/982 Art. 14 caps searches a day for the same reason)."""

PERIOD_DAYS: Final = 30
"""The window, sliding, over which sessions and elements are counted."""

ELEMENTS_PER_PERIOD: Final = 2 * 10**8
"""A hundred runs of a million against a million: both lists count, in full, in every run."""

MAX_SIZE_CLASS: Final = 2**24
"""16.7 million: above the national databases that were published, below what a run can carry."""

HANDLING_CODE: Final = HandlingCode.H2
"""A hit names material in a live case: not to be passed on without the permission of its owner."""

TLP: Final = Tlp.AMBER
"""For the recipient and those who must know: the counterpart of H2 in the other vocabulary."""

RETENTION_DAYS: Final = 365
"""How long a result is kept. Prüm II allows the log three years; a result needs less."""

MINIMUM_ITEMS: Final = 1
"""Smaller own sets are not offered. A case may rest on one image, so the default refuses none."""

OPENED_BY: Final = OpenedBy.EITHER
"""Police networks are often outbound-only: who can connect should not decide who may ask."""

ENGINES: Final[tuple[str, ...]] = ("any",)
"""Engines compute the same answer; a node picks one that both have and that serves the rung."""

ALGORITHMS: Final = (AlgorithmId.MD5, AlgorithmId.SHA1)
"""What police lists carry: VICS and ICSE are keyed on MD5, with SHA-1 beside it."""

DATA_SUBJECTS: Final = (DataSubject.VICTIM, DataSubject.SUSPECT)
"""Whom seized material concerns (Directive (EU) 2016/680 Art. 6)."""

# ---- limits that every parser holds to --------------------------------------------------------

MAX_DOCUMENT_BYTES: Final = 256 * 1024
"""Any one document. The terms with every text at its longest stay below it."""

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""An agreement with all its documents, as a file."""

MAX_TEXT: Final = 4_000
"""Characters in a text that people read: two printed pages."""

MAX_NAME: Final = 200
"""Characters in the name of an agency or of a person."""

MAX_VALID_DAYS: Final = 5 * 366
"""Five years: longer storage needs a notice to the EDPS (Regulation (EU) 2016/794 Art. 31)."""

MAX_PERIOD_DAYS: Final = 366
MAX_SESSIONS: Final = 1_000_000
MAX_ELEMENTS: Final = 10**15
"""Beyond any use, below 2**53, which is where numbers in JSON stop being exact."""

MAX_RETENTION_DAYS: Final = 5 * 366
MAX_ENGINES: Final = 16
MAX_REVISION: Final = 1_000
"""Revisions of one side's annex."""

MAX_DOCUMENTS_PER_AUTHOR: Final = 64
"""Kept documents of one type by one author: what a peer can make us store stays bounded."""
