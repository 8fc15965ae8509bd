"""Inputs for parsers: noise, real inputs with damage, and large ones that aim at weak spots."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

MOST = 6000
"""Bytes of a real input that are kept: mutations of a longer one say nothing new."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """A real message with some bytes changed, cut out, put in or repeated."""
    data = bytearray(draw(st.sampled_from(originals))[:MOST])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["set", "cut", "insert", "repeat", "end"])):
            case "set" if at < len(data):
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 40))]
            case "insert":
                data[at:at] = draw(st.binary(max_size=12))
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 60))]
            case "end":
                del data[at:]
    return bytes(data)


@st.composite
def json_mutated(draw: st.DrawFn, originals: list[Any]) -> bytes:
    """A real document with any JSON in the place of one of its values, in canonical form as far as
    Python writes it."""
    value = json.loads(json.dumps(draw(st.sampled_from(originals))))
    places = list(_places(value))
    holder, key = draw(st.sampled_from(places))
    holder[key] = draw(JSON)
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys = value if isinstance(value, dict) else range(len(value)) if _is_list(value) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def documents(originals: list[bytes]) -> list[Any]:
    """Those of the originals that are JSON objects with something in them."""
    found = []
    for data in originals:
        try:
            value = json.loads(data)
        except ValueError:
            continue
        if isinstance(value, dict) and value:
            found.append(value)
    return found


def hostile(originals: list[bytes]) -> st.SearchStrategy[bytes]:
    """Noise, noise behind a real beginning, and real inputs with damage."""
    strategies = [st.binary(max_size=300), mutated(originals)]
    strategies.append(
        st.tuples(st.sampled_from(originals), st.integers(0, 200), st.binary(max_size=100)).map(
            lambda drawn: drawn[0][: drawn[1]] + drawn[2]
        )
    )
    if found := documents(originals):
        strategies += [json_mutated(found)] * 2
    return st.one_of(strategies)


SHAPES = {
    "zeros": b"\0",
    "ones": b"\xff",
    "open lists": b"[",
    "open objects": b'{"a":',
    "empty objects": b"{},",
    "a number": b"9",
    "line feeds": b"\n",
    "commas": b",",
    "quotes": b'"',
    "empty protobuf messages": b"\x0a\x00",
    "a varint without end": b"\x80",
    "markup": b"-----BEGIN CERTIFICATE-----\n",
    "no UTF-8": b"\xc3\x28",
    "spaces": b" ",
}


def large(original: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """Inputs of ``size`` bytes: one thing many times, alone and behind a real beginning."""
    for name, piece in SHAPES.items():
        many = piece * (size // len(piece))
        yield name, many
        yield f"half of a real input, then {name}", original[: len(original) // 2] + many
        yield f"a real input, then {name}", original + many
    yield "itself again and again", original * (size // max(len(original), 1))
