"""``psihash agreement``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from psihash.terms import AlgorithmId, Learn, Rung
from psihash_client.documents import read_document, write_document
from psihash_client.labels import algorithm_name, short
from psihash_client.options import Command, ManyOption, algorithms, approval_rules, words
from psihash_client.output import columns, facts, note, table, wrapped
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.agreement.approvals import RungRule
    from psihash.agreement.state import Agreement
    from psihash.node.agreeing.agreements import AgreementView
    from psihash.node.node import Node
    from psihash.storage.requests import RequestRow

_COLLECTIONS: dict[str, Any] = {
    "cls": ManyOption,
    "metavar": "NAME...",
    "help": "Collections of ours to put in. The peer never sees these names.",
}


def _own_words(command: Callable[..., None]) -> Callable[..., None]:
    """Our own law and case, each said, or said to be theirs."""
    for option in reversed(
        [
            click.option("--case", metavar="REF", default="", help="Our case reference."),
            click.option("--same-case", is_flag=True, help="No case of ours: we answer theirs."),
            click.option(
                "--legal-basis", metavar="TEXT", default="", help="The law that we act under."
            ),
            click.option("--same-law", is_flag=True, help="We act under the law that they name."),
        ]
    ):
        command = option(command)
    return command


def _said(own: str, same: bool, names: str) -> str | None:
    """Our words; None where they are the peer's, as somebody said."""
    if own and same:
        raise click.UsageError(f"Say one of {names}.")
    return None if same else own


@click.group()
def agreement() -> None:
    """Agreements: propose, read, approve, refuse, revoke, carry as a file.

    ID is an agreement's id or its first digits, at least six.
    """


@agreement.command(cls=Command)
@click.argument("peer", metavar="PEER")
@click.option("--purpose", metavar="TEXT", required=True, help="What the match is for.")
@click.option("--case", metavar="REF", required=True, help="Our case reference.")
@click.option("--legal-basis", metavar="TEXT", required=True, help="The law that we act under.")
@click.option("--rung", type=words(Rung), required=True, help="The most that is disclosed.")
@click.option("--learn", type=words(Learn), required=True, help="Who learns the result.")
@click.option("--collection", "collections", required=True, **_COLLECTIONS)
@click.option(
    "--algorithm",
    "names",
    cls=ManyOption,
    metavar="NAME...",
    required=True,
    callback=algorithms,
    help=f"Digest algorithms: {', '.join(AlgorithmId)}, in any usual spelling.",
)
@click.option("--valid-days", metavar="N", type=click.IntRange(1), help="Days it lasts (365).")
@click.option(
    "--opened-by",
    type=click.Choice(["either", "proposer", "other"], case_sensitive=False),
    default="either",
    show_default=True,
    help="Who may open sessions.",
)
@click.option("--sessions", metavar="N", type=click.IntRange(1), help="Sessions in 30 days (100).")
@click.option(
    "--elements", metavar="N", type=click.IntRange(1), help="Elements in 30 days (200,000,000)."
)
@click.option(
    "--approval",
    "approvals",
    metavar="RUNG=RULE",
    multiple=True,
    callback=approval_rules,
    help="What decides a session at RUNG: agreed (these terms do, the default), person, "
    "N-of-series or N-of-items (that many matches in the session it builds on, else a person).",
)
@pass_shell
def propose(
    shell: Shell,
    peer: str,
    purpose: str,
    case: str,
    legal_basis: str,
    rung: str,
    learn: str,
    collections: tuple[str, ...],
    names: tuple[AlgorithmId, ...],
    valid_days: int | None,
    opened_by: str,
    sessions: int | None,
    elements: int | None,
    approvals: dict[Rung, RungRule],
) -> None:
    """Propose an agreement to PEER and sign our side of it.

    It goes to the peer at once where that is reachable, else with the next contact or as a file.
    """
    from psihash.agreement.vocabulary import OpenedBy
    from psihash.node.agreeing import agreements
    from psihash.node.lists import holdings
    from psihash.storage.requests import RequestRow

    draft = agreements.Draft(
        peer=peer,
        purpose=purpose,
        case=case,
        legal_basis=legal_basis,
        rung=Rung(rung),
        learn=Learn(learn),
        collections=collections,
        algorithms=names,
        valid_days=valid_days,
        opened_by=OpenedBy(opened_by),
        sessions_per_period=sessions,
        elements_per_period=elements,
        approvals=approvals,
    )
    with shell.node() as node:
        proposed = agreements.submit(node, draft)
        notes = holdings.shortcomings(node, collections, names, draft.rung)
        for each in notes:
            note(f"Note: {each}.")
        if isinstance(proposed, RequestRow):
            _asked(shell, proposed, notes)
        else:
            _decided(shell, node, proposed, notes=notes)


