"""The examinations of ``psihash doctor``, each of one part of a node."""

from __future__ import annotations

import datetime as dt
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from psihash import errors
from psihash.audit.entry import open_entry
from psihash.identity.certificates import load, verify_leaf
from psihash.identity.keys import KDF_ROUNDS, kdf_rounds
from psihash.node.clock import milliseconds, seconds
from psihash.node.home import files, opening, passphrase, settings
from psihash.node.node import Node
from psihash.node.oversight import auditing
from psihash.psi import groups
from psihash.psi.engines.ecdh import ENGINE_ID as ECDH_ID
from psihash.psi.engines.ecdh import EcdhEngine
from psihash.psi.group import Group
from psihash.psi.registry import short_name
from psihash.terms import Rung

OK: Final = "ok"
WARNING: Final = "warning"
ERROR: Final = "error"

WARN_DAYS: Final = 21
"""Renewing needs the authority's key, which may lie in a safe: say so in good time."""

_MAX_QUICK_ENTRIES: Final = 200_000
"""A few seconds of hashing; longer logs are for `psihash audit verify`."""

_EARLIEST: Final = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
"""No clock that is right shows an earlier time: this program did not exist."""

_SECRET_FILES: Final = (files.SIGNING_KEY, files.KEY_BOX)
_PUBLIC_FILES: Final = (files.CA_CERTIFICATE, files.TLS_CERTIFICATE, files.CARD)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined. ``level`` is ok, warning or error."""

    level: str
    subject: str
    message: str
    hint: str = ""


@dataclass(slots=True)
class Findings:
    """What was found so far, in order."""

    found: list[Finding] = field(default_factory=list)

    def ok(self, subject: str, message: str) -> None:
        self.found.append(Finding(OK, subject, message))

    def warn(self, subject: str, message: str, hint: str = "") -> None:
        self.found.append(Finding(WARNING, subject, message, hint))

    def error(self, subject: str, message: str, hint: str = "") -> None:
        self.found.append(Finding(ERROR, subject, message, hint))

    @contextmanager
    def of(self, subject: str, level: str = ERROR) -> Iterator[None]:
        """Turn an error inside into a finding: whatever is broken, the examination goes on."""
        try:
            yield
        except errors.PsihashError as fault:
            message = f"{fault.message} ({fault.code})"
            self.found.append(Finding(level, subject, message, fault.hint))
        except Exception as fault:  # noqa: BLE001 - a damaged part can fail in any way
            message = f"it could not be examined: {type(fault).__name__}"
            self.found.append(Finding(level, subject, message, "restore it from a backup"))


def settings_and_files(findings: Findings, home: Path) -> settings.Settings | None:
    """Whether the home can be opened at all."""
    with findings.of("settings"):
        chosen = settings.load(home)
        findings.ok("settings", f"{home / settings.FILE_NAME} is readable")
        absent = [n for n in (*_SECRET_FILES, *_PUBLIC_FILES) if not (home / n).is_file()]
        for name in absent:
            hint = "restore it from a backup of the home"
            if name == files.CARD:
                hint += "; the card is also with every peer"
            findings.error("files", f"{home / name} is missing", hint)
        _permissions(findings, home, chosen)
        _authority_key(findings, home)
        return None if absent else chosen
    return None


def _permissions(findings: Findings, home: Path, chosen: settings.Settings) -> None:
    watched = [home / name for name in (*_SECRET_FILES, files.CA_KEY)]
    if chosen.passphrase_file:
        watched.append(home / chosen.passphrase_file)
    loose = [
        path for path in watched if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    for path in loose:
        findings.error("files", f"{path} can be read by others", f"chmod 600 {path}")
    if not loose:
        findings.ok("files", "keys and passphrase are readable by their owner alone")


def _authority_key(findings: Findings, home: Path) -> None:
    path = home / files.CA_KEY
    if not path.is_file():
        findings.ok("authority key", "kept off this machine; `psihash renew` needs it")
        return
    with findings.of("authority key"):
        if kdf_rounds(files.read(home, files.CA_KEY)) < KDF_ROUNDS:
            findings.error("authority key", f"{path} is weakly protected or not at all")
        else:
            findings.ok("authority key", "in the home, under its passphrase; it may be moved away")


def opened(
    findings: Findings, home: Path, chosen: settings.Settings, ask: passphrase.Ask | None
) -> Node | None:
    """The node, where card, certificates and store can be read."""
    with findings.of("store"):
        url = settings.store_url(home, chosen)
        file = Path(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:///") and not file.is_file():
            # Opening would make a new, empty one, and the loss would go unseen.
            findings.error("store", f"{file} is missing", "restore the store from a backup")
            return None
        return opening.open_node(home, ask=ask)
    return None


def store(findings: Findings, node: Node) -> None:
    """The store opened, so its schema is current: does it answer?"""
    with findings.of("store"):
        held = node.stores.holdings.statistics()
        kind = "SQLite" if node.stores.database.is_sqlite else "PostgreSQL"
        what = f"{held['items']:,} items in {held['collections']:,} collections"
        findings.ok("store", f"{kind}, schema current, {what}")


def keys(findings: Findings, node: Node) -> bool:
    """Whether the passphrase can be had and opens the keys; True where it does."""
    with findings.of("keys"):
        ring = node.keys
        if ring.card_keys(node.card.keys.log_origin) != node.card.keys:
            findings.error(
                "keys", "the keys are not the ones on the card", "restore both from one backup"
            )
            return False
        findings.ok("keys", "the passphrase opens the keys, and they are the ones on the card")
        return True
    return False


def certificate(findings: Findings, node: Node, *, has_keys: bool) -> bool:
    """Chain, period and key of our own TLS certificate; True where peers can be called with it."""
    with findings.of("certificate"):
        leaf = verify_leaf(node.tls_pem, node.ca_pem, node.agency, node.now())
        if node.card.ca_pem != node.ca_pem:
            findings.error("certificate", "the authority is not the one on the card")
            return False
        if has_keys and _public(node.keys.tls.public_key()) != _public(
            load(node.tls_pem).public_key()
        ):
            findings.error("certificate", "it belongs to another key", "run `psihash renew`")
            return False
        left, until = (leaf.expires - node.now()).days, seconds(leaf.expires)
        if left < WARN_DAYS:
            findings.warn("certificate", f"ends in {left} days, {until}", "run `psihash renew`")
        else:
            findings.ok("certificate", f"valid until {until}, {left} days")
        _authority_period(findings, node)
        return has_keys
    return False


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _authority_period(findings: Findings, node: Node) -> None:
    left = (load(node.ca_pem).not_valid_after_utc - node.now()).days
    if left < 365:
        findings.warn(
            "authority",
            f"the authority's certificate ends in {left} days",
            "plan a new home and a new ceremony with every peer",
        )


def clock(findings: Findings, node: Node) -> None:
    """Whether the machine's time can be right: not before this program, nor before the log."""
    now, size = node.now(), node.stores.log.head().size
    with findings.of("clock"):
        stored = next(node.stores.log.entries(max(0, size - 1), size), None)
        last = None if stored is None else open_entry(stored).time
        if now < _EARLIEST:
            findings.error("clock", f"the machine says {seconds(now)}", "set the clock")
        elif last is not None and milliseconds(now) < last:
            findings.error(
                "clock",
                f"the machine says {seconds(now)}, but the log has an entry of {last}",
                "set the clock; certificates and agreements depend on it",
            )
        else:
            findings.ok("clock", seconds(now))


