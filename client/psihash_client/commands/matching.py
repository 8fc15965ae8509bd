"""``psihash preflight`` and ``psihash match``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from psihash.terms import Rung
from psihash_client.labels import algorithm_name, plural, short
from psihash_client.options import Hours, words
from psihash_client.output import Ticker, facts, number, table
from psihash_client.results import result_document, result_lines
from psihash_client.shell import Shell, pass_shell
from psihash_client.standing import saying_who

if TYPE_CHECKING:
    from psihash.errors import PsihashError
    from psihash.session.result import SessionResult
    from psihash.session.runs import Progress


@click.command()
@click.argument("peer", metavar="PEER")
@click.option("--agreement", metavar="ID", required=True, help="The agreement to match under.")
@pass_shell
def preflight(shell: Shell, peer: str, agreement: str) -> None:
    """Show what a match with PEER would cover, cost and take.

    The two sides tell each other coverage in tens of percent; no digest is compared or sent.
    """
    from psihash.node.running import preflight as use_case

    with shell.node() as node, saying_who(node, peer):
        view = asdict(use_case.preflight(node, peer, agreement))
    shell.show(view, _preflight_lines(view))


@click.command()
@click.argument("peer", metavar="PEER")
@click.option("--agreement", metavar="ID", required=True, help="The agreement to match under.")
@click.option("--rung", type=words(Rung), help="Less than the agreement's highest rung.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "ecdh", "openmined"], case_sensitive=False),
    default="auto",
    show_default=True,
    help="The way to compute; auto takes the first that both sides have.",
)
@click.option(
    "--from",
    "previous",
    metavar="SESSION",
    help="Go up a rung from this session: over the same sets, not over what is held now.",
)
@click.option(
    "--wait",
    metavar="HOURS",
    type=Hours(0, 24 * 31, min_open=True),
    help="While an approver, here or there, has not decided, wait and try again for so long.",
)
@pass_shell
def match(
    shell: Shell,
    peer: str,
    agreement: str,
    rung: str | None,
    engine: str,
    previous: str | None,
    wait: float | None,
) -> None:
    """Find out with PEER which holdings overlap, as far as the agreement allows.

    No result is shown before both sides have signed the same one.
    """
    from psihash.node.casework import followup_rows
    from psihash.node.running import matching, waiting

    with shell.node() as node, Ticker() as ticker, saying_who(node, peer):

        def run() -> SessionResult:
            return matching.match(
                node,
                peer,
                agreement,
                rung=None if rung is None else Rung(rung),
                engine=engine,
                previous=previous,
                on_progress=_progress(ticker),
            )

        def on_wait(error: PsihashError) -> None:
            ticker.say(f"waiting for a decision ({error.code})")

        result = waiting.until_decided(node, run, wait or 0.0, on_wait=on_wait)
        handling = followup_rows.session_handling(node, result.session)
    shell.show(lambda: result_document(result, handling), result_lines(result, handling))


def _progress(ticker: Ticker) -> Callable[[Progress], None]:
    def say(progress: Progress) -> None:
        run = f", run {progress.run} of {progress.runs}" if progress.runs else ""
        sent, received = progress.bytes_sent / 1e6, progress.bytes_received / 1e6
        ticker.say(f"{progress.phase}{run}: {sent:.1f} MB sent, {received:.1f} MB received")

    return say


def _preflight_lines(view: dict[str, Any]) -> Iterator[str]:
    yield f"A match with {view['peer']} under agreement {short(view['agreement'])} would be:"
    yield ""
    yield from facts(
        [
            ("rung", view["rung"]),
            ("who learns", view["learn"]),
            ("engine", view["engine"]),
            ("elements charged", view["elements_charged"]),
            ("about", f"{plural(round(view['seconds']), 'second')}, {_size(view['bytes'])}"),
            ("left in this period", _left(view)),
        ]
    )
    yield ""
    rows = [
        (algorithm_name(name), _percent(each["own_percent"]), _percent(each["peer_percent"]),
         each["own_size_class"], each["peer_size_class"])
        for name, each in view["algorithms"].items()
    ]  # fmt: skip
    headers = ("algorithm", "we have it", "they have it", "our class", "their class")
    yield from table(headers, rows)
    yield from (f"Note: {warning}" for warning in view["warnings"])


def _left(view: dict[str, Any]) -> str:
    return f"{plural(view['sessions_left'], 'session')}, {number(view['elements_left'])} elements"


def _percent(value: float | None) -> str:
    return "not known" if value is None else f"{value:.0f} %"


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB"
