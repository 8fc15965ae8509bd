"""``psihash bench``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from psihash_client.bench.model import ENGINES, MOST_ITEMS, Report, Task
from psihash_client.labels import plural
from psihash_client.options import Command, ManyOption, path
from psihash_client.output import Ticker, facts, note, number, table
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash_client.bench.model import Row

_SIZES = (10_000, 100_000, 1_000_000)


@click.command(cls=Command)
@click.option(
    "--items", "sizes", cls=ManyOption, metavar="N...", type=click.IntRange(1, MOST_ITEMS),
    help="Items on each side (10000 100000 1000000).",
)  # fmt: skip
@click.option(
    "--engine", "engines", cls=ManyOption, metavar="NAME...",
    type=click.Choice(ENGINES, case_sensitive=False),
    help=f"What to measure: {', '.join(ENGINES)}; all that can be run here by default.",
)  # fmt: skip
@click.option(
    "--learn", "learns", cls=ManyOption, metavar="WHO...",
    type=click.Choice(["both", "initiator"], case_sensitive=False),
    help="Who learns the result: both (the default), initiator.",
)  # fmt: skip
@click.option("--chart", metavar="FILE.svg", help="Also draw time against set size.")
@pass_shell
def bench(
    shell: Shell,
    sizes: tuple[int, ...],
    engines: tuple[str, ...],
    learns: tuple[str, ...],
    chart: str | None,
) -> None:
    """Measure whole sessions on this machine, one engine beside the other.

    Both parties run here, each in a process of its own, over TLS, with made-up lists that have a
    tenth in common, at rung items. No home of yours is touched. The numbers hold for this machine
    while nothing else runs on it. openmined is measured up to 100,000 items; SecretFlow's spu-ecdh
    and spu-rr22 where PSIHASH_BENCH_SPU_PYTHON names a Python that has the package spu.
    """
    from psihash_client.bench import chart as drawing
    from psihash_client.bench import run

    with Ticker() as ticker:
        report = run.run(
            engines or ENGINES,
            sizes or _SIZES,
            learns or ("both",),
            lambda task: ticker.say(_under_way(task)),
        )
    if chart is not None:
        target = path(chart)
        target.write_text(drawing.draw(report.rows), encoding="utf-8")
        note(f"The chart is in {target}.")
    document = {
        "rows": [asdict(row) for row in report.rows],
        "notes": list(report.notes),
        "machine": asdict(report.machine),
    }
    shell.show(document, _lines(report))


def _under_way(task: Task) -> str:
    return f"{task.engine}, {plural(task.items, 'item')} a side, {task.learn} learning"


def _lines(report: Report) -> Iterator[str]:
    headers = (
        "items", "engine", "learn", "seconds", "core seconds", "bytes/item", "peak MiB", "",
    )  # fmt: skip
    yield from table(headers, map(_cells, report.rows))
    if report.rows:
        yield ""
    yield from (f"Note: {each}" for each in report.notes)
    machine = report.machine
    yield from facts(
        [
            ("cpu", f"{machine.cpu}, {plural(machine.cores, 'core')}, {machine.system}"),
            ("group backend", machine.group_backend),
            ("load before", machine.load),
        ]
    )


def _cells(row: Row) -> tuple[object, ...]:
    return (
        row.items,
        row.engine,
        row.learn,
        _round(row.seconds),
        _round(row.core_seconds),
        None if row.bytes_per_item is None else number(round(row.bytes_per_item)),
        number(round(row.peak_mib)),
        "extrapolated" if row.extrapolated else "",
    )


def _round(seconds: float) -> str:
    return number(round(seconds)) if seconds >= 100 else f"{seconds:.2f}"
