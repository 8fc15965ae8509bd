"""Going up by rungs at the command line: ``--approval``, ``--from``, ``--wait``, and the inbox that
stands between them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from psihash.identity import passwords
from psihash.node.running import waiting
from tests.acceptance.agencies import OWN_COLLECTION, import_list
from tests.cli import homes
from tests.cli.homes import Home

COMMON = homes.digests(6)
PASSWORD = "PSIHASH_OPERATOR_PASSWORD_FILE"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.delenv(PASSWORD, raising=False)


def agreed(nl: Home, de: Home, folder: Path, *approvals: str) -> str:
    """An agreement up to records with these rules; both hold six common items."""
    for number, home in enumerate((nl, de)):
        lines = [*COMMON, *homes.digests(10, 100 * (number + 1))]
        import_list(home, homes.write_list(folder / f"{home.agency}.txt", lines))
    words = [word for each in approvals for word in ("--approval", each)]
    made = nl.json(
        "agreement", "propose", "de-bka", "--purpose", "p", "--case", "NL-1",
        "--legal-basis", "law",
        "--rung", "records", "--learn", "both", "--algorithm", "md5",
        "--collection", OWN_COLLECTION["nl-police"], *words,
    )  # fmt: skip
    agreement = str(made["agreement"])
    own = ["--collection", OWN_COLLECTION["de-bka"], "--case", "DE-1", "--same-law"]
    assert de.json("agreement", "approve", agreement, *own)["status"] == "active"
    return agreement


def staffed(home: Home, folder: Path, patch: pytest.MonkeyPatch) -> None:
    for name, role in (("ada", "admin"), ("ann", "analyst"), ("apo", "approver")):
        path = folder / f"{home.agency}-{name}"
        path.write_text(f"{name}'s long password\n")
        words = ("operator", "add", name, "--role", role, "--password-file", str(path))
        home.json(*words)
        if name == "ada":
            work(home, folder, patch, name)


def work(home: Home, folder: Path, patch: pytest.MonkeyPatch, name: str) -> None:
    patch.setenv(PASSWORD, str(folder / f"{home.agency}-{name}"))
    home.json("login", name)


def test_a_rule_lets_the_next_rung_through_where_enough_matched(
    pair: tuple[Home, Home], tmp_path: Path
) -> None:
    nl, de = pair
    agreement = agreed(nl, de, tmp_path, "items=6-of-items", "records=7-of-items")
    shown = nl.json("agreement", "show", agreement)
    assert (shown["approvals"]["items"], shown["approvals"]["records"]) == (
        "6-of-items",
        "7-of-items",
    )
    count = nl.json("match", "de-bka", "--agreement", agreement, "--rung", "count")["session"]
    up = ("match", "de-bka", "--agreement", agreement, "--rung", "items", "--from", count[:12])
    # Whoever opens at the keyboard of an agency without operators decides, but the other side has
    # the rule: six matched, so it holds.
    items = nl.json(*up)
    assert len(items["items"]) == 6
    records = ("match", "de-bka", "--agreement", agreement, "--rung", "records")
    code, exit_code, _ = nl.error(*records, "--from", items["session"][:12])
    assert (code, exit_code) == ("approval-pending", 5), "seven did not match: de-bka asks a person"
    (asked,) = de.json("inbox")["requests"]
    assert (asked["kind"], asked["subject"]["rung"]) == ("session", "records")
    page = de.run("approve", asked["request"][:12], "--show").stdout
    assert "It goes on from the session with receipt" in page
    de.json("approve", asked["request"][:12], "--reason", "fits")
    done = nl.json(*records, "--from", items["session"][:12])
    assert done["rung"] == "records"
    assert len(done["items"]) == 6


def test_a_person_decides_and_the_next_command_is_told(
    pair: tuple[Home, Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, de = pair
    agreement = agreed(nl, de, tmp_path, "records=person")
    items = nl.json("match", "de-bka", "--agreement", agreement, "--rung", "items")["session"]
    staffed(nl, tmp_path, monkeypatch)
    nl.json("peer", "sync", "de-bka")
    work(nl, tmp_path, monkeypatch, "ann")
    up = ("match", "de-bka", "--agreement", agreement, "--rung", "records", "--from", items[:12])
    code, exit_code, hint = nl.error(*up)
    assert (code, exit_code) == ("approval-needed", 4)
    request = re.findall(r"approve ([0-9a-f]+)", hint)[0]
    assert nl.error("approve", request)[0] == "role-required"
    assert len(nl.json("inbox")["requests"]) == 1, "asking again files nothing anew"
    work(nl, tmp_path, monkeypatch, "apo")
    assert nl.error(*up)[0] == "role-required"
    told = nl.run("approve", request, "--reason", "fits the case").stdout
    assert f"psihash match de-bka --agreement {agreement[:12]}" in told
    assert f"--rung records --from {items[:12]}" in told
    work(nl, tmp_path, monkeypatch, "ann")
    assert nl.error(*up)[0] == "approval-pending"
    (asked,) = de.json("inbox")["requests"]
    de.json("approve", asked["request"], "--reason", "fits")
    assert nl.json(*up)["rung"] == "records"
    assert nl.error(*up)[0] == "approval-needed", "one decision lets one session run"


def test_waiting_ends_with_the_decision(
    pair: tuple[Home, Home], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`match --wait` asks again by itself, and goes on as soon as the other side has decided."""
    nl, de = pair
    agreement = agreed(nl, de, tmp_path, "items=person")
    slept: list[float] = []

    def decide(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            (asked,) = de.json("inbox")["requests"]
            de.json("approve", asked["request"], "--reason", "fits")

    defaults = waiting.until_decided.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "sleep", decide)
    words = ("match", "de-bka", "--agreement", agreement, "--rung", "items")
    found: dict[str, Any] = nl.json(*words, "--wait", "1")
    assert len(found["items"]) == 6
    assert len(slept) == 2


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "1000", "soon"])
def test_what_is_no_time_to_wait(pair: tuple[Home, Home], hours: str) -> None:
    words = ("match", "de-bka", "--agreement", "0" * 64, "--wait", hours)
    assert pair[0].error(*words)[0] == "usage"


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (["items"], "usage"),
        (["items=person", "items=agreed"], "usage"),
        (["pictures=person"], "usage"),
        (["items=0-of-items"], "bad-document"),
        (["items=perhaps"], "bad-document"),
    ],
)
def test_what_is_no_rule(
    pair: tuple[Home, Home], tmp_path: Path, rules: list[str], code: str
) -> None:
    words = [word for each in rules for word in ("--approval", each)]
    error = pair[0].error(
        "agreement", "propose", "de-bka", "--purpose", "p", "--case", "C", "--legal-basis", "l",
        "--rung", "items", "--learn", "both", "--algorithm", "md5", "--collection", "x", *words,
    )  # fmt: skip
    assert error[0] == code


@pytest.mark.parametrize("earlier", ["000000", "zz"])
def test_going_up_from_nowhere(pair: tuple[Home, Home], tmp_path: Path, earlier: str) -> None:
    nl, de = pair
    agreement = agreed(nl, de, tmp_path)
    words = ("match", "de-bka", "--agreement", agreement, "--rung", "items", "--from", earlier)
    assert nl.error(*words)[1] in (2, 3)
