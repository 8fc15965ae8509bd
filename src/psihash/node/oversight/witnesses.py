"""An independent witness (c2sp.org/tlog-witness): asking one for its cosignature, and being one."""

from __future__ import annotations

import datetime as dt
import http.client
import re
import threading
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from psihash import errors
from psihash.audit.checkpoint import open_checkpoint
from psihash.audit.cosignature import Cosigner, cosigner_name
from psihash.audit.note import COSIGNATURE, decode_verifier_key, encode_verifier_key
from psihash.audit.witness import Answer, Cosigned, Witness, encode_request
from psihash.identity.trust import PeerStatus
from psihash.node.clock import seconds
from psihash.node.node import LazySigner, Node
from psihash.node.oversight import heads
from psihash.node.oversight.cosigning import DAILY_HOURS, RETRY_HOURS, keep_cosignature, own_head
from psihash.node.oversight.heads import FORK, Contradiction
from psihash.storage.checkpoints import PeerCheckpoint
from psihash.storage.witnessing import GivenRow

NO_WITNESS = errors.define("no-witness", "no witness is set up in psihash.toml")
WITNESS_UNREACHABLE = errors.define("witness-unreachable", "the witness cannot be reached")
WITNESS_REFUSED = errors.define(
    "witness-refused", "the witness does not cosign the log's checkpoint"
)

PARTNER: Final = "witness"
"""Its name among the rounds; no agency has it, as an agency has a card."""
_TIMEOUT: Final = 20.0
_MAX_ANSWER: Final = 64 * 1024
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,15})\n")


@dataclass(frozen=True, slots=True)
class Submitted:
    """A head of ours that the witness cosigned."""

    witness: str
    own_size: int


def submit(node: Node) -> Submitted:
    """Ask the witness of the settings to cosign the log as it stands. Raises StateError
    ``no-witness``, UnavailableError ``witness-unreachable``, PeerError ``witness-refused``."""
    if not node.settings.witness_url or not node.settings.witness_key:
        raise errors.StateError(
            NO_WITNESS,
            "no witness is set up",
            hint="set witness_url and witness_key in psihash.toml",
        )
    cosigner = Cosigner(*decode_verifier_key(node.settings.witness_key, COSIGNATURE))
    note, size = own_head(node)
    rows = node.stores.witnessing.cosignatures()
    held = max((row.size for row in rows if row.cosigner == cosigner.name), default=0)
    status, body = _post(node, encode_request(held, _proof(node, held, size), note))
    if status == 409 and (match := _SIZE.fullmatch(body)):
        # What it holds is more than we know of: an answer of it was lost. More than we have is its
        # word against ours, and a person's business.
        held = int(match[1])
        if 0 < held < size:
            status, body = _post(node, encode_request(held, _proof(node, held, size), note))
    if status != 200:
        raise errors.PeerError(
            WITNESS_REFUSED,
            f"the witness answered {status}",
            hint="409 or 422: it holds another history of this log; 403 or 404: it does not know"
            " this log or its key",
        )
    lines = [line + b"\n" for line in body.split(b"\n") if line.startswith(_start(cosigner))]
    if not any(keep_cosignature(node, size, line, cosigner) for line in lines):
        raise errors.PeerError(WITNESS_REFUSED, "the witness's answer has no signature of it")
    node.stores.witnessing.tried(PARTNER, node.stamp(), done=True)
    return Submitted(cosigner.name, size)


def daily(node: Node) -> Submitted | None:
    """Once a day, where a witness is set up; a failure is tried again hours later and logged by
    who asks."""
    if not node.settings.witness_url:
        return None
    last = node.stores.witnessing.round(PARTNER)
    done = last is not None and last.done is not None and last.done > _ago(node, DAILY_HOURS)
    if done or (last is not None and last.tried > _ago(node, RETRY_HOURS)):
        return None
    try:
        return submit(node)
    except errors.PsihashError:
        node.stores.witnessing.tried(PARTNER, node.stamp(), done=False)
        raise


