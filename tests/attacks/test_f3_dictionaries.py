"""F3: receipts and logs are no oracle. A small result is guessed from known lists in seconds where
a plain digest of it stands anywhere; here every digest of a result is under the session's key."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from psihash import canonical
from psihash.node.lists import holdings
from psihash.node.node import Node
from psihash.node.records import sealed
from psihash.psi import encoding
from psihash.terms import CollectionKind, Rung
from psihash.testing.memory import Bench, Meeting
from psihash.testing.pump import pump
from tests.session.lists import MD5, digest, lists
from tests.session.needles import traces
from tests.session.nodes import agree, hold, meet, row

HIT = 777
DICTIONARY = range(700, 900)
"""Well-known items, the one hit among them."""


@pytest.fixture(scope="module")
def meeting() -> Meeting:
    """A session at items with a single hit."""
    made = Bench.of(lists(a=[1, 2, HIT]), lists(b=[HIT, 1001, 1002])).meet(Rung.ITEMS)
    pump(made.pair)
    assert made.codes == (None, None)
    return made


def result_of(numbers: tuple[int, ...]) -> bytes:
    """What a receipt's digest is over, for a guessed result."""
    tokens = sorted(encoding.token(MD5, digest(MD5, number)) for number in numbers)
    count = len(tokens).to_bytes(8, "big")
    return canonical.framed(b"md5", b"items", count, b"".join(tokens), b"")


def hex_values(text: bytes) -> set[str]:
    return {value.decode() for value in re.findall(rb"[0-9a-f]{32,}", text)}


def documents(meeting: Meeting) -> list[bytes]:
    """All that is signed or logged about the session, on both sides."""
    found = []
    for journal in meeting.journals:
        assert journal.receipts is not None
        found += [receipt.body for receipt in journal.receipts]
        found += [json.dumps(entry).encode() for entry in journal.entries]
    return found


def oracles(number: int, public: list[bytes]) -> Iterator[str]:
    """Every digest of a guess that can be computed without the key."""
    result = result_of((number,))
    framed = canonical.framed(b"psihash/receipt-result/1", result)
    token = encoding.token(MD5, digest(MD5, number))
    for message in (result, framed, token, digest(MD5, number), digest(MD5, number).hex().encode()):
        yield message.hex()
        for name in ("md5", "sha1", "sha256"):
            yield hashlib.new(name, message, usedforsecurity=False).hexdigest()
        for key in public:
            yield hmac.digest(key, message, "sha256").hex()
            yield canonical.digest(key, message).hex()


def test_a_dictionary_finds_nothing_in_receipts_and_entries_without_the_key(
    meeting: Meeting,
) -> None:
    said = documents(meeting)
    values = set().union(*map(hex_values, said))
    public = [b"", bytes(32), *(bytes.fromhex(v) for v in values if len(v) % 2 == 0)]
    assert len(values) >= 8
    for number in DICTIONARY:
        assert not values & set(oracles(number, public))


def test_with_the_key_the_same_dictionary_names_the_hit(meeting: Meeting) -> None:
    """So an auditor who is shown the key can check a receipt, and erasing the key ends that."""
    journal = meeting.journals[0]
    assert journal.sealed is not None
    assert journal.receipts is not None
    key = journal.sealed.result_key
    said = {json.loads(receipt.body)["result_hmac"] for receipt in journal.receipts}

    def named(number: int) -> str:
        message = canonical.framed(b"psihash/receipt-result/1", result_of((number,)))
        return hmac.digest(key, message, "sha256").hex()

    assert [number for number in DICTIONARY if named(number) in said] == [HIT]


def test_the_same_result_in_two_sessions_gives_unrelated_digests() -> None:
    made = Bench.of(lists(a=[HIT]), lists(b=[HIT]))
    seen = []
    for _ in range(2):
        once = made.meet(Rung.ITEMS)
        pump(once.pair)
        assert once.journals[0].receipts is not None
        seen.append(json.loads(once.journals[0].receipts[0].body)["result_hmac"])
    assert seen[0] != seen[1]


def test_roots_and_leaves_are_no_oracle_either(meeting: Meeting) -> None:
    """A root over one guess and dummies cannot be computed without the seed."""
    deal = meeting.journals[0].desk.deals[0]
    shown = {root.root for roots in deal.roots for root in roots}
    for number in DICTIONARY:
        token = encoding.token(MD5, digest(MD5, number))
        for prefix in (b"", b"\0"):
            assert hashlib.sha256(prefix + token).digest() not in shown


# -- the log of a real node ----------------------------------------------------------------------


def parts(node: Node) -> Iterator[bytes]:
    for entry in node.stores.log.entries(0, node.stores.log.head().size):
        yield bytes(entry.header)
        for part in (entry.shared, entry.local):
            if part is not None:
                yield bytes(part)


def test_a_node_log_holds_no_digest_of_an_item_a_list_or_a_result(
    nodes: tuple[Node, Node], tmp_path: Any
) -> None:
    numbers = {"F3 a": [1, 2, HIT], "F3 b": [HIT, 1001]}
    text = "".join(f"{digest(MD5, number).hex()}\n" for number in numbers["F3 a"])
    path = tmp_path / "wanted.txt"
    path.write_text(text)
    holdings.import_files(nodes[0], [path], "F3 a", CollectionKind.CASE)
    hold(nodes[1], "F3 b", [row(number, [MD5]) for number in numbers["F3 b"]])
    agreement = agree(*nodes, ["F3 a"], ["F3 b"], rung=Rung.RECORDS)
    result, _ = meet(*nodes, agreement).results()
    assert result.matched_items == 1
    forbidden = {trace.hex() for number in DICTIONARY for trace in traces(MD5, digest(MD5, number))}
    forbidden |= hashes_of(text.encode())
    for node in nodes:
        for part in parts(node):
            assert not forbidden & hex_values(part)
            for value in forbidden:
                assert value.encode() not in part
        key = sealed.get(node, result.session, sealed.RESULT_KEY)
        assert key is not None
        assert all(key[:32].hex().encode() not in part for part in parts(node))


def hashes_of(data: bytes) -> set[str]:
    found: dict[str, Callable[..., Any]] = {
        name: getattr(hashlib, name) for name in ("md5", "sha1", "sha256")
    }
    return {make(data, usedforsecurity=False).hexdigest() for make in found.values()}
