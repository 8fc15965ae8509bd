"""docs/protocol.md says what the code does: fields, states, contexts, limits, codes, vectors."""

from __future__ import annotations

import hashlib
import importlib
import re
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash import canonical, errors, limits
from psihash.canonical import framed
from psihash.hashset.model import Verdict
from psihash.identity import authority, cards, certificates, hybrid, signatures
from psihash.identity.card_parser import MAX_CARD_BYTES
from psihash.identity.fingerprints import FINGERPRINT_BYTES, fingerprint_of, format_fingerprint
from psihash.psi import encoding
from psihash.session import (
    blobs,
    commitment,
    compare,
    deal,
    labels,
    machine,
    receipt,
    records,
)
from psihash.session.machine import Input, State
from psihash.session.messages import Hello, HelloReply, Root, SetClass
from psihash.session.own import OwnSet
from psihash.session.ports import Findings
from psihash.session.result import PeerRecord
from psihash.session.runs import Finding
from psihash.terms import (
    CANONICALISATION,
    SIZE_CLASSES,
    AlgorithmId,
    CollectionKind,
    Learn,
    Rung,
    SessionRole,
)
from psihash.wire.v1 import peer_pb2
from tests.architecture import errors_page

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text under one heading, up to the next of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row but heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rules = {at for at, row in enumerate(cells) if set("".join(row)) <= {"-", " "}}
    heads = {at - 1 for at in rules}
    return [row for at, row in enumerate(cells) if at not in rules | heads]


def code(cell: str) -> str:
    return cell.strip("`")


# -- the wire ----------------------------------------------------------------------------------


def test_every_message_and_field_is_on_the_page_in_the_order_of_the_numbers() -> None:
    said = {code(name): fields for name, fields in rows(section("Messages and their fields"))}
    real = {
        name: ", ".join(field.name for field in sorted(message.fields, key=lambda f: f.number))
        for name, message in peer_pb2.DESCRIPTOR.message_types_by_name.items()
    }
    assert said == real


def test_field_numbers_count_from_one_without_gaps() -> None:
    """The page gives names in order only, so a gap would make it wrong."""
    for message in peer_pb2.DESCRIPTOR.message_types_by_name.values():
        numbers = sorted(field.number for field in message.fields)
        assert numbers == list(range(1, len(numbers) + 1)), message.name


def test_every_call_is_on_the_page() -> None:
    service = peer_pb2.DESCRIPTOR.services_by_name["Peer"]
    assert f"`{service.full_name}`" in PAGE
    assert {code(name) for name, _ in rows(section("Transport"))} == {
        method.name for method in service.methods
    }


def test_the_limits_are_on_the_page() -> None:
    said = dict(rows(section("Limits")))
    assert {name: int(value.split()[0].replace(",", "")) for name, value in said.items()} == {
        "engine frame, and a part of a blob": limits.MAX_ENGINE_FRAME,
        "session message in clear": limits.MAX_SESSION_MESSAGE,
        "messages in a call, each direction": limits.MAX_MESSAGES_PER_CALL,
        "gRPC message": limits.MAX_RPC_BYTES,
        "document": limits.MAX_DOCUMENT,
        "documents in a call, each direction": limits.MAX_DOCUMENTS_PER_CALL,
        "hashes in an inclusion proof": limits.MAX_PROOF_HASHES,
        "hashes in a consistency proof": limits.MAX_CONSISTENCY_HASHES,
        "line of records for a matched element": limits.MAX_RECORD_LINE,
        "whole blob": limits.MAX_BLOB_BYTES,
        "checkpoint": limits.MAX_CHECKPOINT,
        "receipt": limits.MAX_RECEIPT,
        "collections in an offer's roots, for each algorithm": limits.MAX_COLLECTIONS,
        "life of a session": limits.SESSION_MAX_SECONDS,
    }


def test_what_a_node_chooses_itself_is_on_the_page() -> None:
    text = " ".join(section("Limits").split())
    assert f"answers {limits.MAX_CONCURRENT_SESSIONS} sessions at a time" in text
    assert f"open {limits.SESSION_OPENS_PER_MINUTE} sessions in a minute" in text
    assert f"make {limits.CALLS_PER_MINUTE:,} calls in a minute" in text
    assert f"have {limits.CALLS_AT_ONCE} calls under way" in text
    assert f"{limits.SESSION_IDLE_SECONDS:.0f} seconds ends" in text
    assert f"within {limits.HANDSHAKE_SECONDS:.0f} seconds before it is agreed" in text
    assert f"most {limits.OPEN_PROPOSALS} proposals of one peer" in text
    assert f"while {limits.OPEN_PROPOSALS} proposals" in " ".join(section("Documents").split())


