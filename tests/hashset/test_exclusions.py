"""Trivial digests are recognised in any row that carries one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from psihash.hashset.digests import parse_digest
from psihash.hashset.exclusions import TRIVIAL, exclusion_reason
from psihash.hashset.model import Digest, Row
from psihash.terms import AlgorithmId


def test_the_published_list_of_empty_file_hashes(shared_data: Path) -> None:
    published = json.loads((shared_data / "lists/misp-empty-hashes.json").read_text())["list"]
    digests = {parse_digest(text) for text in published if text != "3::"}  # ssdeep's
    assert len(digests) == 5
    assert {TRIVIAL[digest] for digest in digests} == {"empty-file"}


@pytest.mark.parametrize("algorithm", list(AlgorithmId))
def test_each_algorithm(algorithm: AlgorithmId) -> None:
    size = algorithm.digest_bytes

    def of(content: bytes) -> Digest:
        return Digest(algorithm, hashlib.new(algorithm.value, content).digest())

    expected = {
        of(b""): "empty-file",
        Digest(algorithm, bytes(size)): "placeholder",
        Digest(algorithm, b"\xff" * size): "placeholder",
        of(b"\0"): "trivial-content",
        of(b"\n"): "trivial-content",
        of(b" "): "trivial-content",
        of(b"picture"): None,
    }
    assert {digest: exclusion_reason(Row((digest,))) for digest in expected} == expected


def test_one_trivial_digest_is_enough() -> None:
    good = Digest(AlgorithmId.MD5, b"\x01" * 16)
    empty = Digest(AlgorithmId.SHA1, hashlib.sha1(b"").digest())
    assert exclusion_reason(Row((good, empty))) == "empty-file"
    assert exclusion_reason(Row((good,))) is None
    assert exclusion_reason(Row(())) is None
