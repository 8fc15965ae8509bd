"""What a session would cost and cover, before it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psihash import errors
from psihash.agreement.charges import period_start, runs_per_algorithm
from psihash.agreement.rules import check_active, largest_classes
from psihash.agreement.state import Agreement
from psihash.audit.event import Event
from psihash.node.agreeing import agreements, documents
from psihash.node.node import Node
from psihash.node.peering import contact, peers
from psihash.node.peering.channel import PeerChannel
from psihash.node.people.roles import use_case
from psihash.node.running.desk import NO_SUCH_AGREEMENT, allowed_engines
from psihash.psi.engine import EngineProperties
from psihash.psi.registry import AUTO
from psihash.terms import AlgorithmId, parse_algorithm
from psihash.wire.v1 import peer_pb2 as pb

BAD_PREFLIGHT = errors.define("bad-preflight", "the peer's preflight message is malformed")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one side offers of one algorithm, as coarsely as the other side may know it."""

    percent: int
    """Share of its items with such a digest, rounded down to tens."""
    size_class: int


@dataclass(frozen=True, slots=True)
class PreflightView:
    """The answer of ``psihash preflight``."""

    agreement: str
    peer: str
    rung: str
    learn: str
    engine: str
    algorithms: dict[str, dict[str, int]]
    elements_charged: int
    seconds: int
    bytes: int
    sessions_left: int
    elements_left: int
    warnings: list[str] = field(default_factory=list)


@use_case("preflight")
def preflight(node: Node, peer: str, prefix: str) -> PreflightView:
    """Ask the peer what it covers, and estimate a session. Recorded on both sides."""
    agreement = find(node, peer, prefix)
    with PeerChannel(node, peers.require(node, peer)) as channel:
        contact.exchange(node, peer, channel)
        agreement = documents.load(node, agreement.id)
        check_active(agreement, node.stamp())
        own = own_coverage(node, agreement)
        theirs, engines = ask(node, channel, agreement, own)
    node.record(Event.PREFLIGHT, {"peer": peer, "agreement": agreement.id, "by": node.agency})
    return _view(node, agreement, own, theirs, engines)


def find(node: Node, peer: str, prefix: str) -> Agreement:
    """An agreement with this peer."""
    agreement = agreements.find(node, prefix)
    if agreement.peer_of(node.agency) != peer:
        raise errors.NotFoundError(
            NO_SUCH_AGREEMENT,
            f"that agreement is with {agreement.peer_of(node.agency)}, not with {peer}",
            hint="run `psihash agreement list`",
        )
    return agreement


def own_coverage(node: Node, agreement: Agreement) -> dict[AlgorithmId, Coverage]:
    """What we would tell: percentages in tens and the classes that our annex states anyway."""
    annex = agreement.annex(node.agency)
    names = [row.collection for row in node.stores.agreements.offered(agreement.id)]
    infos = [node.stores.holdings.collection(name) for name in names]
    items = sum(info.items for info in infos)
    classes = {} if annex is None else largest_classes(annex, agreement.terms.algorithms)
    return {
        name: Coverage(
            10 * (10 * sum(info.coverage.get(name, 0) for info in infos) // items) if items else 0,
            classes.get(name, 0),
        )
        for name in agreement.terms.algorithms
    }


def ask(
    node: Node,
    channel: PeerChannel,
    agreement: Agreement,
    own: Mapping[AlgorithmId, Coverage],
) -> tuple[dict[AlgorithmId, Coverage], list[str]]:
    """The peer's coverage and engines. With no coverage of our own it tells its engines only."""
    request = pb.PreflightRequest(
        agreement=agreement.id,
        coverage=encode(own),
        engines=[engine.id for engine in node.engines.installed()],
    )
    reply = channel.call(lambda stub: stub.Preflight, request)
    return decode(reply.coverage), list(reply.engines)[:16]


def encode(coverage: Mapping[AlgorithmId, Coverage]) -> list[pb.AlgorithmCoverage]:
    return [
        pb.AlgorithmCoverage(algorithm=name.value, percent=part.percent, size_class=part.size_class)
        for name, part in coverage.items()
    ]


def decode(parts: Sequence[pb.AlgorithmCoverage]) -> dict[AlgorithmId, Coverage]:
    """Strict: known algorithms, tens of percent."""
    found: dict[AlgorithmId, Coverage] = {}
    for part in parts:
        if len(parts) > len(AlgorithmId) or part.percent > 100 or part.percent % 10:
            raise errors.ProtocolError(BAD_PREFLIGHT, "a coverage is malformed")
        try:
            found[parse_algorithm(part.algorithm)] = Coverage(part.percent, part.size_class)
        except errors.InputError:
            raise errors.ProtocolError(BAD_PREFLIGHT, "an unknown algorithm") from None
    return found


def _view(
    node: Node,
    agreement: Agreement,
    own: Mapping[AlgorithmId, Coverage],
    theirs: Mapping[AlgorithmId, Coverage],
    engines: list[str],
) -> PreflightView:
    terms, now = agreement.terms, node.stamp()
    installed = [engine.id for engine in node.engines.installed()]
    engine = node.engines.choose(
        terms.rung, terms.learn, allowed_engines(terms, installed), engines, AUTO
    )
    runs = runs_per_algorithm(terms.learn, engine.properties.both_in_one_run)
    elements = sum(
        part.size_class + theirs.get(name, Coverage(0, 0)).size_class for name, part in own.items()
    )
    used = node.stores.ledger.totals(period_start(now, terms.period_days), agreement=agreement.id)
    return PreflightView(
        agreement=agreement.id,
        peer=agreement.peer_of(node.agency),
        rung=terms.rung.value,
        learn=terms.learn.value,
        engine=engine.id,
        algorithms={
            name.value: {
                "own_percent": part.percent,
                "peer_percent": theirs.get(name, Coverage(0, 0)).percent,
                "own_size_class": part.size_class,
                "peer_size_class": theirs.get(name, Coverage(0, 0)).size_class,
            }
            for name, part in own.items()
        },
        elements_charged=elements * runs,
        seconds=_seconds(engine.properties, elements * runs),
        bytes=int(engine.properties.bytes_per_item * elements * runs),
        sessions_left=max(0, terms.sessions_per_period - used.sessions),
        elements_left=max(0, terms.elements_per_period - used.elements),
        warnings=_warnings(own, theirs, elements * runs, terms.elements_per_period - used.elements),
    )


def _seconds(properties: EngineProperties, elements: int) -> int:
    return 1 + int(properties.microseconds_per_item * elements / 1_000_000)


def _warnings(
    own: Mapping[AlgorithmId, Coverage],
    theirs: Mapping[AlgorithmId, Coverage],
    charged: int,
    left: int,
) -> list[str]:
    found = []
    if charged > left:
        found.append("the budget of the agreement does not suffice for this session")
    for name, part in own.items():
        peer = theirs.get(name, Coverage(0, 0))
        if min(part.percent, peer.percent) < 50:
            found.append(
                f"{name.value}: only {part.percent} % of our items and {peer.percent} % of theirs "
                "can match by this algorithm: no hit means little"
            )
    return found
