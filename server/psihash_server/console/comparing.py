"""Comparing our log with a partner's bundle, which comes by upload."""

from __future__ import annotations

import threading

from starlette.responses import Response

from psihash import errors
from psihash.node.oversight import partner_bundle
from psihash_server.console import pages
from psihash_server.console.guard import MAX_UPLOAD
from psihash_server.console.visit import BAD_FIELD, Visit

COMPARING = errors.define("compare-busy", "another bundle is being compared in the console")
_ONE = threading.Lock()
"""One at a time: each lies on the disk twice and takes a processor."""


def form(visit: Visit) -> Response:
    return _page(visit)


def compare(visit: Visit) -> Response:
    """What does not hold is the answer that was asked for."""
    peer = visit.field("peer", required=True)
    if peer not in pages.peers(visit):
        raise errors.NotFoundError(
            BAD_FIELD, "there is no such partner", hint="choose from the list"
        )
    if not _ONE.acquire(blocking=False):
        raise errors.StateError(
            COMPARING, "another bundle is being compared just now", hint="try again in a minute"
        )
    try:
        found = partner_bundle.compare(visit.node, peer, visit.upload("bundle").file)
    except (errors.VerificationError, errors.InputError) as error:
        return _page(visit, status=pages.status_of(error), peer=peer, error=error)
    finally:
        _ONE.release()
    return _page(visit, peer=peer, found=found)


def _page(
    visit: Visit,
    status: int = 200,
    peer: str = "",
    found: dict[str, object] | None = None,
    error: errors.PsihashError | None = None,
) -> Response:
    return pages.page(
        visit,
        "compare.html",
        "Compare with a partner's log",
        status,
        peers=pages.peers(visit),
        peer=peer,
        found=found,
        error=error,
        most=MAX_UPLOAD // (1024 * 1024),
    )