def test_the_lengths_of_fields_are_on_the_page() -> None:
    text = " ".join(section("Messages and their fields").split())
    assert deal.NONCE_BYTES == deal.HASH_BYTES == commitment.SALT_BYTES == 32
    assert f"card fingerprints {FINGERPRINT_BYTES};" in text
    assert f"signatures {signatures.SIGNATURE_BYTES};" in text
    assert f"{hybrid.START_BYTES:,}, the responder's {hybrid.REPLY_BYTES:,}." in text


# -- identity ----------------------------------------------------------------------------------


def test_every_signature_context_is_on_the_page() -> None:
    said = [code(context) for context, _ in rows(section("Signatures"))]
    assert sorted(said) == sorted(signatures.Context)


def test_contexts_that_something_signs_are_not_called_reserved() -> None:
    """And the other way round: source text that names a context signs or verifies with it."""
    source = Path(cards.__file__).resolve().parents[1]
    text = "\n".join(path.read_text(encoding="utf-8") for path in source.rglob("*.py"))
    for context, what in rows(section("Signatures")):
        name = signatures.Context(code(context)).name
        assert (what == "reserved") == (f"Context.{name}" not in text), name


def test_what_tls_asks_for_is_on_the_page() -> None:
    text = section("TLS")
    assert f"`{certificates.AGENCY_URI}`" in text
    assert f"`{authority.NODE_HOST}`" in text
    assert f"{authority.LEAF_DAYS} days and authorities for {authority.CA_DAYS:,}" in text
    written = {found.code for found in errors_page.codes()}
    assert set(re.findall(r"`((?:cert|peer)-[a-z-]+)`", text)) <= written


def test_the_members_of_a_card_are_on_the_page() -> None:
    said = [code(name) for cell, _ in rows(section("Agency and card")) for name in cell.split(", ")]
    assert said == [
        "psihash_card",
        "version",
        "agency",
        "name",
        "country",
        "endpoint",
        "contact",
        "ca",
        "keys",
        "issued",
        "signature",
        "previous_signature",
    ]
    assert f"{MAX_CARD_BYTES:,} bytes" in section("Agency and card")


# -- states and codes --------------------------------------------------------------------------


def mirrored(event: Input) -> Input:
    way, _, what = event.value.partition("-")
    return Input(f"{'recv' if way == 'send' else 'send'}-{what}")


ABORTS = {Input.SEND_ABORT, Input.RECV_ABORT}


@pytest.mark.parametrize("role", SessionRole)
def test_the_state_table_is_that_of_the_machine(role: SessionRole) -> None:
    table = [row for row in rows(section("States")) if len(row) == 4]
    said = {}
    for state, initiator, responder, following in table:
        assert Input(code(responder)) is mirrored(Input(code(initiator)))
        event = Input(code(initiator if role is SessionRole.INITIATOR else responder))
        said[State(code(state)), event] = State(code(following))
    assert len(said) == len(table)
    assert said == {k: v for k, v in machine.TABLE[role].items() if k[1] not in ABORTS}


@pytest.mark.parametrize("role", SessionRole)
def test_the_rows_for_aborts_are_those_of_the_machine(role: SessionRole) -> None:
    said = {}
    for states, sent, received in [row for row in rows(section("States")) if len(row) == 3]:
        for state in State:
            named = f"`{state.value}`" in states and (
                "as initiator" not in states or role is SessionRole.INITIATOR
            )
            free = states == "any other" and not state.final
            if named or (free and (state, Input.SEND_ABORT) not in said):
                said[state, Input.SEND_ABORT] = State(code(sent))
                said[state, Input.RECV_ABORT] = State(code(received))
    assert said == {k: v for k, v in machine.TABLE[role].items() if k[1] in ABORTS}
    for state in State:
        assert not state.final or f"`{state.value}`" in section("States")


def test_every_code_that_a_session_can_end_with_is_on_the_page() -> None:
    _load_everything()
    text = section("Codes of refusals and aborts")
    told = {found.code for found in errors_page.codes() if _ends_a_session(found.module)}
    assert {each for each in told - errors.PRIVATE_CODES if f"`{each}`" not in text} == set()