def log(findings: Findings, node: Node) -> None:
    """Whether the log holds; long ones are left to ``psihash audit verify``."""
    size = node.stores.log.head().size
    if size == 0:
        findings.error("log", "the log is empty, so the store is not this home's")
        return
    if not node.stores.log.checkpoints():
        # `init` signs the first one, so they have been lost.
        findings.error("log", f"{size:,} entries, and not one checkpoint is left of them")
        return
    if size > _MAX_QUICK_ENTRIES:
        findings.warn("log", f"{size:,} entries, not verified here", "run `psihash audit verify`")
        return
    with findings.of("log"):
        verdict = auditing.verify(node)
        size, signed = verdict["size"], verdict["signed_size"]
        findings.ok("log", f"whole and unedited, {size:,} entries, {signed:,} of them signed")


def engines(findings: Findings, node: Node) -> None:
    """Which engines can be used here."""
    for engine in node.engines.installed():
        rungs = [rung.value for rung in Rung if rung in engine.properties.rungs]
        if Rung.ITEMS in engine.properties.rungs:
            rungs.append("records (which is items and a disclosure)")
        findings.ok("engine", f"{short_name(engine.id)} serves {', '.join(rungs)}")
    for name, reason in node.engines.missing.items():
        findings.warn("engine", f"{short_name(name)} cannot be used here: {reason}")
    if not node.engines.installed():
        findings.error("engine", "no engine can be used here, so nothing can be matched")
    _group(findings, node)


def _group(findings: Findings, node: Node) -> None:
    """Whether the fast implementation of the group runs, and with which kernel."""
    group = _group_of(node)
    if group is None:
        hint = f"docs/settings.md: PSIHASH_GROUP, PSIHASH_KERNEL; or {groups.HOW_TO_GET_NATIVE}"
        findings.warn("group", group_backend(node), hint)
        return
    line, advice = groups.judge(group)
    if advice:
        findings.warn("group", line, advice)
    else:
        findings.ok("group", line)


def slow_group(node: Node) -> str:
    """What to say where a node starts to serve on the slow implementation; else nothing."""
    group = _group_of(node)
    return groups.describe(group) if group is not None and groups.judge(group)[1] else ""


def group_backend(node: Node) -> str:
    """Which implementation of the ristretto255 group this node uses, in words."""
    group = _group_of(node)
    if group is None:
        return f"none: {node.engines.missing.get(ECDH_ID, 'the engine ecdh is not installed')}"
    return groups.describe(group)


def _group_of(node: Node) -> Group | None:
    engines = node.engines.installed()
    return next((each.group for each in engines if isinstance(each, EcdhEngine)), None)
