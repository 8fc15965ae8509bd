"""``psihash followup``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from psihash.terms import AlgorithmId
from psihash_client.documents import read_document
from psihash_client.labels import algorithm_name, plural, short
from psihash_client.options import Command, ManyOption
from psihash_client.output import facts, table, wrapped
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.node.casework.followup_views import FollowUpView
    from psihash.node.node import Node
    from psihash.storage.followups import FollowUpRow

_MAX_TEXT_FILE = 256 * 1024

_CODES = click.Choice(["H0", "H1", "H2", "H3"], case_sensitive=False)
_TLPS = click.Choice(["CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"], case_sensitive=False)
_SUBJECTS = click.Choice(
    ["suspect", "convicted", "victim", "missing", "remains", "other"], case_sensitive=False
)


def _handling(command: Any) -> Any:
    """The options that make the handling stricter than the agreement has it."""
    for option in (
        click.option(
            "--handling-note", "note", metavar="TEXT", default="", help="What else holds."
        ),
        click.option("--tlp", type=_TLPS, help="Stricter than the agreement's TLP."),
        click.option("--handling", type=_CODES, help="Stricter than the agreement's code."),
    ):
        command = option(command)
    return command


@click.group()
def followup() -> None:
    """Ask a peer what it knows about confirmed hits, and answer its requests.

    REQUEST is the id of a request or its first digits, at least six. Whatever is said is sealed to
    the other agency. Due: 8 hours where urgent and directly available, 3 days where urgent and not,
    48 hours for core data, 7 days otherwise.
    """


@followup.command(cls=Command)
@click.argument("session", metavar="SESSION")
@click.option("--hit", "hits", cls=ManyOption, metavar="REF...", help="Confirmed hits.")
@click.option("--all-confirmed", "everything", is_flag=True, help="All confirmed hits.")
@click.option("--purpose", metavar="TEXT", default="", help="What for (the agreement's).")
@click.option("--facts", metavar="TEXT", default="", help="The facts of the case.")
@click.option("--facts-file", metavar="FILE", help="The same from a text file.")
@click.option("--offence", metavar="TEXT", default="", help="Its category (the agreement's).")
@click.option("--reasons", metavar="TEXT", required=True, help="Why they may hold the data.")
@click.option(
    "--urgency", type=click.Choice(["normal", "urgent"], case_sensitive=False), default="normal"
)
@click.option("--urgency-reason", metavar="TEXT", default="", help="Needed where urgent.")
@click.option(
    "--want",
    type=click.Choice(["core-data", "information"], case_sensitive=False),
    default="core-data",
    show_default=True,
    help="Core data of the matched items, or other information.",
)
@click.option("--information", metavar="TEXT", default="", help="What exactly is asked for.")
@click.option("--connection", metavar="TEXT", default="", help="Of the purpose with the person.")
@click.option("--legal-basis", metavar="TEXT", default="", help="The law (the agreement's).")
@click.option(
    "--subject", "subjects", cls=ManyOption, type=_SUBJECTS, help="Whom it concerns (agreement's)."
)
@click.option("--contact", metavar="TEXT", default="", help="Whom to call here (the card's).")
@click.option(
    "--deadline", metavar="TIME", default="", help="A date of ours: 2026-01-31T12:00:00Z."
)
@_handling
@pass_shell
def request(
    shell: Shell, /, session: str, facts: str, facts_file: str | None, **words: Any
) -> None:
    """Ask the peer of SESSION what it knows about confirmed hits.

    With operators the request waits in `psihash inbox` until an approver lets it go.
    """
    from psihash.agreement.vocabulary import DataSubject, HandlingCode, Tlp
    from psihash.casework.words import Urgency, Wanted
    from psihash.node.casework import followups

    text = _text(facts, facts_file)
    with shell.node() as node:
        draft = followups.Draft(
            session=session,
            hits=words["hits"],
            everything=words["everything"],
            facts=text,
            reasons=words["reasons"],
            purpose=words["purpose"],
            offence=words["offence"],
            legal_basis=words["legal_basis"],
            information=words["information"],
            connection=words["connection"],
            wanted=Wanted(words["want"]),
            urgency=Urgency(words["urgency"]),
            urgency_reason=words["urgency_reason"],
            data_subjects=[DataSubject(each) for each in words["subjects"]],
            contact=words["contact"],
            deadline=words["deadline"],
            handling=HandlingCode(words["handling"]) if words["handling"] else None,
            tlp=Tlp(words["tlp"]) if words["tlp"] else None,
            note=words["note"],
        )
        _done(shell, node, followups.request(node, draft))


@followup.command(cls=Command)
@click.argument("id_", metavar="REQUEST")
@click.option("--granted", is_flag=True, help="Here is what was asked for.")
@click.option("--refused", metavar="REASON", help="Why it is not given.")
@click.option("--more", metavar="QUESTION", help="What has to be known first.")
@click.option("--not-direct", metavar="REASON", help="Not directly available: three days then.")
@click.option("--attach-note", metavar="TEXT", default="", help="With --granted: the answer.")
@click.option("--attach-file", metavar="FILE", help="The same from a text file.")
@_handling
@pass_shell
def answer(
    shell: Shell,
    id_: str,
    granted: bool,
    refused: str | None,
    more: str | None,
    not_direct: str | None,
    attach_note: str,
    attach_file: str | None,
    handling: str | None,
    tlp: str | None,
    note: str,
) -> None:
    """Answer a request of a peer: say exactly one of --granted, --refused, --more, --not-direct."""
    from psihash.casework.states import Step

    said: dict[Step, str | None] = {
        Step.GRANTED: _text(attach_note, attach_file) if granted else None,
        Step.REFUSED: refused,
        Step.MORE_INFORMATION: more,
        Step.NOT_AVAILABLE: not_direct,
    }
    chosen = [(step, text) for step, text in said.items() if text is not None]
    if len(chosen) != 1:
        raise click.UsageError("Say one of --granted, --refused, --more, --not-direct.")
    if not granted and (attach_note or attach_file):
        raise click.UsageError("--attach-note and --attach-file belong to --granted.")
    _say(shell, id_, chosen[0][0].value, chosen[0][1], handling=handling, tlp=tlp, note=note)


@followup.command()
@click.argument("id_", metavar="REQUEST")
@click.option("--text", metavar="TEXT", default="", help="What they asked to know.")
@click.option("--text-file", metavar="FILE", help="The same from a text file.")
@pass_shell
def inform(shell: Shell, id_: str, text: str, text_file: str | None) -> None:
    """Give the information that the peer asked for. Its period begins anew."""
    _say(shell, id_, "information", _text(text, text_file))


@followup.command()
@click.argument("id_", metavar="REQUEST")
@click.option("--reason", metavar="TEXT", required=True, help="Why; the peer reads it.")
@pass_shell
def withdraw(shell: Shell, id_: str, reason: str) -> None:
    """Withdraw a request of ours."""
    _say(shell, id_, "withdrawn", reason)


@followup.command("list")
@pass_shell
def list_(shell: Shell) -> None:
    """List requests, ours and theirs: first what is due."""
    from psihash.node.casework import followup_views

    with shell.node() as node:
        views = followup_views.listing(node)
    shell.show({"follow_ups": [asdict(each) for each in views]}, _lines(views))


@followup.command()
@click.argument("id_", metavar="REQUEST")
@pass_shell
def show(shell: Shell, id_: str) -> None:
    """Show a request with all that was said about it. The look is logged."""
    from psihash.node.casework import followup_rows, followup_views

    with shell.node() as node:
        said = followup_views.show(node, id_)
        view = followup_views.view(node, followup_rows.find(node, id_))
    shell.show(asdict(view) | said, _shown(view, said))


@followup.command()
@click.argument("id_", metavar="REQUEST")
@click.option(
    "--outcome",
    required=True,
    type=click.Choice(
        [
            "victim-identified", "victim-already-known", "offender-identified", "lead",
            "same-case", "no-use",
        ],
        case_sensitive=False,
    ),
)  # fmt: skip
@click.option(
    "--note", metavar="TEXT", default="", help="It stays here, and ends with the session."
)
@pass_shell
def outcome(shell: Shell, id_: str, outcome: str, note: str) -> None:
    """Say what came of a request of ours that was answered. It counts in the statistics."""
    from psihash.casework.words import Outcome
    from psihash.node.casework import followup_views, followups

    with shell.node() as node:
        view = followup_views.view(node, followups.set_outcome(node, id_, Outcome(outcome), note))
    shell.show(asdict(view), [f"Request {short(view.follow_up)}: {outcome}."])


def _text(text: str, file: str | None) -> str:
    if file is None:
        return text
    if text:
        raise click.UsageError("Give the text or a file with it, not both.")
    return read_document(file, _MAX_TEXT_FILE).decode("utf-8", "replace")


def _say(
    shell: Shell,
    id_: str,
    step: str,
    text: str | None,
    *,
    handling: str | None = None,
    tlp: str | None = None,
    note: str = "",
) -> None:
    from psihash.agreement.vocabulary import HandlingCode, Tlp
    from psihash.casework.states import Step
    from psihash.node.casework import followups

    with shell.node() as node:
        row = followups.say(
            node,
            id_,
            Step(step),
            text or "",
            code=HandlingCode(handling) if handling else None,
            tlp=Tlp(tlp) if tlp else None,
            note=note,
        )
        _done(shell, node, row)


def _done(shell: Shell, node: Node, row: FollowUpRow) -> None:
    """Push what was written, and say where the request stands now."""
    from psihash.node.casework import followup_rows, followup_views
    from psihash.node.peering import contact

    delivered = contact.try_sync(node, row.peer)
    view = followup_views.view(node, followup_rows.get(node, row.id))
    lines = [f"Request {view.follow_up}", f"{view.peer}: {view.standing}."]
    if view.waits_for == "our approver":
        lines.append("An approver lets it go: `psihash inbox`, `psihash approve ID`.")
    elif not delivered:
        lines.append(f"{view.peer} could not be reached: it goes with the next contact.")
    shell.show(asdict(view) | {"delivered": delivered}, lines)


def _lines(views: Sequence[FollowUpView]) -> Iterator[str]:
    if not views:
        yield "There is no request. Make one with `psihash followup request SESSION --hit REF ...`."
        return
    rows = [
        (
            short(each.follow_up),
            f"{'to' if each.side == 'asker' else 'from'} {each.peer}",
            each.urgency,
            each.hits,
            each.outcome or each.state,
            each.standing,
        )
        for each in views
    ]
    yield from table(("request", "peer", "urgency", "hits", "state", "where it stands (UTC)"), rows)
    for each in views:
        if each.advice and each.refused:
            yield ""
            yield from wrapped(
                f"{short(each.follow_up)} was NOT TAKEN by the node of {each.peer} "
                f"({each.refused}). {each.advice}"
            )
    overdue = sum(each.overdue for each in views)
    if overdue:
        yield ""
        yield f"{plural(overdue, 'request')} overdue."


def _shown(view: FollowUpView, said: Mapping[str, Any]) -> Iterator[str]:
    yield f"Request {view.follow_up}"
    yield f"{view.peer}: {view.standing}."
    if view.refused:
        yield from wrapped(view.advice)
    asked = said.get("request")
    if asked is None:
        yield "What it says was erased with its session."
        return
    yield ""
    yield from facts(
        [
            ("asked by", f"{asked['authority']['name']} ({asked['author']}), {asked['issued']}"),
            ("contact", asked["authority"]["contact"] or None),
            ("session", short(asked["session"])),
            ("hits", len(asked["hits"])),
            ("wanted", asked["wanted"]),
            ("information", asked["information"] or None),
            ("purpose", asked["purpose"]),
            ("offence", asked["offence"]),
            ("facts", " ".join(asked["facts"])),
            ("reasons", " ".join(asked["reasons"])),
            ("connection", asked["connection"] or None),
            ("concerns", ", ".join(asked["data_subjects"])),
            ("urgency", asked["urgency"]),
            ("because", asked["urgency_reason"] or None),
            ("legal basis", asked["legal_basis"]),
            *_cases(view, asked),
            ("confirmed", f"{asked['confirmed']} by {asked['confirmed_by']}"),
            ("handling", _codes(asked["handling"])),
            ("deadline", asked["deadline"] or None),
            ("outcome", view.outcome),
            ("note", said["note"] or None),
        ]
    )
    yield from _items(said["items"])
    for each in said["messages"]:
        yield ""
        lost = f" (NOT TAKEN there: {each['refused']})" if each["refused"] else ""
        yield f"{each['added'][:16].replace('T', ' ')}  {each['author']}: {each['step']}{lost}"
        for line in each["text"] or ():
            yield from wrapped(f"  {line}", 2)


def _cases(view: FollowUpView, asked: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The asker's own case comes first in the document, whoever looks at it."""
    from psihash.agreement import cases

    answerers = cases.told(asked["peer_case"], asked["author"], asked["case"])
    we_ask = view.side == "asker"
    yield "our case", asked["case"] if we_ask else answerers
    yield "their case", answerers if we_ask else asked["case"]


def _items(items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not items:
        return
    yield ""
    rows = [
        (
            each["reference"][:12],
            ", ".join(
                f"{algorithm_name(AlgorithmId(name))} {text[:8]}..."
                for name, text in each["digests"].items()
            ),
            ", ".join(each["collections"]),
        )
        for each in items
    ]
    yield from table(("hit", "our item", "in our"), rows, elastic=(1, 2))


def _codes(handling: Mapping[str, str]) -> str:
    note = f": {handling['note']}" if handling["note"] else ""
    return f"{handling['code']}, TLP:{handling['tlp']}{note}"
