"""The demo: it comes true, leaves nothing running, and replaces nothing but itself."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from psihash_client import demo, demo_truth
from psihash_client.demo_agency import MARKER, DemoAgency, DemoError, free_ports, new_folder
from psihash_client.demo_truth import Checks, Learned, Side, Truth, check_learned, search

from psihash.psi import registry
from psihash.terms import AlgorithmId
from tests.architecture.repository import ROOT

MD5, SHA1 = AlgorithmId.MD5, AlgorithmId.SHA1


def command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "psihash_client.demo", str(folder)]


# -- the whole of it -------------------------------------------------------------------------------


@pytest.mark.two_process
def test_the_demo_comes_true_and_its_commands_work(tmp_path: Path) -> None:
    done = subprocess.run(
        command(Path("demo output")), cwd=tmp_path, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "demo output"
    assert "All of it is true" in done.stdout
    assert "DIFFERS" not in done.stdout
    assert str(ROOT) not in done.stdout
    for home in ("nl-police", "de-police"):
        assert (folder / home / "psihash.toml").is_file()
    assert not answering(folder)
    first, again = commands((folder / "README.txt").read_text())
    run_in_shell(first, tmp_path)
    for name in ("for-griffeye.json", "for-a-spreadsheet.csv"):
        assert (folder / name).stat().st_size > 1_000
    port = settings_port(folder / "de-police")
    waiting = f"until (: > /dev/tcp/127.0.0.1/{port}) 2> /dev/null; do sleep 0.2; done"
    assert "sleep 5" in again
    said = run_in_shell(functions(first) + again.replace("sleep 5", waiting), tmp_path)
    assert "items match with de-police" in said
    assert not answering(folder)


def commands(readme: str) -> tuple[str, str]:
    """The two blocks of commands."""
    blocks = re.findall(r"(?:^    .*\n|^\n)+", readme, re.MULTILINE)
    first, again = (block for block in blocks if block.strip())
    return first, again


def functions(block: str) -> str:
    return "".join(line + "\n" for line in block.splitlines() if "() {" in line)


def run_in_shell(text: str, where: Path) -> str:
    # With job control, as at a terminal: there `kill %1` ends the server and not only its shell.
    done = subprocess.run(
        ["bash", "-e", "-c", "set -m\n" + text],
        cwd=where,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.two_process
@pytest.mark.parametrize(
    "name", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)]
)
def test_an_interrupted_demo_leaves_nothing_running(tmp_path: Path, name: signal.Signals) -> None:
    folder = tmp_path / "out"
    with subprocess.Popen(command(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        try:
            await_server(folder, run)
            run.send_signal(name)
            _, said = run.communicate(timeout=60)
        finally:
            run.kill()
    assert run.returncode == 130
    assert said.decode().strip().endswith("Interrupted; nothing is left running.")
    assert not answering(folder)
    new_folder(folder)
    assert [path.name for path in folder.iterdir()] == [MARKER]


def await_server(folder: Path, run: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not answering(folder):
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)


def settings_port(home: Path) -> int:
    found = re.search(r'^listen = "127\.0\.0\.1:(\d+)"$', (home / "psihash.toml").read_text(), re.M)
    assert found
    return int(found[1])


def answering(folder: Path) -> list[str]:
    """The agencies whose port is taken."""
    taken = []
    for home in ("nl-police", "de-police"):
        if (folder / home / "psihash.toml").is_file():
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", settings_port(folder / home))) == 0:
                    taken.append(home)
    return taken


# -- its folder ------------------------------------------------------------------------------------


def test_a_new_folder_and_an_empty_one_are_taken(tmp_path: Path) -> None:
    new_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / MARKER).is_file()
    (tmp_path / "empty").mkdir()
    new_folder(tmp_path / "empty")
    assert (tmp_path / "empty" / MARKER).is_file()


def test_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    new_folder(tmp_path / "out")
    (tmp_path / "out" / "old").mkdir()
    (tmp_path / "out" / "old" / "file").write_text("old")
    new_folder(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [MARKER]


def test_what_is_no_demo_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(mine)
    file.write_text("a file")
    for path in (mine, link, file):
        with pytest.raises(DemoError):
            new_folder(path)
        assert demo.main([str(path)]) == 1
        assert "The demo ends here" in capsys.readouterr().err
    assert (mine / "thesis.txt").read_text() == "years of work"


# -- what it says when something is wrong ----------------------------------------------------------


def test_a_machine_without_an_engine_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "openmined-psi is not installed (wheels: x86-64 Linux and Apple silicon)"
    absent = registry.Registry([], {"openmined-p256/1": reason})
    monkeypatch.setattr(registry, "default", lambda: absent)
    assert demo.main([str(tmp_path / "out")]) == 1
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_difference_from_the_truth_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = Checks()
    checks.equal("the sky", "green", "blue")
    monkeypatch.setattr(demo, "_run", lambda _folder: checks)
    assert demo.main([str(tmp_path / "out")]) == 1
    checks.lines.clear()
    assert demo.main([str(tmp_path / "out")]) == 0


def test_a_command_that_fails_ends_the_demo_with_its_words(tmp_path: Path) -> None:
    agency = DemoAgency("nl-police", tmp_path / "nowhere", 1)
    with pytest.raises(DemoError, match=r"there is no psihash home .*\(no-home\)"):
        agency.run("status")
    with pytest.raises(DemoError, match="ended at once"), agency.serving():
        pass


def test_free_ports_are_free_and_different() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            pass


# -- its truth -------------------------------------------------------------------------------------

A, B, C = (bytes([n]) * 16 for n in (1, 2, 3))
OURS = Truth({MD5: {A: 1, B: 2}, SHA1: {B + bytes(4): 2}}, {1})
THEIRS = Truth({MD5: {B: 2, C: 3}, SHA1: {}}, {2, 3})


def test_the_truth_of_two_small_lists() -> None:
    assert OURS.common(THEIRS, MD5) == {B}
    assert OURS.matching(THEIRS) == OURS.first(THEIRS) == {2}
    assert THEIRS.first(OURS) == set()
    assert set(OURS.alone(THEIRS)) == {A, B + bytes(4)}
    assert OURS.number({"digests": {"md5": B.hex()}}) == 2
    assert OURS.number({"digests": {"md5": C.hex()}}) is None
    # Digests of two files are no item.
    assert OURS.number({"digests": {"md5": A.hex(), "sha1": (B + bytes(4)).hex()}}) is None


def learned() -> dict[str, Any]:
    numbers = {"md5": {"own": 2, "matched": 1}, "sha1": {"own": 1, "matched": 0}}
    item = {"digests": {"md5": B.hex()}, "identified_there_open_here": True}
    return {
        "count": {"algorithms": numbers, "items": []},
        "records": {"algorithms": numbers, "items": [item], "matched_items": 1},
    }


def verdict(document: dict[str, Any], tmp_path: Path) -> bool:
    checks = Checks()
    sides = [
        Side(DemoAgency(name, tmp_path, 1), truth)
        for name, truth in (("nl-police", OURS), ("de-police", THEIRS))
    ]
    check_learned(checks, sides[0], sides[1], Learned(document["count"], document["records"]))
    assert len(checks.lines) == 6
    return checks.good


def test_the_right_result_is_right(tmp_path: Path) -> None:
    assert verdict(learned(), tmp_path)


@pytest.mark.parametrize(
    ("rung", "field", "value"),
    [
        ("count", "algorithms", {"md5": {"own": 2, "matched": 2}}),
        ("count", "items", [{"digests": {}}]),
        ("records", "algorithms", {}),
        ("records", "items", []),
        ("records", "items", [{"digests": {"md5": A.hex()}, "identified_there_open_here": True}]),
        ("records", "items", [{"digests": {"md5": B.hex()}, "identified_there_open_here": False}]),
        ("records", "items", 2 * learned()["records"]["items"]),
        ("records", "matched_items", 2),
    ],
)
def test_a_wrong_result_is_noticed(tmp_path: Path, rung: str, field: str, value: object) -> None:
    document = learned()
    document[rung][field] = value
    assert not verdict(document, tmp_path)


@pytest.mark.parametrize("shift", range(9))
@pytest.mark.parametrize("form", [bytes, lambda raw: raw.hex().encode(),
                                  lambda raw: raw.hex().upper().encode()])  # fmt: skip
def test_a_digest_is_found_wherever_it_stands(tmp_path: Path, shift: int, form: Any) -> None:
    raw = bytes(range(7, 23))
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "short").write_bytes(b"abc")
    data = b"." * shift + form(raw)
    (tmp_path / "deep" / "down" / "file").write_bytes(data)
    assert search(tmp_path, [bytes(16), raw]) == (1, len(data) + 3)
    (tmp_path / "deep" / "down" / "file").write_bytes(data[:-1])
    assert search(tmp_path, [bytes(16), raw])[0] == 0


def test_the_demo_names_only_what_it_shows() -> None:
    """Every list of the layouts has a name, and every algorithm a column in the truth."""
    assert set(demo.NAMES) == {name for layout in demo.LAYOUTS for name in layout}
    assert set(demo_truth.ALGORITHMS) == {MD5, SHA1}