def _ends_a_session(module: str) -> bool:
    if module == "psihash.session.sealed_form":
        return False  # what is sealed at rest; no message of the protocol
    return module.startswith("psihash.session.") or module in {
        "psihash.wire.codec",
        "psihash.wire.fields",
        "psihash.identity.hybrid",
        "psihash.node.peering.answering",
        "psihash.node.running.desk",
        "psihash.node.running.journal",
        "psihash.node.running.worker",
    }


def _load_everything() -> None:
    """Codes are known once their modules are loaded; a node loads all of them."""
    importlib.import_module("psihash.node.peering.answering")


def test_the_codes_that_a_side_keeps_to_itself_are_on_the_page() -> None:
    _load_everything()
    text = " ".join(section("Offer and accept").split())
    named = re.search(r"lies in the sender's own set \(([^)]*)\) is sent as `declined`", text)
    assert named is not None
    assert set(re.findall(r"`([a-z-]+)`", named.group(1))) == errors.PRIVATE_CODES


def test_every_code_on_the_page_exists() -> None:
    written = {found.code for found in errors_page.codes()}
    listed = {code(name) for name, _ in rows(section("Codes of refusals and aborts"))}
    assert listed <= written
    assert set(re.findall(r"\(`([a-z]+(?:-[a-z]+)+)`\)", PAGE)) <= written


# -- rules -------------------------------------------------------------------------------------


def test_size_classes_follow_the_rule_on_the_page() -> None:
    """In whole numbers, so that no rounding of another language can differ."""
    rule = [_smallest(24 + k) for k in range(85)]
    assert list(SIZE_CLASSES) == rule
    assert f"plus the {encoding.CANARIES} canaries" in " ".join(section("Size classes").split())
    first = ", ".join(f"{size}" for size in SIZE_CLASSES[:10])
    assert f"{first}, ... {SIZE_CLASSES[-1]:,}" in " ".join(section("Size classes").split())


def _smallest(bits: int) -> int:
    size = round(2 ** (bits / 4)) - 2
    while size**4 < 2**bits:
        size += 1
    return size


def test_padding_follows_the_rule_on_the_page() -> None:
    lengths = [_smallest(48 + k) for k in range(60)]
    assert ", ".join(f"{size:,}" for size in lengths[:5]) in section("Disclosure")
    for place, size in enumerate(lengths[:20]):
        below = size if size**4 == 2 ** (48 + place) else size - 1
        assert len(blobs.pad(bytes(below - 8))) == size
        assert len(blobs.pad(bytes(below - 7))) == lengths[place + 1]


def test_the_largest_blob_is_that_of_the_page() -> None:
    text = section("Disclosure")
    assert "most = 8,192 + 5/4 x (matched elements) x (largest)" in text
    assert blobs.padded_limit(1000) == 8192 + 5 * 1000 // 4
    assert blobs.padded_limit(limits.MAX_BLOB_BYTES) == limits.MAX_BLOB_BYTES
    flat = " ".join(text.split())
    assert labels.largest(7) == 2 + 2 * 7
    assert "2 + 2 x (collections of the sender's annex) bytes" in flat
    assert f"largest opening {commitment.MAX_OPENING_BYTES:,}" in flat
    assert f"line of records {limits.MAX_RECORD_LINE:,}" in flat


@given(st.integers(0, 50_000_000))
def test_no_honest_blob_is_above_that(content: int) -> None:
    need = content + 8
    step = next(k for k in range(200) if need**4 <= 2 ** (48 + k))
    assert _smallest(48 + step) <= blobs.padded_limit(content)


def test_the_layout_of_a_label_is_that_of_the_table() -> None:
    held: dict[AlgorithmId, list[tuple[str, ...]]] = {
        _MD5: [("c-b", "c-a"), ("c-c",)],
        AlgorithmId.SHA1: [("c-b",)],
    }
    content = b"\0\2\0\0\0\1" + b"\0\1\0\2" + b"\0\1\0\1"
    assert blobs.unpad(labels.encode_labels(held, ["c-c", "c-a", "c-b"])) == content
    assert [cell.split()[0] for cell, _ in rows(section("Labels"))] == ["2", "2"]


