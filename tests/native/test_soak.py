"""Long runs over every kernel: random points against dalek and libsodium, hostile bytes, timing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.native.test_sodium import DST, ORDER, uniform

native = pytest.importorskip("psihash_native", reason="the native part is not built here")
rbcl = pytest.importorskip("rbcl", reason="rbcl (libsodium) is not installed")

ROOT = Path(__file__).resolve().parents[2]
CRATE = ROOT / "src" / "rust"
POINTS = 1_000_000
CHUNK = 10_000
HOSTILE = 20_000
"""Inputs for the body of each fuzz target."""
MEASUREMENTS = 100_000
"""Of each secret in each kernel, in the timing test."""

pytestmark = pytest.mark.soak


def cargo_test(name: str, only: str = "", **environment: str) -> str:
    """One of the crate's tests in release form; what it wrote to stderr."""
    if shutil.which("cargo") is None:
        if os.environ.get("PSIHASH_REQUIRE_NATIVE") == "1":
            pytest.fail("no cargo on this machine")
        pytest.skip("no cargo on this machine: the crate's own tests cannot run")
    target = os.environ.get("CARGO_TARGET_DIR", str(CRATE / "target"))
    words = ["cargo", "test", "--quiet", "--locked", "--release", "--test", name, "--", only]
    done = subprocess.run(
        [*filter(None, words), "--nocapture"],
        cwd=CRATE,
        env={**os.environ, **environment, "CARGO_TARGET_DIR": target},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stderr


def test_a_million_points_of_each_kernel_against_dalek() -> None:
    cargo_test("kernels", "random_points", PSIHASH_SOAK=str(POINTS))


def test_hostile_bytes_for_every_part_of_the_crate() -> None:
    cargo_test("hostile", PSIHASH_SOAK=str(HOSTILE))


def test_no_kernel_takes_longer_for_one_secret_than_for_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = cargo_test("timing", PSIHASH_TIMING=str(MEASUREMENTS))
    with capsys.disabled():
        print("\n" + "\n".join(line for line in figures.splitlines() if " t =" in line))
    for kernel in native.kernels():
        assert f"{kernel} scalar" in figures


# -- libsodium -----------------------------------------------------------------------------------


class Chunk:
    """Messages, scalars and strings that are mostly no points, the same for the same number."""

    def __init__(self, number: int, count: int) -> None:
        stream = hashlib.shake_256(b"soak %d" % number).digest(128 * count)
        rows = [stream[at : at + 128] for at in range(0, len(stream), 128)]
        self.messages = [row[:32] for row in rows]
        self.scalars = [_scalar(row[32:96]) for row in rows]
        self.strings = [_even_and_short(row[96:]) for row in rows]


def _even_and_short(row: bytes) -> bytes:
    """Below 2^255, as every point is: libsodium overlooks the highest bit."""
    return bytes([row[0] & 0xFE]) + row[1:31] + bytes([row[31] & 0x7F])


def _scalar(wide: bytes) -> bytes:
    return (int.from_bytes(wide, "little") % ORDER).to_bytes(32, "little")


def by_libsodium(chunk: Chunk) -> Iterator[bytes]:
    points = [rbcl.crypto_core_ristretto255_from_hash(uniform(each)) for each in chunk.messages]
    multiply = rbcl.crypto_scalarmult_ristretto255
    yield b"".join(points)
    yield b"".join(multiply(chunk.scalars[0], point) for point in points)
    yield b"".join(map(multiply, chunk.scalars, points))
    yield bytes(map(int, map(rbcl.crypto_core_ristretto255_is_valid_point, chunk.strings)))


def by_kernel(chunk: Chunk) -> Iterator[bytes]:
    one = native.Scalar.from_bytes(chunk.scalars[0])
    each = native.Scalars.from_bytes(b"".join(chunk.scalars))
    points = native.hash_to_group(chunk.messages, DST)
    yield points
    yield native.multiply(points, one)
    yield native.hash_to_group(chunk.messages, DST, each)
    assert native.multiply(points, each) == native.hash_to_group(chunk.messages, DST, each)
    yield bytes(map(_is_point, chunk.strings))


def _is_point(string: bytes) -> bool:
    try:
        native.check_points(string)
    except native.PointError:
        return False
    return True


def digests(by: Callable[[Chunk], Iterator[bytes]]) -> list[str]:
    """One line for each chunk, a digest of each of its four lists."""
    return [
        " ".join(hashlib.sha256(part).hexdigest() for part in by(Chunk(number, CHUNK)))
        for number in range(POINTS // CHUNK)
    ]


def test_a_million_points_of_each_kernel_against_libsodium() -> None:
    """libsodium computes once; each kernel in a process of its own, for it is chosen once."""
    running = {
        kernel: subprocess.Popen(
            [sys.executable, "-m", "tests.native.test_soak"],
            cwd=ROOT,
            env={**os.environ, "PSIHASH_KERNEL": kernel, "RAYON_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for kernel in native.kernels()
    }
    wanted = digests(by_libsodium)
    for kernel, process in running.items():
        said, *found = process.communicate()[0].splitlines()
        assert (process.returncode, said) == (0, kernel)
        assert found == wanted, kernel


if __name__ == "__main__":
    print(native.kernel())
    print("\n".join(digests(by_kernel)))
