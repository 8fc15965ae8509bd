"""docs/engines.md says what the code does: its vectors, engines and codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from psihash import errors
from psihash.psi import engine as engine_module
from psihash.psi.engines import ecdh, ecdh_frames, ecdh_lists, openmined_frames
from psihash.psi.registry import default
from tests.psi import ecdh_vectors, test_encoding, test_openmined_wire

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "vector",
    [
        test_encoding.TOKEN_VECTOR,
        test_encoding.ELEMENT_VECTOR,
        test_encoding.CANARY_VECTOR,
        test_openmined_wire.HASHED,
        test_openmined_wire.MASKED,
        test_openmined_wire.FIRST_RUNNING_HASH,
        ecdh_vectors.PUBLIC,
        ecdh_vectors.MAPPED,
        ecdh_vectors.MASKED,
        ecdh_vectors.BINDING_OF_TAGS,
        ecdh_vectors.TAG,
        ecdh_vectors.PROOF_CONTEXT,
        ecdh_vectors.PROOF_DIGEST,
        ecdh_vectors.PROOF,
        ecdh_vectors.FIRST_RUNNING_HASH,
    ],
)
def test_the_page_has_the_vectors_that_are_tested(vector: str) -> None:
    assert f"`{vector}`" in PAGE


def test_the_page_names_every_engine_and_every_code_of_a_refusal() -> None:
    for engine in default().installed():
        assert f"## {engine.id}\n" in PAGE
        for rung in engine.properties.rungs:
            assert f"`{rung}`" in PAGE
    for module in (engine_module, ecdh, ecdh_lists):
        for name, code in vars(module).items():
            if (
                name.isupper()
                and isinstance(code, str)
                and (code.startswith("ecdh-") or module is engine_module)
            ):
                assert f"`{code}`" in PAGE, name


def test_every_code_on_the_page_exists() -> None:
    named = set(re.findall(r"`((?:psi|engine|ecdh|group)-[a-z-]+|rung-[a-z-]+)`", PAGE))
    assert named <= set(errors.CODES)


def test_the_page_states_the_largest_frame() -> None:
    assert f"{openmined_frames.MAX_FRAME:,} bytes" in PAGE
    assert f"{ecdh_frames.MAX_FRAME:,} bytes" in PAGE
    assert f"exactly {ecdh_frames.FRAME_POINTS:,} points" in PAGE
