"""This node at a glance, and an examination that names what is wrong and what to do."""

from __future__ import annotations

import os
import socket
from collections import Counter
from pathlib import Path
from typing import Any

from psihash.audit.entry import log_origin
from psihash.identity.certificates import load
from psihash.identity.fingerprints import format_fingerprint
from psihash.node import leasing
from psihash.node.agreeing import agreements
from psihash.node.casework import followup_views
from psihash.node.clock import milliseconds, seconds
from psihash.node.home import checks, reachability
from psihash.node.home.checks import ERROR, OK, WARNING, Finding
from psihash.node.home.passphrase import Ask
from psihash.node.node import Node
from psihash.node.running import sessions
from psihash.psi.registry import short_name
from psihash.storage.requests import RequestState

__all__ = ["ERROR", "OK", "WARNING", "Finding", "doctor", "status"]


def status(node: Node) -> dict[str, Any]:
    """What ``psihash status`` shows. Needs no key; changes nothing."""
    held = node.stores.holdings.statistics()
    views = sessions.listing(node)
    expires = load(node.tls_pem).not_valid_after_utc
    return {
        "agency": node.agency,
        "name": node.card.name,
        "country": node.card.country,
        "endpoint": node.card.endpoint,
        "card_version": node.card.version,
        "fingerprint": format_fingerprint(node.card.fingerprint),
        "home": str(node.home.resolve()),
        "store": "sqlite" if node.stores.database.is_sqlite else "postgresql",
        "items": held["items"],
        "collections": held["collections"],
        "exclusions": held["exclusions"],
        "peers": _by(row.status.value for row in node.stores.peers.all()),
        "agreements": _by(view.status for view in agreements.listing(node)),
        "sessions": len(views),
        "running": _running(node),
        "sessions_in_doubt": sum(view.state == "in-doubt" for view in views),
        "waiting_for_decision": len(node.stores.requests.all(RequestState.PENDING)),
        "waiting_for_peers": len(node.stores.outbox.waiting()),
        "follow_ups": followup_views.summary(node),
        "log": _log(node),
        "certificate_until": seconds(expires),
        "certificate_days_left": (expires - node.now()).days,
        "engines": [_engine(each.id) for each in node.engines.installed()],
        "engines_missing": {
            short_name(engine): reason for engine, reason in node.engines.missing.items()
        },
        "group_backend": checks.group_backend(node),
    }


def doctor(home: Path, ask: Ask | None) -> list[Finding]:
    """Examine a home, from its files outwards to the peers. Never raises for what it finds; what
    rests on a part that failed is left out."""
    findings = checks.Findings()
    chosen = checks.settings_and_files(findings, home)
    node = None if chosen is None else checks.opened(findings, home, chosen, ask)
    if node is None:
        return findings.found
    try:
        checks.store(findings, node)
        has_keys = checks.keys(findings, node)
        can_call = checks.certificate(findings, node, has_keys=has_keys)
        checks.clock(findings, node)
        checks.log(findings, node)
        checks.engines(findings, node)
        reachability.listener(findings, node)
        reachability.peers(findings, node, can_call=can_call)
    finally:
        node.close()
    return findings.found


def _running(node: Node) -> list[str]:
    """The processes of this agency that hold a lease now, in words."""
    names = {leasing.SERVE: "serving"} | {
        leasing.pair(row.agency): f"session with {row.agency}" for row in node.stores.peers.all()
    }
    held = {name: node.stores.leases.find(name) for name in names}
    now = milliseconds(node.now())
    return [
        names[name]
        for name, lease in held.items()
        if lease is not None and lease.expires > now and _may_live(lease.holder)
    ]


def _may_live(holder: str) -> bool:
    """Whether the process that holds a lease may still be there: false only where it was of this
    machine and is gone."""
    host, _, rest = holder.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdecimal():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _by(words: Any) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _engine(engine: str) -> str:
    return f"{short_name(engine)} ({engine})"


def _log(node: Node) -> dict[str, Any]:
    kept = node.stores.log.checkpoints()
    return {
        "origin": log_origin(node.agency),
        "entries": node.stores.log.head().size,
        "signed_entries": kept[-1][0] if kept else 0,
        "checkpoints": len(kept),
    }