@agreement.command("list")
@pass_shell
def list_(shell: Shell) -> None:
    """List the agreements."""
    from psihash.node.agreeing import agreements

    with shell.node() as node:
        views = agreements.listing(node)
    rows = [
        (short(each.agreement), each.peer, each.status, each.rung, each.learn,
         each.valid_until[:10], each.purpose)
        for each in views
    ]  # fmt: skip
    headers = ("agreement", "peer", "status", "rung", "learn", "valid until", "purpose")
    empty = ["There is no agreement. Propose one with `psihash agreement propose PEER ...`."]
    document = {"agreements": [asdict(each) for each in views]}
    shell.show(document, table(headers, rows, elastic=(6,)) if rows else empty)


@agreement.command()
@click.argument("id_", metavar="ID")
@pass_shell
def show(shell: Shell, id_: str) -> None:
    """Show the page to decide on: what we learn, what they learn, for which case, by which law."""
    from psihash.node.agreeing import agreements

    with shell.node() as node:
        found = agreements.find(node, id_)
        view, page = agreements.view(node, found), agreements.page(node, found)
        people = node.stores.operators.any()
    document = asdict(view) | {"page": dict(page)}
    shell.show(document, _page(view, page, "take-up" if people else "approve"))


@agreement.command(cls=Command)
@click.argument("id_", metavar="ID")
@click.option("--collection", "collections", **_COLLECTIONS)
@_own_words
@click.option("--reason", metavar="TEXT", default="", help="With operators: why; logged.")
@pass_shell
def approve(
    shell: Shell,
    id_: str,
    collections: tuple[str, ...],
    case: str,
    same_case: bool,
    legal_basis: str,
    same_law: bool,
    reason: str,
) -> None:
    """Sign the peer's proposal and offer collections of our own.

    Our law and our case are said here, or said to be theirs. With operators an analyst takes it up
    first (`agreement take-up`) and says all that: then an approver, who is another person, gives a
    reason alone.
    """
    from psihash.node.agreeing import agreements
    from psihash_client.commands.inbox import read_first

    our_case = _said(case, same_case, "--case and --same-case")
    our_law = _said(legal_basis, same_law, "--legal-basis and --same-law")
    with shell.node() as node:
        waiting = agreements.taken_up(node, id_)
        if waiting is not None:
            reason = read_first(shell, node, waiting.id, reason)
        decided = agreements.approve(
            node, id_, collections, case=our_case, legal_basis=our_law, reason=reason
        )
        _decided(shell, node, decided)


@agreement.command("take-up", cls=Command)
@click.argument("id_", metavar="ID")
@click.option("--collection", "collections", required=True, **_COLLECTIONS)
@_own_words
@pass_shell
def take_up(
    shell: Shell,
    id_: str,
    collections: tuple[str, ...],
    case: str,
    same_case: bool,
    legal_basis: str,
    same_law: bool,
) -> None:
    """With operators: take up the peer's proposal, for an approver to decide.

    Say what we would put in, our case and our law. Taken up again, the last one counts.
    """
    from psihash.node.agreeing import agreements

    our_case = _said(case, same_case, "--case and --same-case")
    our_law = _said(legal_basis, same_law, "--legal-basis and --same-law")
    with shell.node() as node:
        asked = agreements.take_up(node, id_, collections, case=our_case, legal_basis=our_law)
        _asked(shell, asked, [])


@agreement.command()
@click.argument("id_", metavar="ID")
@click.option("--reason", metavar="TEXT", default="not stated", help="Why; the peer reads it.")
@pass_shell
def refuse(shell: Shell, id_: str, reason: str) -> None:
    """Say no to the peer's proposal, for good."""
    from psihash.node.agreeing import agreements

    with shell.node() as node:
        _decided(shell, node, agreements.refuse(node, id_, reason))


@agreement.command()
@click.argument("id_", metavar="ID")
@click.option("--reason", metavar="TEXT", default="not stated", help="Why; the peer reads it.")
@pass_shell
def revoke(shell: Shell, id_: str, reason: str) -> None:
    """End an agreement for good. What was learned by then stays learned."""
    from psihash.node.agreeing import agreements

    with shell.node() as node:
        _decided(shell, node, agreements.revoke(node, id_, reason))


