"""The Python surface: forms of arguments, refusals, and agreement with plain Python."""

from __future__ import annotations

import ast
import hashlib
import hmac
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

native = pytest.importorskip("psihash_native", reason="the native part is not built here")

DST = b"psihash test"
ORDER = 2**252 + 27742317777372353535851937790883648493


def rows(count: int) -> bytes:
    return os.urandom(32 * count)


def framed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


def test_commutes() -> None:
    """a(bH(x)) = b(aH(x)) for a list that fills no block evenly."""
    messages = rows(1031)
    a, b = native.Scalar.random(), native.Scalar.random()
    one = native.multiply(native.hash_to_group(messages, DST, a), b)
    other = native.multiply(native.multiply(native.hash_to_group(messages, DST), b), a)
    assert one == other
    assert native.multiply(one, a.times(b).inverse()) == native.hash_to_group(messages, DST)


def test_forms_of_arguments() -> None:
    messages = rows(5)
    array = np.frombuffer(messages, np.uint8).reshape(5, 32)
    listed = [messages[k : k + 32] for k in range(0, 160, 32)]
    k = native.Scalar.from_bytes((7).to_bytes(32, "little"))
    expected = native.hash_to_group(messages, DST, k)
    out = np.zeros((5, 32), np.uint8)
    assert native.hash_to_group(array, DST, k, out=out) is None
    assert out.tobytes() == expected == native.hash_to_group(listed, DST, k)
    assert native.hash_to_group(bytearray(messages), DST, k) == expected
    with pytest.raises(ValueError, match="contiguous"):
        native.multiply(np.zeros((4, 64), np.uint8)[:, ::2], k)
    with pytest.raises(TypeError):
        native.multiply(np.zeros(8, np.float64), k)
    with pytest.raises(ValueError, match="multiple of 32"):
        native.multiply(expected[:-1], k)
    with pytest.raises(ValueError, match="exactly the result"):
        native.multiply(expected, k, out=bytearray(32))
    with pytest.raises(ValueError, match="one scalar per element"):
        native.multiply(expected, native.Scalars.random(4))
    assert native.multiply(b"", k) == b""


def test_each_by_its_own() -> None:
    points = native.hash_to_group(rows(77), DST)
    raw = b"".join(
        int.from_bytes(os.urandom(31), "little").to_bytes(32, "little") for _ in range(77)
    )
    scalars = native.Scalars.from_bytes(raw)
    got = native.multiply(points, scalars)
    for k in range(77):
        part = slice(32 * k, 32 * k + 32)
        assert native.multiply(points[part], native.Scalar.from_bytes(raw[part])) == got[part]
    assert native.multiply(got, scalars.inverse()) == points


@pytest.mark.parametrize("at", [0, 9, 511, 512, 1999])
def test_bad_points_are_named(at: int) -> None:
    good = native.hash_to_group(rows(2000), DST)
    for reason, bad in (
        ("identity", bytes(32)),
        ("encoding", b"\xff" * 32),
        ("encoding", b"\x01" + bytes(31)),
        ("repeated", good[32 * 1 : 32 * 2] if at > 1 else good[32 * 1999 :]),
    ):
        points = good[: 32 * at] + bad + good[32 * at + 32 :]
        with pytest.raises(native.PointError) as caught:
            native.check_points(points)
        assert caught.value.reason == reason
        assert caught.value.index == (at if reason != "repeated" or at > 1 else 1999)
        if reason != "repeated":
            with pytest.raises(native.PointError):
                native.multiply(points, native.Scalar.random())
    native.check_points(good)


@pytest.mark.parametrize("value", [0, ORDER, ORDER + 1, 2**256 - 1])
def test_bad_scalars(value: int) -> None:
    with pytest.raises(ValueError, match="scalar"):
        native.Scalar.from_bytes(value.to_bytes(32, "little"))