def _start(cosigner: Cosigner) -> bytes:
    return f"\u2014 {cosigner.name} ".encode()


def _proof(node: Node, held: int, size: int) -> list[bytes]:
    return node.log.consistency(held, size) if 0 < held < size else []


def _post(node: Node, body: bytes) -> tuple[int, bytes]:
    """One request; redirects are not followed, and no proxy is asked."""
    where = urlsplit(node.settings.witness_url)
    connection = _connection(where)
    try:
        path = where.path.rstrip("/") + "/add-checkpoint"
        connection.request("POST", path, body, {"Content-Type": "text/plain; charset=utf-8"})
        reply = connection.getresponse()
        return reply.status, reply.read(_MAX_ANSWER)
    except (OSError, http.client.HTTPException):
        raise errors.UnavailableError(
            WITNESS_UNREACHABLE, "the witness cannot be reached"
        ) from None
    finally:
        connection.close()


def _connection(where: SplitResult) -> http.client.HTTPConnection:
    kinds: dict[str, type[http.client.HTTPConnection]] = {
        "http": http.client.HTTPConnection,
        "https": http.client.HTTPSConnection,
    }
    try:
        kind, host, port = kinds[where.scheme], where.hostname, where.port
    except (KeyError, ValueError):
        kind, host, port = http.client.HTTPConnection, None, None
    if not host:
        raise errors.StateError(NO_WITNESS, "witness_url is no http or https address")
    return kind(host, port, timeout=_TIMEOUT)


def _ago(node: Node, hours: int) -> str:
    return seconds(node.now() - dt.timedelta(hours=hours))


# -- being a witness -------------------------------------------------------------------------------


class NodeWitness:
    """Cosigns the logs of this home's active peers for whoever asks. Implements
    :class:`psihash.audit.witness.WitnessStore` over the store: the heads are those that exchanges
    with the same peers see."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()

    @property
    def verifier_key(self) -> str:
        """What the logs' owners put into their settings."""
        name = cosigner_name(self._node.agency)
        return encode_verifier_key(name, self._node.card.keys.cosigning, COSIGNATURE)

    def add_checkpoint(self, body: bytes) -> Answer:
        node = self._node
        logs = {
            peer.card.card.keys.log_origin: [peer.card.card.keys.log]
            for peer in node.all_peers()
            if peer.status is PeerStatus.ACTIVE
        }
        signer = LazySigner(node.card.keys.cosigning, lambda: node.keys.cosigning)
        witness = Witness(cosigner_name(node.agency), signer, logs, self)
        with self._lock, node.stores.database.transaction():
            return witness.add_checkpoint(body, int(node.now().timestamp()))

    def cosigned(self, origin: str) -> Cosigned | None:
        head = self._node.stores.checkpoints.latest(origin)
        if head is None:
            return None
        given = self._node.stores.witnessing.given(origin, head.size)
        return Cosigned(head.size, head.root, head.note, b"" if given is None else given.line)

    def advance(self, origin: str, expected_size: int | None, new: Cosigned) -> bool:
        node = self._node
        with node.stores.database.transaction():
            held = node.stores.checkpoints.latest(origin)
            if (None if held is None else held.size) != expected_size:
                return False
            node.stores.checkpoints.save(PeerCheckpoint(origin, new.size, new.root, new.note))
            now = int(node.now().timestamp())
            node.stores.witnessing.give(GivenRow(origin, new.size, new.root, now, new.line))
        return True

    def keep_evidence(self, origin: str, held: bytes, shown: bytes) -> None:
        node = self._node
        agency = origin.rpartition("/")[2]
        known = node.directory.peer(agency)
        if known is None:
            return
        keys = heads.log_keys(node, known.card.card)
        pair = [open_checkpoint(note, origin, *keys) for note in (held, shown)]
        heads.report(node, Contradiction(agency, FORK, pair[0], pair[1], agency))
