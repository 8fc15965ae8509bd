"""The pinned requirements: everything declared is pinned, everything pinned has a digest."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from tests.architecture.repository import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^ ;\\]+)")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[ <>=!~;\[]", name)[0]).lower()


def pins(name: str) -> dict[str, set[str]]:
    """Package -> pinned versions (one per Python where they differ) in a requirements file."""
    found: dict[str, set[str]] = {}
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    for line in text.replace("\\\n", "").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pin = PIN.match(line)
        assert pin is not None, f"not a pin: {line[:60]}"
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), f"no digest: {line[:60]}"
        found.setdefault(plain(pin[1]), set()).add(pin[2])
    return found


def test_every_dependency_is_pinned() -> None:
    declared = project()["project"]
    wanted = [*declared["dependencies"], *declared["optional-dependencies"]["postgres"]]
    assert {plain(word) for word in wanted} <= pins("run").keys()


@pytest.mark.parametrize("group", ["build", "dev", "native"])
def test_every_group_is_pinned(group: str) -> None:
    assert {plain(word) for word in project()["dependency-groups"][group]} <= pins(group).keys()


def test_what_builds_the_package_is_pinned() -> None:
    assert {plain(word) for word in project()["build-system"]["requires"]} <= pins("build").keys()


def test_the_files_agree() -> None:
    run, build, dev = pins("run"), pins("build"), pins("dev")
    for one, other in ((run, build), (run, dev), (build, dev)):
        both = one.keys() & other.keys()
        assert {name: one[name] for name in both} == {name: other[name] for name in both}
