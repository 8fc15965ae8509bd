"""Requests of kind ``session``: the page on one rung of one session."""

from __future__ import annotations

from typing import Final

from psihash.agreement.page import Section, session_page
from psihash.agreement.rules import check_active
from psihash.node.agreeing import documents
from psihash.node.node import Node
from psihash.node.people import request_page, requests
from psihash.node.people.request_kinds import Handler
from psihash.storage.requests import RequestRow
from psihash.terms import Rung, SessionRole


def _page(node: Node, row: RequestRow) -> list[Section]:
    subject = requests.body(row).subject
    agreement = documents.load(node, subject["agreement"])
    rung, we_open = Rung(subject["rung"]), subject["role"] == SessionRole.INITIATOR.value
    opener = node.agency if we_open else row.peer
    after = ""
    if subject["previous"]:
        after = f" It goes on from the session with receipt {subject['previous'][:12]}, same lists."
    asked = (
        f"One session at rung '{rung.value}' with {row.peer}, opened by "
        f"{'us' if we_open else 'them'}, under agreement {row.agreement[:12]}.{after}"
    )
    return [
        ("What is asked", asked),
        *session_page(agreement, node.agency, rung, opener),
        request_page.budget(node, agreement.id, agreement.terms),
        request_page.exposed(node, row.peer),
    ]


def _check(node: Node, row: RequestRow) -> None:
    check_active(documents.load(node, row.agreement), node.stamp())


SESSION: Final = Handler(page=_page, check=_check)
