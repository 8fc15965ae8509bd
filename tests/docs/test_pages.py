"""The pages beside the protocol: links lead somewhere, no dependency goes without a reason."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from psihash.audit import guard

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).is_file()] == []


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found[0].lower()


def _table(page: str, title: str) -> set[str]:
    part = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([a-z0-9._-]+)` \|", part, re.MULTILINE))


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    run = {_name(each) for each in project["project"]["dependencies"]}
    run |= {_name(each) for extra in extras for each in extra}
    assert _table(page, "Run time") == run
    assert _table(page, "Development") == {_name(each) for group in groups for each in group} - run


def test_the_modules_that_the_pages_name_exist() -> None:
    files = [
        f"/{each.relative_to(ROOT)}"
        for top in ("src", "server", "client")
        for each in (ROOT / top).rglob("*.py")
    ]
    for name in ("life-of-a-session.md", "architecture.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        for path in set(re.findall(r"`([a-z_/]+\.py)`", text)):
            assert any(file.endswith(f"/{path}") for file in files), f"{name}: {path}"


def test_the_security_page_stays_short() -> None:
    lines = (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 15


def test_the_log_page_names_what_the_guard_lets_through() -> None:
    page = (ROOT / "docs" / "audit-log.md").read_text(encoding="utf-8")
    part = page.partition("### What must not be in an entry\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(_[a-z]+)`", part)) == set(guard.NON_MATERIAL_SUFFIXES)
    named = set(re.findall(r"`([a-z]+)`", part))
    assert named <= guard.NON_MATERIAL_FIELDS
