"""The implementations of the group: the one over psihash-native if it is here, else libsodium."""

from __future__ import annotations

import importlib
from typing import Final

from psihash import errors
from psihash.psi.group import GROUP_MISSING, Group

NATIVE: Final = "native"
SODIUM: Final = "sodium"
HOW_TO_GET_NATIVE: Final = "build psihash-native (`make install` where Rust is installed)"

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
    module, kind = _MODULES[name]
    try:
        group: Group = getattr(importlib.import_module(module), kind)()
    except ImportError as fault:
        reason = f"the package {fault.name} is not installed" if fault.name else "it does not load"
        raise errors.UnavailableError(
            GROUP_MISSING, f"the group '{name}' cannot be used: {reason}"
        ) from None
    return group


def best(wanted: str = "") -> Group:
    """The implementation that is asked for by name, else the fastest that loads."""
    if wanted:
        return load(wanted)
    for name in _MODULES:
        try:
            return load(name)
        except errors.UnavailableError:
            continue
    raise errors.UnavailableError(
        GROUP_MISSING, "neither psihash-native nor rbcl (libsodium) is installed"
    )


def describe(group: Group) -> str:
    """One line for people: what runs here, and how to get the fast one."""
    if group.name.startswith(NATIVE):
        return f"ristretto255 by {group.name}"
    return (
        f"ristretto255 by {group.name}: correct, and many times slower than "
        f"psihash-native; {HOW_TO_GET_NATIVE}"
    )


def _known() -> str:
    return ", ".join(_MODULES)
