"""The inbox as people read it in the console: what waits, and the one page on each request."""

from __future__ import annotations

from psihash.agreement.page import Section
from psihash.node.node import Node
from psihash.node.people import requests
from psihash.node.people.requests import RequestView
from psihash.node.people.roles import use_case


@use_case("inbox show")
def listing(node: Node, *, everything: bool = False) -> list[RequestView]:
    """What waits for a decision, oldest first; with ``everything`` what was decided too."""
    return requests.inbox(node, everything=everything)


@use_case("inbox show")
def page(node: Node, prefix: str) -> tuple[RequestView, list[Section]]:
    """The request and its page. Raises NotFoundError ``unknown-request``."""
    return requests.page(node, prefix)
