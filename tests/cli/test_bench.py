"""``psihash bench``: real sessions of small lists, and a chart that anybody can read."""

from __future__ import annotations

import ast
import itertools
import json
import socket
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from psihash_client.bench import chart, lists, machine, run, sessions, spu, spu_party, usage
from psihash_client.bench.child import Child
from psihash_client.bench.model import (
    ECDH,
    ENGINES,
    OPENMINED,
    SPU_ECDH,
    SPU_RR22,
    Row,
    Task,
    extrapolate,
    largest,
    overlap,
    schedule,
)

from psihash import errors
from psihash.psi import registry
from psihash.terms import size_class
from tests.cli import homes

FIELDS = {
    "engine", "items", "learn", "seconds", "core_seconds", "bytes_per_item", "peak_mib",
    "idle_mib", "extrapolated",
}  # fmt: skip
HERE = [registry.short_name(each.id) for each in registry.default().installed()]


def row(engine: str, items: int, seconds: float, learn: str = "both", **other: object) -> Row:
    return Row(engine, items, learn, seconds, 2 * seconds, 64.0, 150.0, 100.0, **other)  # type: ignore[arg-type]


# -- whole runs ------------------------------------------------------------------------------------


@pytest.mark.two_process
def test_sessions_are_measured_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # quick keys: the processes that are started would refuse them
    monkeypatch.delenv(spu.VARIABLE, raising=False)
    monkeypatch.setenv("PSIHASH_STORE", f"sqlite:///{tmp_path / 'an-operators-own.db'}")
    target = tmp_path / "chart.svg"
    words = ["--items", "64", "300", "--engine", *HERE, SPU_RR22, "--chart", str(target)]
    told = homes.run("--json", "bench", *words)
    assert told.exit_code == 0, told.output
    document = json.loads(told.stdout)
    assert document.keys() == {"rows", "notes", "machine"}
    wanted = [(items, engine) for items in (64, 300) for engine in HERE]
    assert [(each["items"], each["engine"]) for each in document["rows"]] == wanted
    for each in document["rows"]:
        assert each.keys() == FIELDS
        assert each["learn"] == "both"
        assert each["extrapolated"] is False
        assert 0 < each["seconds"] < 120
        assert 0 < each["core_seconds"] < 2 * each["seconds"] * document["machine"]["cores"]
        assert each["bytes_per_item"] > 64
        assert 20 < each["idle_mib"] <= each["peak_mib"] < 2_000
    assert [note for note in document["notes"] if spu.VARIABLE in note and SPU_RR22 in note]
    assert document["machine"]["group_backend"]
    assert Xml.parse(target).getroot().tag == f"{{{chart.SVG}}}svg"
    assert not (tmp_path / "an-operators-own.db").exists()


def test_what_is_not_here_is_left_out_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(spu.VARIABLE, raising=False)
    told = homes.run("bench", "--items", "64", "--engine", SPU_ECDH)
    assert told.exit_code == 0
    assert f"Note: {SPU_ECDH} is left out: {spu.VARIABLE}" in told.stdout