def test_a_line_of_records_is_that_of_the_page() -> None:
    record = PeerRecord("Operation", CollectionKind.CASE, (Verdict(),), "desk")
    content = blobs.unpad(records.encode_records({_MD5: [[record], [record, record]]}))
    lines = content.split(b"\n")
    assert lines.pop() == b""
    assert [len(canonical.decode(line, max_bytes=9999)["records"]) for line in lines] == [1, 2]
    assert all(set(canonical.decode(line, max_bytes=9999)) == {"records"} for line in lines)


@pytest.mark.parametrize(("extra", "good"), [(0, True), (1, False)])
def test_the_longest_line_counts_its_line_feed(extra: int, good: bool) -> None:
    fields: dict[str, object] = {"collection": "", "kind": "case", "verdicts": [], "contact": None}
    short = len(canonical.encode({"records": [fields] * 900})) + 1
    texts = [min(500, max(0, limits.MAX_RECORD_LINE + extra - short - 500 * n)) for n in range(900)]
    said = [fields | {"collection": "x" * text} for text in texts]
    line = canonical.encode({"records": said}) + b"\n"
    assert len(line) == limits.MAX_RECORD_LINE + extra
    if good:
        assert len(records.decode_records(blobs.pad(line), {_MD5: 1})[_MD5][0]) == 900
        return
    with pytest.raises(errors.ProtocolError, match="too long"):
        records.decode_records(blobs.pad(line), {_MD5: 1})


def test_the_layout_of_an_opening_is_that_of_the_table() -> None:
    opening = commitment.Opening(7, bytes(range(32)), (b"\xaa" * 32, b"\xbb" * 32))
    packed = commitment.encode_openings([(3, opening)])
    parts = (b"\0\3", (7).to_bytes(8, "big"), bytes(range(32)), b"\2", b"\xaa" * 32, b"\xbb" * 32)
    assert packed == b"".join(parts)
    widths = [cell.split()[0] for cell, _ in rows(section("Openings"))]
    assert widths == ["2", "8", "32", "1", "32"]


def test_the_members_of_a_verdict_and_a_receipt_are_on_the_page() -> None:
    said = {code(name) for cell, _ in rows(section("Records")) for name in cell.split(", ")}
    assert said == records._VERDICT_MEMBERS
    members = {code(name) for cell, _ in rows(section("Receipt")) for name in cell.split(", ")}
    made = receipt.build(_deal(), _NO_SET, _no_findings(), bytes(32))
    assert members == set(made)


# -- vectors -----------------------------------------------------------------------------------

