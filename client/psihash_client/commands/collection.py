"""``psihash collection`` and ``psihash lookup``: what is held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from psihash_client.labels import algorithm_name, correction_hint, plural, short
from psihash_client.output import facts, number, table
from psihash_client.shell import Shell, pass_shell

if TYPE_CHECKING:
    from psihash.hashset.model import Verdict
    from psihash.hashset.store import CollectionInfo, HeldItem
    from psihash.node.lists.holdings import Found, RemovedCollection


@click.group()
def collection() -> None:
    """What this agency holds."""


@collection.command("list")
@pass_shell
def list_(shell: Shell) -> None:
    """List the collections."""
    from psihash.node.lists import holdings

    with shell.node() as node:
        found = holdings.collections(node)
    rows = [
        (each.name, each.kind.value, each.items, _coverage(each), each.updated) for each in found
    ]
    headers = ("collection", "kind", "items", "coverage", "updated")
    empty = ["Nothing is held yet. Import a list with `psihash import FILE --collection NAME`."]
    document = {"collections": [asdict(each) for each in found]}
    shell.show(document, table(headers, rows) if rows else empty)


@collection.command()
@click.argument("name", metavar="NAME")
@pass_shell
def show(shell: Shell, name: str) -> None:
    """Show one collection and where it is offered."""
    from psihash.node.lists import holdings

    with shell.node() as node:
        info = holdings.collection(node, name)
        offers = holdings.offers(node, name)
    document = asdict(info) | {"offered": [asdict(each) for each in offers]}
    offered = [f"{short(each.agreement)} with {each.peer} ({each.status})" for each in offers]
    lines = facts(
        [
            ("name", info.name),
            ("kind", info.kind.value),
            ("items", info.items),
            *(
                (f"with {algorithm_name(name)}", number(count))
                for name, count in info.coverage.items()
            ),
            ("created", info.created),
            ("updated", info.updated),
            ("offered in", ", ".join(offered) or "no agreement"),
        ]
    )
    shell.show(document, lines)


@collection.command()
@click.argument("name", metavar="NAME")
@click.option("--force", is_flag=True, help="Also revoke the agreements that offer it.")
@pass_shell
def remove(shell: Shell, name: str, force: bool) -> None:
    """Erase a collection, and the items that no other collection holds.

    An agreement cannot outlive a collection that it offers: with --force such agreements are
    revoked. What earlier sessions disclosed stays disclosed.
    """
    from psihash.node.casework import corrections
    from psihash.node.lists import holdings
    from psihash.node.peering import contact

    shell.confirm(f"Erase the collection '{name}' for good?")
    with shell.node() as node:
        matched = corrections.may_have_matched(node, name)
        removed = holdings.remove_collection(node, name, force=force)
        told = {peer: contact.try_sync(node, peer) for peer in {e.peer for e in removed.revoked}}
    document = asdict(removed) | {"delivered": told, "may_have_matched": matched}
    hint = correction_hint(name) if matched else ()
    shell.show(document, chain(_removed(removed, told), hint))


@click.command()
@click.argument("digest", metavar="DIGEST")
@pass_shell
def lookup(shell: Shell, digest: str) -> None:
    """Look a digest up in the own holdings. The look-up is logged, without the digest.

    Any usual spelling: hexadecimal in either case, base32, base64, also as md5:HEX or sha1=HEX.
    """
    from psihash.node.lists import holdings

    with shell.node() as node:
        found = holdings.lookup(node, digest)
    document: dict[str, Any] = {
        "algorithm": found.digest.algorithm.value,
        "digest": found.digest.raw.hex(),
        "held": found.item is not None,
        "item": None if found.item is None else _item(found.item),
    }
    if found.excluded is not None:
        document["excluded"] = found.excluded
    shell.show(document, _found(found))


def _coverage(info: CollectionInfo) -> str:
    return ", ".join(f"{number(n)} {algorithm_name(a)}" for a, n in info.coverage.items())


def _removed(removed: RemovedCollection, told: Mapping[str, bool]) -> Iterator[str]:
    yield f"The collection '{removed.name}' is erased."
    yield f"{plural(removed.items_erased, 'item')} that no other collection holds went with it."
    for each in removed.revoked:
        knows = "who knows" if told.get(each.peer) else "who learns it with the next contact"
        yield f"Agreement {short(each.agreement)} with {each.peer}, {knows}, is {each.status}."
    yield "Results of earlier sessions stay, and what they disclosed stays disclosed."


def _item(item: HeldItem) -> dict[str, Any]:
    return {
        "digests": [{"algorithm": d.algorithm.value, "digest": d.raw.hex()} for d in item.digests],
        "other": [{"kind": kind, "value": value} for kind, value in item.other],
        "media_type": item.media_type,
        "size": item.size,
        "collections": list(item.collections),
        "verdicts": [{"collection": name} | asdict(said) for name, said in item.verdicts],
    }


def _found(found: Found) -> Iterator[str]:
    if found.excluded is not None:
        yield f"On the exclusion list ({found.excluded})."
    if found.item is not None:
        yield from _item_lines(found.item)
    elif found.excluded is None:
        yield "Not held."


def _item_lines(item: HeldItem) -> Iterator[str]:
    yield "Held in " + ", ".join(item.collections) + "."
    yield ""
    yield from facts(
        [
            *((algorithm_name(digest.algorithm), digest.raw.hex()) for digest in item.digests),
            *item.other,
            ("media type", item.media_type),
            ("size", item.size),
            *((f"in {name}", _verdict(said)) for name, said in item.verdicts),
        ]
    )


def _verdict(said: Verdict) -> str:
    parts = []
    if said.category is not None:
        category = said.category
        parts.append(f"category {category.dialect.value}:{category.code or category.label}")
    for name in ("victim_identified", "offender_identified", "distributed"):
        value = getattr(said, name)
        if value is not None:
            parts.append(f"{name.replace('_', ' ')}: {'yes' if value else 'no'}")
    if said.series:
        parts.append("series " + ", ".join(said.series))
    told = [(name, getattr(said, name)) for name in ("dated", "country", "source")]
    parts += [f"{name} {value}" for name, value in told if value is not None]
    return "; ".join(parts) or "no verdict"