@agreement.command()
@click.argument("id_", metavar="ID")
@click.option("--out", metavar="FILE", help="Write there instead of to standard output.")
@pass_shell
def export(shell: Shell, id_: str, out: str | None) -> None:
    """Write an agreement with all its documents to a file, to travel on a stick.

    The file is JSON itself, so it goes to standard output in the same form with --json.
    """
    from psihash.node.agreeing import agreements

    with shell.node() as node:
        found = agreements.find(node, id_)
        body = agreements.export_file(node, id_)
    if out is None:
        click.echo(body, nl=False)
        return
    write_document(out, body)
    document = {"agreement": found.id, "out": out, "bytes": len(body)}
    shell.show(document, [f"Agreement {short(found.id)} is in {out} ({len(body):,} bytes)."])


@agreement.command("import")
@click.argument("file", metavar="FILE")
@pass_shell
def import_(shell: Shell, file: str) -> None:
    """Take an agreement file from a peer: the same as if it had come over the network."""
    from psihash.agreement import defaults
    from psihash.node.agreeing import agreements

    body = read_document(file, defaults.MAX_FILE_BYTES)
    with shell.node() as node:
        view = agreements.view(node, agreements.import_file(node, body))
    shell.show(asdict(view), _view(view))


def _asked(shell: Shell, asked: RequestRow, notes: list[str]) -> None:
    """With operators, somebody else decides before anything is signed or sent."""
    document = {"request": asked.id, "agreement": asked.agreement, "peer": asked.peer}
    lines = [
        "Nothing is signed or sent yet: an approver has to decide.",
        f"Another person runs `psihash approve {short(asked.id)} --show`.",
    ]
    shell.show(document | {"notes": notes}, lines)


def _decided(shell: Shell, node: Node, decided: Agreement, **more: Any) -> None:
    """Push what was decided, and say where the agreement stands now."""
    from psihash.node.agreeing import agreements
    from psihash.node.peering import contact

    delivered = contact.try_sync(node, decided.peer_of(node.agency))
    view = agreements.view(node, agreements.find(node, decided.id))
    shell.show(asdict(view) | {"delivered": delivered} | more, _decided_lines(view, delivered))


def _decided_lines(view: AgreementView, delivered: bool) -> Iterator[str]:
    yield f"Agreement {view.agreement}"
    yield from _view(view)
    yield ""
    if delivered:
        yield f"{view.peer} has it now."
    else:
        yield f"{view.peer} could not be reached: it goes with the next contact, or as a file with"
        yield f"`psihash agreement export {short(view.agreement)} --out FILE`."
    if view.status == "active":
        yield f"Next: `psihash preflight {view.peer} --agreement {short(view.agreement)}`."


def _view(view: AgreementView) -> Iterator[str]:
    yield from facts(
        [
            ("with", view.peer),
            ("status", view.status),
            ("proposed by", view.proposed_by),
            ("highest rung", view.rung),
            ("who learns", view.learn),
            ("approval", ", ".join(f"{rung}: {rule}" for rung, rule in view.approvals.items())),
            ("algorithms", ", ".join(algorithm_name(name) for name in view.algorithms)),
            ("purpose", view.purpose),
            ("valid", f"{view.valid_from} until {view.valid_until}"),
            ("missing", ", ".join(f"{m['what']} of {m['agency']}" for m in view.missing) or None),
            ("we put in", ", ".join(each["name"] for each in view.own_collections) or None),
            ("they put in", _offers(view.peer_collections) or None),
            (
                "incidents",
                ", ".join(f"{i['code']} ({i['agency']})" for i in view.incidents) or None,
            ),
        ]
    )


def _offers(offered: list[dict[str, str]]) -> str:
    return ", ".join(f"{each['id']} ({each['kind']})" for each in offered)


def _page(view: AgreementView, page: list[tuple[str, str]], first: str) -> Iterator[str]:
    """``first``: the command of the next step, where the agreement waits for us."""
    yield from wrapped(f"Agreement {view.agreement} is {view.status}.")
    for heading, text in page:
        yield ""
        yield heading
        yield from (f"  {line}" for line in click.wrap_text(text, columns() - 2).splitlines())
    ours = {"agency": view.peer, "what": "signature"} not in view.missing
    if view.status == "proposed" and ours:
        name = short(view.agreement)
        yield ""
        yield f"To go on: `psihash agreement {first} {name} --collection NAME... --case REF"
        yield "--legal-basis TEXT`"
        yield f"or `psihash agreement refuse {name} --reason TEXT`."
