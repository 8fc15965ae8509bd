"""HOME/psihash.toml: what an operator may set. Every setting is listed in docs/settings.md."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from psihash import errors, limits

BAD_SETTINGS = errors.define("bad-settings", "psihash.toml has a setting that cannot be used")
NO_HOME = errors.define("no-home", "there is no psihash home in this directory")

FILE_NAME: Final = "psihash.toml"
DEFAULT_LISTEN: Final = "127.0.0.1:7443"


@dataclass(frozen=True, slots=True)
class Settings:
    """Values of psihash.toml, with their defaults."""

    agency: str
    """This agency's id; set by ``psihash init`` and never changed."""
    store: str = ""
    """URL of the store; empty is SQLite in HOME/psihash.db."""
    listen: str = DEFAULT_LISTEN
    """HOST:PORT that ``psihash serve`` binds."""
    passphrase_file: str = ""
    """File with the passphrase of the signing key; empty asks on the terminal."""
    max_sessions: int = limits.MAX_CONCURRENT_SESSIONS
    """Sessions answered at the same time."""
    session_idle_seconds: float = limits.SESSION_IDLE_SECONDS
    """A session that hears nothing for this long ends."""
    reconnect_seconds: float = limits.RECONNECT_SECONDS
    """How long ``psihash match`` tries to reach a peer that it lost."""
    witness_url: str = ""
    """Where an independent witness takes checkpoints; empty for none."""
    witness_key: str = ""
    """The witness's verifier key, ``name+id+key``."""
    central_cosigners: int = 0
    """How many others, witness and peers, must have cosigned a centre's log before a publication of
    its set is used; 0 for none."""
    metrics_listen: str = ""
    """HOST:PORT on loopback where ``psihash serve`` shows metrics; empty for nowhere."""
    over_match_share: float = limits.OVER_MATCH_SHARE
    """A matched item that stands in more than this share of the collections of one side is
    quarantined; 1 or more for never."""
    over_match_collections: int = limits.OVER_MATCH_COLLECTIONS
    """The share counts where a side offers at least this many collections."""
    log_retention_days: int = limits.LOG_RETENTION_DAYS
    """After this time the bodies of the log's entries are erased."""
    webhook_url: str = ""
    """Where a program on this machine is told of new hits of watches: ``http://127.0.0.1:PORT/...``
    or ``unix:/PATH``; empty for nowhere."""
    central_calls: int = limits.CENTRAL_CALLS
    """Batches of members that a centre computes at the same time; each uses all cores."""
    central_member_elements: int = limits.CENTRAL_MEMBER_ELEMENTS
    """Elements that a centre answers one member in 24 hours, padding included."""
    central_elements: int = limits.CENTRAL_ELEMENTS
    """The same over all members."""
    office_hours: str = "mon-fri 07:00-19:00"
    """When sessions are usual; the auditor's list marks those outside."""
    office_time_zone: str = "UTC"
    """Whose clock that is: a name such as ``Europe/Amsterdam``."""


_NAMES: Final = dict(Settings.__annotations__)


def load(home: Path) -> Settings:
    """Read the settings; raises NotFoundError ``no-home`` where ``psihash init`` has not been."""
    path = home / FILE_NAME
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise errors.NotFoundError(
            NO_HOME,
            f"there is no psihash home at {home}",
            hint="run `psihash --home DIR init ...`, or name the right directory with --home",
        ) from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise errors.InputError(BAD_SETTINGS, f"{path} cannot be read: {fault}") from None
    return _checked(path, values)


def _checked(path: Path, values: dict[str, Any]) -> Settings:
    unknown = sorted(set(values) - set(_NAMES))
    if unknown:
        raise errors.InputError(
            BAD_SETTINGS, f"{path} has unknown settings: {', '.join(unknown)}", hint=_known()
        )
    for name, value in values.items():
        kind = {"str": str, "int": int, "float": (int, float)}[_NAMES[name]]
        if not isinstance(value, kind) or isinstance(value, bool):  # type: ignore[arg-type]
            raise errors.InputError(BAD_SETTINGS, f"{path}: '{name}' must be a {_NAMES[name]}")
        # A default may be written down, also where it is 0 for none.
        usual = value == getattr(Settings(agency=""), name)
        if isinstance(value, int | float) and not value > 0 and not usual:
            raise errors.InputError(BAD_SETTINGS, f"{path}: '{name}' must be above zero")
    if "agency" not in values:
        raise errors.InputError(BAD_SETTINGS, f"{path} does not say which agency this is")
    return Settings(**values)


def _known() -> str:
    return "known settings: " + ", ".join(sorted(_NAMES))


def render(settings: Settings) -> str:
    """The file that ``psihash init`` writes."""
    lines = ["# Settings of this psihash node; docs/settings.md explains each of them."]
    for name in _NAMES:
        value = getattr(settings, name)
        if value != getattr(Settings(agency=""), name):
            text = str(value).replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'{name} = "{text}"' if isinstance(value, str) else f"{name} = {value}")
    return "\n".join(lines) + "\n"


def store_url(home: Path, settings: Settings) -> str:
    """PSIHASH_STORE, else the setting, else SQLite in the home."""
    url = os.environ.get("PSIHASH_STORE") or settings.store
    return url or f"sqlite:///{(home / 'psihash.db').resolve()}"
