"""Every kernel against libsodium (PyPI ``rbcl``), which shares no code with either of them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

native = pytest.importorskip("psihash_native", reason="the native part is not built here")
rbcl = pytest.importorskip("rbcl", reason="rbcl (libsodium) is not installed")

ORDER = 2**252 + 27742317777372353535851937790883648493
DST = b"HashToGroup-OPRFV1-\x00-ristretto255-SHA512"
COUNT = 200


def uniform(message: bytes) -> bytes:
    """expand_message_xmd of RFC 9380 over SHA-512, 64 bytes."""
    tag = DST + bytes([len(DST)])
    first = hashlib.sha512(bytes(128) + message + b"\0\x40\0" + tag).digest()
    return hashlib.sha512(first + b"\1" + tag).digest()


def agree() -> None:
    """Hash to group, both multiplications and the inverse, element by element."""
    messages = [os.urandom(32) for _ in range(COUNT)]
    raw = [
        (int.from_bytes(os.urandom(64), "little") % ORDER).to_bytes(32, "little")
        for _ in range(COUNT)
    ]
    points = [rbcl.crypto_core_ristretto255_from_hash(uniform(message)) for message in messages]
    assert native.hash_to_group(b"".join(messages), DST) == b"".join(points)
    one = b"".join(rbcl.crypto_scalarmult_ristretto255(raw[0], point) for point in points)
    each = [rbcl.crypto_scalarmult_ristretto255(k, p) for k, p in zip(raw, points, strict=True)]
    scalar, scalars = native.Scalar.from_bytes(raw[0]), native.Scalars.from_bytes(b"".join(raw))
    assert native.multiply(b"".join(points), scalar) == one
    assert native.multiply(b"".join(points), scalars) == b"".join(each)
    assert native.hash_to_group(messages, DST, scalars) == b"".join(each)
    assert native.multiply(b"".join(each), scalars.inverse()) == b"".join(points)
    assert scalar.public() == rbcl.crypto_scalarmult_ristretto255_base(raw[0])
    for _ in range(COUNT):
        string = bytearray(os.urandom(32))
        string[0] &= 0xFE
        string[31] &= 0x7F
        try:
            native.check_points(string)
            valid = True
        except native.PointError:
            valid = False
        assert valid == bool(rbcl.crypto_core_ristretto255_is_valid_point(bytes(string)))


@pytest.mark.parametrize("kernel", native.kernels())
def test_agrees_with_libsodium(kernel: str) -> None:
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "PSIHASH_KERNEL": kernel},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == kernel


if __name__ == "__main__":
    agree()
    print(native.kernel())