_NL = deal.Side("nl-police", b"\x11" * 25, b"\x33" * 32)
_DE = deal.Side("de-bka", b"\x22" * 25, b"\x44" * 32)
_SIDES = deal.Identities(_NL, _DE)
_AGREEMENT = b"\x55" * 32
_MD5 = AlgorithmId.MD5
_TOKEN = encoding.token(_MD5, bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e"))
_ROOT = Root("c-0000000000000001", _MD5, 64, b"\xaa" * 32)
_SECRET = b"\xee" * 32
_NO_SET = cast(OwnSet, None)


def _session() -> bytes:
    hello = Hello("psihash/1", b"\x66" * 32, b"", b"", _AGREEMENT, b"", b"", b"")
    reply = HelloReply(b"\x77" * 32, b"", b"", b"", b"", b"")
    return deal.session_id(hello, reply, _SIDES)


def _deal(rung: Rung = Rung.ITEMS, learn: Learn = Learn.BOTH) -> deal.Deal:
    sizes = ((64, 77), (91, 108))
    algorithms = (_MD5, AlgorithmId.SHA1)
    return deal.Deal(
        session=_session(),
        sides=_SIDES,
        agreement=_AGREEMENT,
        annexes=(b"\x88" * 32, b"\x99" * 32),
        cases=("NL-1", ""),
        rung=rung,
        learn=learn,
        engine="openmined-p256/1",
        algorithms=algorithms,
        classes=(
            tuple(SetClass(name, size) for name, size in zip(algorithms, sizes[0], strict=True)),
            tuple(SetClass(name, size) for name, size in zip(algorithms, sizes[1], strict=True)),
        ),
        roots=((_ROOT,), (Root("c-0000000000000002", _MD5, 77, b"\xbb" * 32),)),
        keys=((b"\xe1" * 32,), (b"\xe2" * 32,)),
        approvals=(b"\xcc" * 32, b"\xdd" * 32, b"\xc1" * 32, b"\xd1" * 32),
        previous_receipt=b"\xf2" * 32,
        expires="2026-01-02T00:00:00Z",
    )


def _no_findings() -> Findings:
    found = {name: Finding(count=0) for name in (_MD5, AlgorithmId.SHA1)}
    return Findings(SessionRole.INITIATOR, found, bytes(32))


def _running() -> bytes:
    chains = {role: receipt.RunningHash(role) for role in SessionRole}
    for message in (b"a", b"b"):
        chains[SessionRole.INITIATOR].add(message)
    chains[SessionRole.RESPONDER].add(b"c")
    return receipt.running(chains[SessionRole.INITIATOR], chains[SessionRole.RESPONDER])


def vectors() -> dict[str, str]:
    """Each row of the table by the beginning of its first cell."""
    seed, session = b"\x01" * 32, _session()
    salt = commitment.salt(seed, 5)
    leaf = commitment.LeafContext("nl-police", _AGREEMENT, _MD5).leaf(5, salt, _TOKEN)
    key = compare.result_key(_SECRET, session)
    result = framed(b"md5", b"items", (1).to_bytes(8, "big"), _TOKEN, b"\xf1" * 32)
    channel = hybrid.SecureChannel(_SECRET, session, SessionRole.INITIATOR)
    return {
        "token of": _TOKEN.hex(),
        "session id": session.hex(),
        "element of": encoding.element("session", session, 0, _TOKEN).hex(),
        "canary 0": encoding.canaries(session, 0)[0].tobytes().hex(),
        "salt of": salt.hex(),
        "dummy token": commitment.dummy_token(seed, 5).hex(),
        "leaf 5": leaf.hex(),
        "commitment to": commitment.roots_commitment(b"\x02" * 32, [deal.encode_root(_ROOT)]).hex(),
        "transcript": _deal().transcript().hex(),
        "result key": key.hex(),
        "MAC of": compare.mac(key, SessionRole.INITIATOR, result).hex(),
        "running hash": _running().hex(),
        "first sealed": channel.seal(0, b"psihash").hex(),
        "fingerprint of": format_fingerprint(fingerprint_of(b"{}")),
        "padded length": f"{len(blobs.pad(bytes(5000))):,}",
    }


@pytest.mark.parametrize("start", vectors())
def test_the_vectors_are_what_the_code_computes(start: str) -> None:
    found = [value for what, value in rows(section("Test vectors")) if what.startswith(start)]
    assert [code(value) for value in found] == [vectors()[start]]


def test_the_vectors_are_all_checked() -> None:
    assert len(rows(section("Test vectors"))) == len(vectors())


def test_the_transcript_is_put_together_as_the_page_says() -> None:
    """Written out from the page alone, so that code and page can only change together."""
    agreed = _deal()

    def number(value: int) -> bytes:
        return value.to_bytes(8, "big")

    def classes(first: int, second: int) -> bytes:
        return framed(framed(b"md5", number(first)), framed(b"sha1", number(second)))

    def roots(name: bytes, size: int, root: bytes) -> bytes:
        return framed(framed(name, b"md5", number(size), root))

    content = framed(
        b"psihash/transcript/1",
        b"psihash/1",
        agreed.session,
        *(b"nl-police", b"\x11" * 25, b"\x33" * 32),
        *(b"de-bka", b"\x22" * 25, b"\x44" * 32),
        b"\x55" * 32,
        framed(b"\x88" * 32, b"\x99" * 32),
        framed(b"NL-1", b""),
        framed(b"md5", b"sha1"),
        CANONICALISATION.encode(),
        b"openmined-p256/1",
        b"items",
        b"both",
        framed(classes(64, 77), classes(91, 108)),
        framed(
            roots(b"c-0000000000000001", 64, b"\xaa" * 32),
            roots(b"c-0000000000000002", 77, b"\xbb" * 32),
        ),
        framed(framed(b"\xe1" * 32), framed(b"\xe2" * 32)),
        framed(b"\xcc" * 32, b"\xdd" * 32, b"\xc1" * 32, b"\xd1" * 32),
        b"\xf2" * 32,
        b"2026-01-02T00:00:00Z",
    )
    assert agreed.transcript() == hashlib.sha256(content).digest()