def test_seed() -> None:
    seed = native.Seed.from_bytes(bytes(32))
    assert seed.scalar(b"a").public() == native.Seed.from_bytes(bytes(32)).scalar(b"a").public()
    assert seed.scalar(b"a").public() != seed.scalar(b"b").public()
    wide = hmac.digest(bytes(32), framed(b"psihash/seed/scalar/1", b"a", b""), "sha512")
    raw = (int.from_bytes(wide, "little") % ORDER).to_bytes(32, "little")
    assert seed.scalar(b"a").danger_to_bytes() == raw


@pytest.mark.parametrize("count", [1, 2, 9, 300, 1500])
def test_proofs(count: int) -> None:
    k = native.Scalar.random()
    a = native.hash_to_group(rows(count), DST)
    b = native.multiply(a, k)
    proof = native.dleq_prove(k, k.public(), b"here", a, b)
    assert len(proof) == 64
    assert proof != native.dleq_prove(k, k.public(), b"here", a, b)
    native.dleq_verify(k.public(), b"here", a, b, proof)
    other = native.multiply(a, native.Scalar.random())
    wrong = b[:-32] + other[-32:]
    for public, context, first, second, shown in (
        (k.public(), b"there", a, b, proof),
        (native.Scalar.random().public(), b"here", a, b, proof),
        (bytes(32), b"here", a, b, proof),
        (k.public(), b"here", b, a, proof),
        (k.public(), b"here", a, wrong, proof),
        (k.public(), b"here", a, b, proof[32:] + proof[:32]),
        (k.public(), b"here", a, b, proof[:32] + b"\xff" * 32),
    ):
        with pytest.raises(native.ProofError):
            native.dleq_verify(public, context, first, second, shown)
    with pytest.raises(ValueError, match="does not belong"):
        native.dleq_prove(k, native.Scalar.random().public(), b"", a, b)
    false = native.dleq_prove(k, k.public(), b"here", a, wrong)
    with pytest.raises(native.ProofError):
        native.dleq_verify(k.public(), b"here", a, wrong, false)


def test_voprf_round() -> None:
    inputs = [b"", b"one", b"x" * 65535]
    key, public = native.oprf_derive_key(1, bytes(32), b"info")
    blinds = native.Scalars.random(3)
    blinded = native.oprf_blind(1, inputs, blinds)
    evaluated = native.oprf_evaluate(key, blinded)
    proof = native.voprf_prove(key, public, blinded, evaluated)
    native.voprf_verify(public, blinded, evaluated, proof)
    with pytest.raises(native.ProofError):
        native.voprf_verify(public, evaluated, blinded, proof)
    assert native.oprf_finalize(inputs, blinds, evaluated) == native.oprf_direct(1, key, inputs)
    with pytest.raises(ValueError, match="65,535"):
        native.oprf_blind(1, [b"x" * 65536], native.Scalars.random(1))
    with pytest.raises(ValueError, match="mode"):
        native.oprf_blind(2, inputs, blinds)


def test_permutation() -> None:
    seed = native.Seed.random()
    order = native.Permutation(seed, b"out", 1000)
    sources = np.frombuffer(order.sources(), np.uint32)
    assert sorted(sources) == list(range(1000))
    data = rows(1000)
    array = np.frombuffer(data, np.uint8).reshape(-1, 32)
    assert order.apply(data) == array[sources].tobytes()
    assert order.apply(array, 10, 20) == array[sources[10:20]].tobytes()
    assert native.Permutation(seed, b"back", 1000).sources() != order.sources()
    with pytest.raises(ValueError, match="range"):
        order.apply(data, 5, 1001)
    with pytest.raises(ValueError, match="another length"):
        order.apply(data[:-32])
    counts: dict[tuple[int, ...], int] = {}
    for number in range(6000):
        three = native.Permutation(seed, number.to_bytes(4, "big"), 3).sources()
        counts[three] = counts.get(three, 0) + 1
    assert len(counts) == 6
    assert all(850 < count < 1150 for count in counts.values())


