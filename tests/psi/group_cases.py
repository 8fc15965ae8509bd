"""Every implementation of the group that loads here, and edge cases of its encodings."""

from __future__ import annotations

import numpy as np
import pytest

from psihash.errors import UnavailableError
from psihash.psi import groups
from psihash.psi.group import Group, Rows


def _loaded() -> list[Group]:
    found = []
    for name in (groups.NATIVE, groups.SODIUM):
        try:
            found.append(groups.load(name))
        except UnavailableError:
            continue
    return found


GROUPS = _loaded()
every_group = pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
PAIRS = [(one, other) for one in GROUPS for other in GROUPS]
every_pair = pytest.mark.parametrize(
    ("group", "other"), PAIRS, ids=[f"{one.name}, {other.name}" for one, other in PAIRS]
)

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
GENERATOR = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")

BAD_ENCODINGS = {
    "identity": bytes(32),
    "negative one": (P - 1).to_bytes(32, "little"),
    "one": (1).to_bytes(32, "little"),
    "odd": (3).to_bytes(32, "little"),
    "p": P.to_bytes(32, "little"),
    "above p": (P + 2).to_bytes(32, "little"),
    "all ones": b"\xff" * 32,
    "high bit": GENERATOR[:31] + bytes([GENERATOR[31] | 0x80]),
    "generator plus p": (int.from_bytes(GENERATOR, "little") + P).to_bytes(33, "little")[:32],
    "square root of -1": bytes.fromhex(
        "b0a00e4a271beec478e42fad0618432fa7d7fb3d99004d2b0bdfc14f8024832b"
    ),
    # RFC 9496, appendix A.3: not a square, and negative xy.
    "non-square": bytes.fromhex("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371"),
    "negative xy": bytes.fromhex(
        "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e"
    ),
}


def rows(*parts: bytes) -> Rows:
    """Points as (n, 32)."""
    return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(-1, 32)


def messages(count: int, start: int = 0) -> Rows:
    """Fixed messages to be mapped."""
    return rows(*((start + n).to_bytes(32, "big") for n in range(count)))
