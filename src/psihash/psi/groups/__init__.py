"""The implementations of the group: the one over psihash-native if it is here, else libsodium."""

from __future__ import annotations

import importlib
from typing import Final

from psihash import errors
from psihash.psi.group import GROUP_MISSING, Group

NATIVE: Final = "native"
SODIUM: Final = "sodium"
HOW_TO_GET_NATIVE: Final = (
    "build psihash-native (`make install` where Rust is installed), and leave PSIHASH_GROUP empty"
)

_MODULES: Final = {
    NATIVE: ("psihash.psi.groups.native", "NativeGroup"),
    SODIUM: ("psihash.psi.groups.sodium", "SodiumGroup"),
}


def load(name: str) -> Group:
    """One implementation by its name. Raises UnavailableError ``group-missing``."""
    if name not in _MODULES:
        raise errors.UnavailableError(
            GROUP_MISSING, f"there is no group implementation of that name; known: {_known()}"
        )
    try:
        return _make(name)
    except ImportError as fault:
        reason = f"the package {fault.name} is not installed" if fault.name else "it does not load"
        raise errors.UnavailableError(
            GROUP_MISSING, f"the group '{name}' cannot be used: {reason}"
        ) from None


def best(wanted: str = "") -> Group:
    """The implementation that is asked for by name, else the fastest that loads. One that is here
    and refuses to run, because another kernel is asked for than there is, is not passed over."""
    if wanted:
        return load(wanted)
    for name in _MODULES:
        try:
            return _make(name)
        except ImportError:
            continue
    raise errors.UnavailableError(
        GROUP_MISSING, "neither psihash-native nor rbcl (libsodium) is installed"
    )


def judge(group: Group) -> tuple[str, str]:
    """For people: what runs here, and how to get the fast one; nothing where it is the fast one."""
    line = f"ristretto255 by {group.name}"
    if group.name.startswith(NATIVE):
        return line, ""
    return f"{line}: correct, and many times slower than psihash-native", HOW_TO_GET_NATIVE


def describe(group: Group) -> str:
    """The same in one line."""
    return "; ".join(filter(None, judge(group)))


def _make(name: str) -> Group:
    module, kind = _MODULES[name]
    group: Group = getattr(importlib.import_module(module), kind)()
    return group


def _known() -> str:
    return ", ".join(_MODULES)
