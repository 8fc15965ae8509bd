"""No file names a package index or a path of the machine that it was written on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, files, place

# Put together here, so that this file does not name one itself.
INDEX_OPTION = re.compile("--(extra-)?" + "index" + "-url")
DOWNLOAD = re.compile(r"https?" + r"://[^\s\"')]+/(simple|packages|pool|dist)/")
SHARED_BY_ALL = {"/", "/tmp", "/var/tmp", "/home", "/srv", "/opt", "/mnt", "/usr/src"}


def machine_paths(root: Path, home: Path) -> re.Pattern[str]:
    """Matches absolute paths under this checkout, the folder it lies in, or the home folder."""
    folders = {str(root), str(root.parent), str(home), "/" + "root"} - SHARED_BY_ALL
    choices = "|".join(re.escape(folder) for folder in sorted(folders))
    return re.compile(rf"(?<![\w/.~$}}-])({choices})/")


def offences(text: str, paths: re.Pattern[str]) -> list[str]:
    """What the text says that it should not: index options, download addresses, local paths."""
    return [m.group() for p in (INDEX_OPTION, DOWNLOAD, paths) for m in p.finditer(text)]


def test_the_tree_names_no_index_and_no_local_path() -> None:
    paths = machine_paths(ROOT, Path.home())
    found = []
    for path in files():
        # A lock file of cargo names the public index that its checksums belong to.
        if path.name == "Cargo.lock" or b"\0" in (raw := path.read_bytes()):
            continue
        words = offences(raw.decode("utf-8", "replace"), paths)
        found += [f"{place(path)}: {word}" for word in words]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "pip install --" + "index-url=x",
        "--extra-" + "index-url x",
        "http" + "://mirror.example/simple/psihash",
        "see '/build/checkout/src/x.py'",
        "cd /build/elsewhere/",
        "~ is /people/ann/notes",
    ],
)
def test_an_offence_is_found(text: str) -> None:
    assert offences(text, machine_paths(Path("/build/checkout"), Path("/people/ann")))


@pytest.mark.parametrize(
    "text", ["https" + "://example.org/docs/", "./build/checkout/x", "/var/lib/psihash/home/x"]
)
def test_harmless_words_are_not(text: str) -> None:
    assert not offences(text, machine_paths(Path("/build/checkout"), Path("/people/ann")))
