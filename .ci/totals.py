"""Add up pytest's JUnit reports into one closing line: ``TOTAL: 812 passed, 0 failed, 3 skipped``.

Takes the reports' paths. One that is missing counts as a failure: its run died before the end.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree


def counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests in one report; an error counts as failed."""
    if not report.is_file():
        return 0, 1, 0
    suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314  our own file
    passed = failed = skipped = 0
    for suite in suites:
        bad = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
        passed += int(suite.attrib["tests"]) - bad - int(suite.attrib["skipped"])
        failed += bad
        skipped += int(suite.attrib["skipped"])
    return passed, failed, skipped


def main(paths: list[str]) -> None:
    """Print the closing line for all reports together."""
    rows = [counts(Path(path)) for path in paths]
    passed, failed, skipped = (sum(column) for column in zip(*rows, strict=True))
    print(f"TOTAL: {passed} passed, {failed} failed, {skipped} skipped")


if __name__ == "__main__":
    main(sys.argv[1:])
