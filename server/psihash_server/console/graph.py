"""The link graph: our series on the left, theirs on the right, a line for each pair in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psihash.node.running.link_graph import Edge, LinkGraph, PeerSeries
from psihash_server.console import charts
from psihash_server.console.charts import Chart, text, words_at

SHOWN: Final = 14
"""Series on each side; the table has more."""

_WIDTH: Final = 860
_ROW: Final = 34
_TOP: Final = 44
_OWN_X: Final = 250
_PEER_X: Final = 560
_LETTERS: Final = 32


@dataclass(frozen=True, slots=True)
class Drawing:
    """``left_out``: series of either side that are in the table alone."""

    svg: Chart
    left_out: int


def draw(links: LinkGraph) -> Drawing | None:
    """The graph of the most urgent and largest pairs; None where there is no pair."""
    if not links.edges:
        return None
    own, peer = _most([e.own for e in links.edges]), _most([e.peer for e in links.edges])
    edges = [edge for edge in links.edges if edge.own in own and edge.peer in peer]
    own, peer = ({edge.own: None for edge in edges}, {edge.peer: None for edge in edges})
    places = {("own", name): y for name, y in _spread(list(own), len(peer)).items()}
    places |= {("peer", name): y for name, y in _spread(list(peer), len(own)).items()}
    largest = max(edge.most for edge in edges)
    parts = [
        words_at("heading", _OWN_X - 14, 20, "Our series", "end"),
        words_at("heading", _PEER_X + 14, 20, "Their series", "start"),
    ]
    # The urgent ones last: they lie on top.
    parts += (
        _edge(edge, places["own", edge.own], places["peer", edge.peer], largest)
        for edge in sorted(edges, key=lambda each: each.urgent)
    )
    parts += (_own(name, places["own", name]) for name in own)
    parts += (_peer(links.peer[name], places["peer", name]) for name in peer)
    height = _TOP + max(len(own), len(peer)) * _ROW + 6
    every = {edge.own for edge in links.edges}, {edge.peer for edge in links.edges}
    left_out = len(every[0]) - len(own) + len(every[1]) - len(peer)
    title = "Which of our series have items in common with theirs"
    svg = charts.svg("links", title, _told(edges, links), _WIDTH, height, parts)
    return Drawing(svg, left_out)


def _most(names: Sequence[str]) -> dict[str, None]:
    """The first distinct names: edges come in the order of urgency."""
    return dict.fromkeys(list(dict.fromkeys(names))[:SHOWN])


def _spread(names: Sequence[str], others: int) -> dict[str, float]:
    """Heights, the shorter side in the middle."""
    start = _TOP + max(0, others - len(names)) * _ROW / 2
    return {name: start + number * _ROW + _ROW / 2 for number, name in enumerate(names)}


def _edge(edge: Edge, left: float, right: float, largest: int) -> str:
    wide = 1.5 + 8.5 * (edge.most / largest) ** 0.5
    kind = "edge urgent" if edge.urgent else "edge"
    bend = (_PEER_X - _OWN_X) / 2
    path = (
        f"M{_OWN_X} {left:.1f} C{_OWN_X + bend:.0f} {left:.1f} "
        f"{_PEER_X - bend:.0f} {right:.1f} {_PEER_X} {right:.1f}"
    )
    return f'<path class="{kind}" d="{path}" stroke-width="{wide:.1f}"/>'


def _own(name: str, y: float) -> str:
    dot = f'<circle class="dot" cx="{_OWN_X}" cy="{y:.1f}" r="6"/>'
    return dot + words_at("label", _OWN_X - 14, y + 5, _short(name), "end")


def _peer(series: PeerSeries, y: float) -> str:
    """An identified series has a ring and the word: colour alone tells nobody."""
    dot = f'<circle class="dot" cx="{_PEER_X}" cy="{y:.1f}" r="6"/>'
    if not series.identified:
        return dot + words_at("label", _PEER_X + 14, y + 5, _short(series.name), "start")
    ring = f'<circle class="ring" cx="{_PEER_X}" cy="{y:.1f}" r="10"/>'
    name = text(_short(series.name))
    return (
        f'{ring}{dot}<text class="label" x="{_PEER_X + 18}" y="{y + 5:.1f}">{name}'
        '<tspan class="mark" dx="8">identified</tspan></text>'
    )


def _short(name: str) -> str:
    return name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "\u2026"


def _told(edges: Sequence[Edge], links: LinkGraph) -> str:
    said = []
    for edge in edges:
        known = ", victim identified there" if links.peer[edge.peer].identified else ""
        count = f"{edge.most:,}" if edge.least == edge.most else f"{edge.least} to {edge.most}"
        said.append(f"{edge.own} and {edge.peer}: {count} in common{known}")
    return "; ".join(said)