def test_tags() -> None:
    points = rows(100)
    tags = native.tags16(b"transcript", points)
    for k in range(100):
        whole = hashlib.sha256(b"transcript" + points[32 * k : 32 * k + 32]).digest()
        assert tags[16 * k : 16 * k + 16] == whole[:16]
    other = native.tags16(b"transcript", rows(50) + points[32 * 30 : 32 * 60] + rows(7))
    own, theirs = native.intersect_tags(tags, other)
    assert list(np.frombuffer(own, np.uint32)) == list(range(30, 60))
    assert list(np.frombuffer(theirs, np.uint32)) == list(range(50, 80))
    assert native.intersect_tags(b"", tags) == (b"", b"")
    for a, b in ((tags + tags[:16], other), (tags, other + other[:16])):
        with pytest.raises(native.RepeatError):
            native.intersect_tags(a, b)


def test_leaves_and_rows() -> None:
    tokens, seed = rows(9), os.urandom(32)
    real = bytes([1, 1, 0, 1, 1, 0, 1, 1, 1])
    got = native.leaves(b"owner", b"agreement", b"md5", seed, 2**32 + 5, tokens, real)
    for k in range(9):
        index = (2**32 + 5 + k).to_bytes(8, "big")
        salt = hmac.digest(seed, framed(b"psihash/salt/1", index), "sha256")
        token = tokens[32 * k : 32 * k + 32]
        if not real[k]:
            token = hmac.digest(seed, framed(b"psihash/dummy/1", index), "sha256")
        text = framed(b"psihash/leaf/1", b"owner", b"agreement", b"md5", index, salt, token)
        assert got[32 * k : 32 * k + 32] == hashlib.sha256(b"\0" + text).digest()
    hashed = native.hash_rows(b"prefix", tokens, 16)
    assert hashed[:32] == hashlib.sha256(b"prefix" + framed(tokens[:16])).digest()
    with pytest.raises(ValueError, match="width"):
        native.hash_rows(b"", tokens, 7)


def root_of(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def path_of(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < k:
        return [*path_of(index, leaves[:k]), root_of(leaves[k:])]
    return [*path_of(index - k, leaves[k:]), root_of(leaves[:k])]


def subproof(old: int, leaves: list[bytes], known: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if known else [root_of(leaves)]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    if old <= k:
        return [*subproof(old, leaves[:k], known), root_of(leaves[k:])]
    return [*subproof(old - k, leaves[k:], False), root_of(leaves[:k])]


def test_tree() -> None:
    joined = rows(40)
    leaves = [joined[k : k + 32] for k in range(0, len(joined), 32)]
    tree = native.Tree(joined)
    for size in range(41):
        assert tree.root(size) == root_of(leaves[:size])
        for k in range(size):
            assert tree.inclusion(k, size) == path_of(k, leaves[:size])
        for old in range(1, size + 1):
            assert tree.consistency(old, size) == subproof(old, leaves[:size], True)
    assert native.Tree(b"").root() == hashlib.sha256(b"").digest()
    for call in (lambda: tree.root(41), lambda: tree.inclusion(40), lambda: tree.consistency(5, 4)):
        with pytest.raises(ValueError, match="tree"):
            call()  # type: ignore[no-untyped-call]


def test_the_stub_names_all_that_is_there() -> None:
    stub = Path(__file__).resolve().parents[2] / "src" / "rust" / "psihash_native.pyi"
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    told = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    there = {name for name in vars(native) if callable(getattr(native, name))}
    assert told == {name for name in there if not name.startswith("_")}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.endswith("Error"):
            named = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
            members = {name for name in vars(getattr(native, node.name)) if name[0] != "_"}
            assert {name for name in named if name[0] != "_"} == members


def test_kernel_choice() -> None:
    code = "import psihash_native as n; print(n.kernel())"
    for name in native.kernels():
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PSIHASH_KERNEL": name},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == name
    failed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PSIHASH_KERNEL": "abacus"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode != 0
    assert "KernelError" in failed.stderr
    assert "must be one of" in failed.stderr