@pytest.mark.parametrize(
    ("python", "reason"), [("/nowhere/python3", "does not start"), (sys.executable, "import spu")]
)
def test_an_interpreter_without_spu_is_named(
    python: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(spu.VARIABLE, python)
    monkeypatch.setattr(spu, "_TRY", "import a_package_that_is_nowhere")
    assert reason in spu.missing()


def test_a_missing_engine_is_named_with_its_reason() -> None:
    nothing = registry.Registry([], {"openmined-p256/1": "there is no wheel"})
    usable, notes = run.available([ECDH, OPENMINED, OPENMINED], nothing)
    assert usable == []
    assert notes == [
        "ecdh is left out: it is not part of this version",
        "openmined is left out: there is no wheel",
    ]


@pytest.mark.parametrize(
    "words", [["--items", "0"], ["--items", "10000001"], ["--engine", "rsa"], ["--learn", "none"]]
)
def test_other_words_are_usage_errors(words: list[str]) -> None:
    assert homes.run("bench", *words).exit_code == 2


# -- lists and processes ---------------------------------------------------------------------------


@pytest.mark.parametrize("items", [1, 9, 10, 64, 65_537])
def test_lists_have_a_tenth_in_common(items: int, tmp_path: Path) -> None:
    texts = [path.read_text() for path in lists.write_lists(tmp_path, items)]
    first, second = (set(text.splitlines()) for text in texts)
    assert len(first) == len(second) == items
    assert len(first & second) == overlap(items)
    assert {len(line) for line in first | second} == {32}
    again = [path.read_text() for path in lists.write_lists(tmp_path, items, heading="digest")]
    assert again == [f"digest\n{text}" for text in texts]


ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


def child(folder: Path, program: str) -> Child:
    return Child("a process", [sys.executable, "-c", program], folder)


def test_a_child_answers_line_by_line_and_is_gone_afterwards(tmp_path: Path) -> None:
    with child(tmp_path, ECHO) as each:
        assert each.ask(number=1) == {"number": 1}
        assert each.ask(word="x") == {"word": "x"}
    assert each._process.poll() == 0


@pytest.mark.parametrize(
    ("program", "part"),
    [
        ("import sys; sys.exit('the last words')", "the last words"),
        ("pass", "without a result"),
        ("print('no json')", "without a result"),
        ("""print('{"error": {"message": "no room", "code": "x"}}')""", "no room (x)"),
    ],
)
def test_a_child_that_fails_is_told(program: str, part: str, tmp_path: Path) -> None:
    with pytest.raises(errors.PsihashError) as caught, child(tmp_path, program) as each:
        each.answer()
    assert caught.value.code == "bench-failed"
    assert part in caught.value.message
    assert each._process.poll() is not None


def test_a_child_that_is_at_work_is_ended(tmp_path: Path) -> None:
    program = "import time\nprint('{}', flush=True)\ntime.sleep(600)"
    each = child(tmp_path, program)
    each.answer()
    each.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert each._process.poll() is not None


def test_usage_grows_with_use() -> None:
    before = usage.figures()
    block = bytearray(64 * 2**20)
    while usage.core_seconds() < before["core_seconds"] + 0.05:
        block[:: 2**12] = bytes(len(block[:: 2**12]))
    assert usage.peak_mib() > 64


def test_both_kinds_of_processes_count_alike() -> None:
    told = spu_party._figures()
    assert told.keys() == usage.figures().keys()
    assert told["peak_mib"] == pytest.approx(usage.peak_mib(), rel=0.05)


def test_the_party_of_spu_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(spu_party.__file__).read_text(encoding="utf-8"))
    named = {
        each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names
    }
    named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert named <= sys.stdlib_module_names


def test_bytes_on_sockets_are_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        before = spu_party._received()
        with socket.create_connection(server.getsockname()) as one, server.accept()[0] as other:
            one.sendall(bytes(1_000))
            received = 0
            while received < 1_000:
                received += len(other.recv(1_000))
            after = spu_party._received()
    if before is None or after is None:
        pytest.skip("this system does not tell what a connection received")
    assert after - before == 1_000


def test_a_row_counts_both_processes() -> None:
    idle = [{"core_seconds": 1.0, "peak_mib": 90.0}, {"core_seconds": 2.0, "peak_mib": 95.0}]
    used = [{"core_seconds": 4.0, "peak_mib": 120.0}, {"core_seconds": 6.0, "peak_mib": 110.0}]
    made = sessions.make_row(Task(ECDH, 100, "both"), 3.5, idle, used, 20_000)
    assert made == Row(ECDH, 100, "both", 3.5, 7.0, 100.0, 120.0, 95.0)
    assert sessions.make_row(Task(ECDH, 1, "both"), 1, idle, used, None).bytes_per_item is None


def test_the_machine_is_described() -> None:
    about = machine.describe(registry.default())
    assert about.cores >= 1
    assert about.cpu
    assert machine.describe(registry.Registry([])).group_backend == "none"


# -- what is measured and what is computed ---------------------------------------------------------


def test_an_engine_is_measured_up_to_its_ceiling() -> None:
    todo, beyond = schedule([OPENMINED, ECDH], [1_000, 1_000_000], ["both"], {OPENMINED: 100_000})
    assert todo == [
        Task(ECDH, 1_000, "both"),
        Task(OPENMINED, 1_000, "both"),
        Task(OPENMINED, 100_000, "both"),
        Task(ECDH, 1_000_000, "both"),
    ]
    assert beyond == [Task(OPENMINED, 1_000_000, "both")]


