"""Fixtures for the tests of engines."""

from __future__ import annotations

import pytest

from psihash.psi.engines import ecdh_frames, openmined_frames, openmined_parties


@pytest.fixture
def small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight elements a frame instead of thousands, so that short lists take several frames."""
    monkeypatch.setattr(ecdh_frames, "FRAME_POINTS", 8)
    monkeypatch.setattr(openmined_frames, "FRAME_POINTS", 8)
    monkeypatch.setattr(openmined_parties, "FRAME_POINTS", 8)
