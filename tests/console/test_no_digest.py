"""No page, file, log line, metric or error shows a digest to a role that may not see it.

The digests of all items are planted as markers; everything that leaves the console is searched,
in every spelling that a digest has.
"""

from __future__ import annotations

import base64
import logging

import pytest
from psihash_server import logs, metrics
from psihash_server.console.routes import ROUTES
from psihash_server.metrics import Calls

from tests.console import office as offices
from tests.console.office import COMMON, OURS, Office, markers
from tests.console.test_accessibility import paths
from tests.console.test_roles import ENDS

FIELDS = (
    "peer", "reason", "verdict", "hit", "step", "text", "note", "handling", "tlp", "outcome",
    "action", "facts", "reasons", "purpose", "subject", "deadline", "password", "new", "again",
    "once", "everything", "wanted", "urgency",
)  # fmt: skip
"""Every field of every form but the one against foreign forms."""
BLIND = ("ada", "aud")
"""Roles that see no result."""


def spellings() -> list[str]:
    found = []
    for text in markers():
        raw = bytes.fromhex(text)
        found += [text, text.upper(), base64.b64encode(raw).decode().rstrip("=")[:20]]
        found += [" ".join(text[at : at + 2] for at in range(0, 32, 2)), text[:16], text[-16:]]
    return found


def search(output: str, where: str) -> None:
    low = output.lower()
    for each in spellings():
        assert each.lower() not in low, where


def everything_that_reads(office: Office) -> list[str]:
    return [*paths(office), "/sessions?peer=x&purpose=y&operator=z", "/results?order=time"]


@pytest.mark.parametrize("who", BLIND)
def test_no_page_shows_a_digest_to_them(
    office: Office, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    office.services.verifier.once()
    browser = office.browser(who)
    with caplog.at_level(logging.DEBUG):
        for path in everything_that_reads(office):
            answer = browser.get(path)
            search(answer.text + str(answer.headers), path)
        csrf = browser.csrf()
        for table in ("sessions", "ledger", "disclosures", "corrections"):
            answer = browser.client.post(f"/export/{table}", data={"csrf": csrf})
            assert answer.status_code == 200
            search(answer.text, table)
    search(caplog.text, "log lines")


@pytest.mark.parametrize("who", BLIND)
def test_what_they_send_is_not_sent_back(
    office: Office, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A digest in an address, a field or a file is in no answer and no log line."""
    digest = markers()[3]
    browser = office.browser(who)
    csrf = browser.csrf()
    with caplog.at_level(logging.DEBUG, "psihash"):
        for route in ROUTES:
            path = office.address(route.path, digest)
            if route.path in ENDS:
                continue
            if route.method == "GET":
                answer = browser.get(f"{path}?page={digest}&before={digest}&flag={digest}")
            else:
                files = {"bundle": ("b", digest.encode() * 10)}
                fields = {"csrf": csrf} | dict.fromkeys(FIELDS, digest)
                answer = browser.client.post(path, data=fields, files=files)
            search(answer.text + str(answer.headers), path)
            assert answer.status_code < 500
        search(browser.get(f"/{digest}").text, "no such page")
        search(office.stranger().log_in(digest, digest).text, "log in")
    search(caplog.text, "log lines")


def test_the_analyst_sees_the_hits_alone(office: Office) -> None:
    """The search works: what matched is found where it may be, what did not match is nowhere."""
    page = office.browser("ann").get(f"/results/{office.prepared.items}").text
    private = set(range(60)) - set(COMMON)
    assert all(markers()[number] in page for number in COMMON)
    assert not any(markers()[number] in page for number in private)
    assert set(OURS["Operation Lantern"]) & private


def test_no_digest_is_in_an_address(office: Office) -> None:
    browser = office.browser("ann")
    import re

    for path in paths(office):
        for link in re.findall(r'(?:href|action)="([^"]*)"', browser.get(path).text):
            search(link, path)


def test_log_lines_have_patterns_not_paths(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    browser = office.browser("ann")
    caplog.clear()
    with caplog.at_level(logging.INFO, "psihash.console"):
        browser.get(f"/results/{office.prepared.items}")
        browser.get(f"/{markers()[0]}")
    said = [getattr(record, "method", "") for record in caplog.records]
    assert said == ["GET /results/{session}", "GET -"]
    for record in caplog.records:
        line = logs.JsonLines().format(record)
        assert office.prepared.items[:8] not in line
        assert offices.STAFF.keys().isdisjoint(line.split('"'))


def test_metrics_have_no_digest(office: Office) -> None:
    search(metrics.render(office.node, Calls()), "metrics")