@pytest.mark.parametrize("engine", ENGINES)
def test_extrapolation_follows_what_is_computed_with(engine: str) -> None:
    base = row(engine, 100_000, 40.0)
    found = extrapolate(base, 1_000_000)
    classes = size_class(1_000_000) / size_class(100_000)
    ratio = classes if engine in (ECDH, OPENMINED) else 10
    assert found.extrapolated
    assert found.items == 1_000_000
    assert found.seconds == pytest.approx(40 * ratio)
    assert found.core_seconds == pytest.approx(80 * ratio)
    assert found.bytes_per_item == pytest.approx(64 * ratio / 10)
    assert found.peak_mib == pytest.approx(100 + 50 * ratio)


def test_an_extrapolated_row_is_no_base() -> None:
    rows = [row(ECDH, 10, 1.0), row(ECDH, 100, 2.0), row(ECDH, 1_000, 9.0, extrapolated=True)]
    assert largest(rows, ECDH, "both") == rows[1]
    assert largest(rows, ECDH, "initiator") is None


# -- the chart -------------------------------------------------------------------------------------


def drawn(rows: list[Row]) -> Xml.Element:
    return Xml.fromstring(chart.draw(rows))


def texts(root: Xml.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{{{chart.SVG}}}text")]


ROWS = [
    row(ECDH, 10_000, 0.8),
    row(ECDH, 1_000_000, 30.0),
    row(OPENMINED, 100_000, 40.0, "initiator"),
    row(OPENMINED, 1_000_000, 380.0, "initiator", extrapolated=True),
]


def test_the_chart_says_in_words_what_it_shows() -> None:
    root = drawn(ROWS)
    assert root.get("role") == "img"
    ids = (root.get("aria-labelledby") or "").split()
    found = {each.get("id"): each.text for each in root}
    assert all(found[name] for name in ids)
    said = found["chart-description"] or ""
    assert "ecdh, both learn: 10,000 items 0.8 seconds; 1,000,000 items 30 seconds" in said
    assert "1,000,000 items 6 minutes (extrapolated)" in said


def test_every_line_has_its_name_and_both_axes_their_words() -> None:
    shown = texts(drawn(ROWS))
    for wanted in ("ecdh, both learn", "openmined, initiator learns", "items on each side"):
        assert wanted in shown
    for tick in ("10,000", "100,000", "1,000,000", "10,000,000", "1 s", "100 s"):
        assert tick in shown


def test_what_is_extrapolated_is_dashed_and_hollow() -> None:
    groups = list(drawn(ROWS).iter(f"{{{chart.SVG}}}g"))
    for group, measured in zip(groups, (2, 1), strict=True):
        paths = list(group)
        marks = [each for each in paths if len(each)]
        strokes = [each for each in paths if not len(each)]
        assert [mark.get("fill") == "#ffffff" for mark in marks] == [
            at >= measured for at in range(3)
        ]
        assert [bool(each.get("stroke-dasharray")) for each in strokes] == [
            at + 1 >= measured for at in range(2)
        ]


def test_names_do_not_lie_on_each_other() -> None:
    rows = [
        row(engine, 10_000, 1.0, learn) for engine in ENGINES for learn in ("both", "initiator")
    ]
    root = drawn(rows)
    names = {line.name for line in chart.series(rows)}
    heights = sorted(
        float(each.get("y") or 0)
        for each in root.iter(f"{{{chart.SVG}}}text")
        if each.text in names
    )
    assert len(heights) == len(names) == 8
    assert min(b - a for a, b in itertools.pairwise(heights)) >= 17.9


@pytest.mark.parametrize("rows", [[], [row(ECDH, 1, 0.001)], [row(ECDH, 64, 0.0)]])
def test_a_chart_of_little_is_a_chart(rows: list[Row]) -> None:
    root = drawn(rows)
    assert root.find(f"{{{chart.SVG}}}desc") is not None
    assert "10,000,000" in texts(root)


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", chart._COLOURS)
def test_names_can_be_read_on_white(colour: str) -> None:
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.004, "0.004 seconds"), (1.24, "1.2 seconds"), (12.4, "12 seconds"), (119, "119 seconds"),
     (380, "6 minutes"), (7_200, "2 hours"), (200_000, "2 days")],
)  # fmt: skip
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    assert chart.duration(seconds) == said
