"""Every cap with its reason. The sizes are part of the protocol: both sides must have the same.

The numbers of sessions and the times are a node's own choice.
"""

from __future__ import annotations

from typing import Final

MAX_ENGINE_FRAME: Final = 256 * 1024
"""One engine frame. gRPC is fastest between 64 KiB and 1 MiB; a smaller frame bounds a buffer."""

MAX_SESSION_MESSAGE: Final = 1024 * 1024
"""One session message in clear. The largest is an accept or confirm with all roots and proofs:
64 collections, six algorithms, 2 KB each. Frames and parts of lists have MAX_ENGINE_FRAME."""

MAX_MESSAGES_PER_CALL: Final = 4
"""Window of an Exchange call in each direction: about 1 MiB, the transport's sweet spot."""

MAX_RPC_BYTES: Final = 2 * 1024 * 1024
"""gRPC message limit on both sides: four frames, or one message with roots, and room."""

MAX_DOCUMENT: Final = 256 * 1024
"""A signed document: a card, terms, an annex."""

MAX_DOCUMENTS_PER_CALL: Final = 64

MAX_COLLECTIONS: Final = 64
"""Collections that one side can offer in one agreement: their roots travel in one message."""

MAX_PROOF_HASHES: Final = 64
"""Hashes in an inclusion proof: a tree of 2**64 leaves has no more."""

MAX_CONSISTENCY_HASHES: Final = 128

MAX_RECORD_LINE: Final = 64 * 1024
"""All records of one matched element: some hundred verdicts."""

MAX_RECORDS: Final = 1_000
"""Records of one matched element; hardly more would fit its line."""

MAX_BLOB_BYTES: Final = 512 * 1024**2
"""A whole disclosure; a larger one belongs into several sessions. It bounds what a peer can make
us hold."""

MAX_CHECKPOINT: Final = 8 * 1024

MAX_RECEIPT: Final = 64 * 1024

MAX_APPROVAL: Final = 64 * 1024
"""The approval of a session, with a person's decision and what was decided about."""

MAX_CONCURRENT_SESSIONS: Final = 8
"""Sessions that one node answers at a time; each holds one worker thread."""

SESSION_OPENS_PER_MINUTE: Final = 30
"""Sessions that a peer may open in a minute, refused ones too: each leaves a log entry."""

SESSION_IDLE_SECONDS: Final = 120.0
"""A responder that hears nothing this long ends the session; the initiator polls every second."""

SESSION_MAX_SECONDS: Final = 24 * 3600
"""Expiry of an offer: no session lives longer."""

HANDSHAKE_SECONDS: Final = 120.0
"""How long a peer may take for its next message before a session is agreed."""

CALLS_PER_MINUTE: Final = 1_200
"""Calls of one peer: a session at full speed makes some hundred."""

CALLS_AT_ONCE: Final = 8
"""Calls of one peer that are answered at the same time; further ones are told to come back."""

OPEN_PROPOSALS: Final = 50
"""Proposals of one peer that wait for our decision; the next one is refused."""

RECONNECT_SECONDS: Final = 60.0
"""How long an initiator goes on trying to reach a peer that it lost in the middle of a session."""

CALL_SECONDS: Final = 30.0
"""Deadline of one RPC."""

POLL_SECONDS: Final = 1.0
"""How long the responder holds an Exchange call when it has nothing to say."""

OVER_MATCH_SHARE: Final = 0.5
"""An item in more than half of all collections tells nothing about any of them: a logo, a test
image, a picture that a tool puts beside every case."""

OVER_MATCH_COLLECTIONS: Final = 10
"""Of fewer collections a share says little."""

CENTRAL_CALLS: Final = 2
"""Batches that a centre computes at the same time: while one waits for the store, another one
computes."""

CENTRAL_MEMBER_ELEMENTS: Final = 20_000_000
"""Elements of one member in 24 hours: a national collection of 10^7, the first time it is asked."""

CENTRAL_ELEMENTS: Final = 100_000_000
"""The same over all members: what a machine of sixteen cores answers in an hour."""

LOG_RETENTION_DAYS: Final = 1_095
"""Three years, after which logs are erased (Regulation (EU) 2024/982 Art. 40)."""

TRANSIT_DAYS: Final = 31
"""How long after an approver's decision has lapsed the terms that carry it may still arrive."""
