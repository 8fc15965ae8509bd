"""What an auditor takes along: the entry stands before the file leaves."""

from __future__ import annotations

from psihash.audit.event import Event
from psihash.node.node import Node
from psihash.node.people.roles import use_case


@use_case("oversight")
def record(node: Node, table: str, rows: int) -> None:
    """Log that a table of ``rows`` rows is about to be written to a file."""
    node.record(Event.EXPORT, {"what": f"oversight-{table}", "format": "csv", "records": rows})
