"""Attacks D1 to D9 on the central set, played by a centre that lies, or is damaged.

Each is caught with a name, before a result is believed. What a centre can do all the same (sign a
false label for everybody) is in docs/central.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from psihash import errors
from psihash.agreement.times import add_days
from psihash.audit.checkpoint import open_checkpoint
from psihash.audit.cosignature import cosign
from psihash.audit.note import COSIGNATURE, encode_verifier_key
from psihash.central import derive
from psihash.central.layout import Part, list_root, pages
from psihash.central.manifest import Manifest, parse_manifest, sign_manifest
from psihash.central.publishing import Place, make_lists
from psihash.node.central import building, comparing, publishing
from psihash.node.node import LazySigner, Node
from psihash.node.peering.channel import PeerChannel
from psihash.psi import encoding
from psihash.storage.central_pages import PublicationRow
from psihash.storage.witnessing import CosignatureRow
from psihash.wire import central_codec as codec
from psihash.wire.v1 import central_pb2 as pb
from tests.central.meeting import LaterClock, Meeting, put

Two = tuple[Node, Node]
Tamper = Callable[[str, Any, Any], Any]


@pytest.fixture
def meeting(two: Two) -> Meeting:
    """30 of 60 items in common; published once, and the member has not come yet."""
    put(two[0], "theirs", range(60))
    put(two[1], "ours", range(30, 90))
    made = Meeting.of(*two)
    made.publish()
    return made


def refused(meeting: Meeting, code: str) -> None:
    """The run ends with that code, and nothing of it stands."""
    before = meeting.state
    with pytest.raises(errors.PsihashError) as caught:
        meeting.run()
    assert caught.value.code == code
    assert meeting.state is before


def on(wanted: str, change: Callable[[Any], None]) -> Tamper:
    """Change the replies to one method on their way."""

    def tamper(method: str, _request: Any, reply: Any) -> Any:
        if method == wanted:
            change(reply)
        return reply

    return tamper


def other(meeting: Meeting, **changes: Any) -> Callable[[Any], None]:
    """In the place of the last manifest another one, which the centre signs as well."""

    def change(reply: pb.PublicationsReply) -> None:
        if reply.publications:
            shown = reply.publications[-1]
            forged = replace(parse_manifest(shown.manifest), **changes)
            shown.manifest = forged.to_bytes()
            shown.signature = sign_manifest(forged, meeting.centre.keys.signing)

    return change


# -- D3: another key, manifest or set for one member ----------------------------------------------


def test_d3_another_key_than_that_of_the_manifest(meeting: Meeting) -> None:
    group = building.own_group()
    key = group.new_secret()

    def tamper(method: str, request: Any, reply: Any) -> Any:
        if method == "Evaluate":
            asked = np.frombuffer(request.elements, np.uint8).reshape(-1, 32)
            evaluated = group.remask(key, asked)
            reply.elements = evaluated.tobytes()
            reply.proof = group.prove_voprf(key, asked, evaluated)
        return reply

    meeting.tamper = tamper
    refused(meeting, "group-bad-proof")


@pytest.mark.parametrize("field", ["elements", "proof"])
def test_d3_a_proof_that_is_not_of_this_batch(meeting: Meeting, field: str) -> None:
    def change(reply: pb.EvaluateReply) -> None:
        data = getattr(reply, field)
        swapped = data[32:64] + data[:32] + data[64:]
        setattr(reply, field, swapped)

    meeting.tamper = on("Evaluate", change)
    refused(meeting, "group-bad-proof")


def test_d3_a_manifest_for_one_member_does_not_stand_in_the_log(meeting: Meeting) -> None:
    public = building.own_group().new_secret().public
    meeting.tamper = on("Publications", other(meeting, public_key=public))
    refused(meeting, "central-not-in-log")


def test_d3_a_manifest_that_the_centre_did_not_sign(meeting: Meeting) -> None:
    def change(reply: pb.PublicationsReply) -> None:
        for shown in reply.publications:
            shown.signature = bytes(64)

    meeting.tamper = on("Publications", change)
    refused(meeting, "bad-signature")


def test_d3_two_manifests_of_one_number_end_the_trust(meeting: Meeting) -> None:
    meeting.run()
    row = meeting.centre.stores.publications.latest(meeting.centre.agency)
    assert row is not None
    forged = replace(parse_manifest(row.manifest), valid_until=longer(row))
    signature = sign_manifest(forged, meeting.centre.keys.signing)

    def tamper(method: str, _request: Any, reply: Any) -> Any:
        if method != "Publications":
            return reply
        shown = pb.Publication(
            manifest=forged.to_bytes(),
            signature=signature,
            header=row.header,
            shared=row.shared,
            shared_blind=row.shared_blind,
        )
        return pb.PublicationsReply(publications=[shown])

    meeting.tamper = tamper
    refused(meeting, "central-equivocated")
    meeting.tamper = None
    refused(meeting, "central-equivocated")
    evidence = [entry for entry in _incidents(meeting.member) if b"central-equivocated" in entry]
    assert forged.to_bytes().hex().encode() in evidence[0]


def longer(row: PublicationRow) -> str:
    """Another end than that of a publication."""
    return add_days(parse_manifest(row.manifest).valid_until, 1)


def second(meeting: Meeting) -> tuple[bytes, bytes]:
    """Another manifest with the number of the one that the member has."""
    row = meeting.centre.stores.publications.latest(meeting.centre.agency)
    assert row is not None
    forged = replace(parse_manifest(row.manifest), valid_until=longer(row))
    return forged.to_bytes(), sign_manifest(forged, meeting.centre.keys.signing)


class Member:
    """A channel to a second member, whom the centre showed something else."""

    def __init__(self, *shown: tuple[bytes, bytes]) -> None:
        self.verified = SimpleNamespace(agency="de-police")
        self.asked: list[tuple[bytes, bytes]] = []
        self._shown = shown

    def call_central(self, _method: Any, request: pb.CompareManifestsRequest) -> Any:
        self.asked = codec.compared(request)
        return pb.CompareManifestsReply(shown=codec.comparing(self._shown))


@pytest.mark.parametrize("asks", [True, False])
def test_d3_two_members_find_what_each_was_shown(meeting: Meeting, asks: bool) -> None:
    """Both manifests may stand in the log: members compare them when they meet."""
    meeting.run()
    member, forged = meeting.member, second(meeting)
    if asks:
        comparing.over(member, cast(PeerChannel, Member(forged)), [meeting.centre.agency])
    else:
        told = comparing.answer(member, "de-police", [forged])
        assert parse_manifest(told[0][0]).place == (1, 0)  # the other member learns it too
    refused(meeting, "central-equivocated")


def test_d3_members_that_were_shown_the_same_go_on(meeting: Meeting) -> None:
    meeting.run()
    meeting.publish()
    row = meeting.centre.stores.publications.latest(meeting.centre.agency)
    assert row is not None
    other_ = Member((row.manifest, row.signature))
    comparing.over(meeting.member, cast(PeerChannel, other_), [meeting.centre.agency])
    assert len(other_.asked) == 1
    assert meeting.run().matched_items == 30


def test_d3_nobody_is_accused_on_a_peer_s_word(meeting: Meeting) -> None:
    """A manifest that the centre did not sign counts for nothing; nor does one of a stranger."""
    meeting.run()
    body, signature = second(meeting)
    lies = [(body, bytes(64)), (body[:-1], signature), (b"{}", signature)]
    assert comparing.answer(meeting.member, "de-police", lies) == []
    stranger = Member(*lies)
    comparing.over(meeting.member, cast(PeerChannel, stranger), ["xx"])
    assert stranger.asked == []
    assert meeting.run().matched_items == 30


def test_d3_another_log_is_found_at_the_first_contact_after(meeting: Meeting) -> None:
    """A head that contradicts the one held stops the run before any manifest counts."""
    meeting.run()
    meeting.run()
    log = meeting.centre.stores.log
    old = log.checkpoint(2) or log.checkpoint(None)
    assert old is not None

    def change(reply: Any) -> None:
        reply.checkpoint = _note_of_size(meeting, 3)
        del reply.consistency[:]

    meeting.tamper = on("Compare", change)
    refused(meeting, "checkpoint-rolled-back")


def test_d3_as_many_cosigners_as_the_settings_want(meeting: Meeting) -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    name = "psihash/cosigner/witness"
    verifier = encode_verifier_key(name, public, COSIGNATURE)
    member = meeting.member
    member.settings = replace(member.settings, central_cosigners=1, witness_key=verifier)
    refused(meeting, "central-cosigners-missing")

    centre = meeting.centre
    note = centre.log.checkpoint()
    checkpoint = open_checkpoint(note, centre.card.keys.log_origin, centre.card.keys.log)
    line = cosign(checkpoint, name, LazySigner(public, lambda: key), 1_800_000_000)
    row = CosignatureRow(
        checkpoint.size, name, line.cosigner.key_id.hex(), line.timestamp, line.line
    )
    centre.stores.witnessing.add_cosignature(row)
    assert meeting.run().matched_items == 30


def test_d3_a_cosignature_that_does_not_hold(meeting: Meeting) -> None:
    member = meeting.member
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    verifier = encode_verifier_key("psihash/cosigner/witness", public, COSIGNATURE)
    member.settings = replace(member.settings, central_cosigners=1, witness_key=verifier)

    def change(reply: pb.PublicationsReply) -> None:
        reply.checkpoint = meeting.centre.log.checkpoint()

    meeting.tamper = on("Publications", change)
    refused(meeting, "central-cosigners-missing")


# -- rolled back, frozen, dropped, swapped --------------------------------------------------------


def test_d3_a_rolled_back_epoch(meeting: Meeting) -> None:
    meeting.run()
    first = meeting.centre.stores.publications.latest(meeting.centre.agency)
    meeting.publish()
    meeting.run()
    assert first is not None
    shown = pb.Publication(
        manifest=first.manifest,
        signature=first.signature,
        header=first.header,
        shared=first.shared,
        shared_blind=first.shared_blind,
    )

    def tamper(method: str, _request: Any, reply: Any) -> Any:
        return pb.PublicationsReply(publications=[shown]) if method == "Publications" else reply

    meeting.tamper = tamper
    refused(meeting, "central-rolled-back")


def test_d3_a_frozen_epoch(meeting: Meeting) -> None:
    """The centre publishes, and shows one member nothing of it."""
    meeting.run()
    meeting.publish()
    meeting.tamper = on("Publications", lambda reply: reply.Clear())
    meeting.run()
    for node in (meeting.centre, meeting.member):
        node.clock = LaterClock(dt.timedelta(days=7, minutes=1))
    refused(meeting, "central-manifest-expired")


@pytest.mark.parametrize("first", [True, False])
def test_d4_a_delta_that_is_dropped(meeting: Meeting, first: bool) -> None:
    if not first:
        meeting.run()
    for _ in range(3):
        meeting.publish()

    def change(reply: pb.PublicationsReply) -> None:
        if len(reply.publications) > 2:
            del reply.publications[1]

    meeting.tamper = on("Publications", change)
    refused(meeting, "central-chain-broken")


def test_d4_deltas_in_another_order(meeting: Meeting) -> None:
    meeting.run()
    meeting.publish()
    meeting.publish()

    def change(reply: pb.PublicationsReply) -> None:
        if len(reply.publications) == 2:
            one, two = reply.publications
            swapped = [pb.Publication.FromString(each.SerializeToString()) for each in (two, one)]
            del reply.publications[:]
            reply.publications.extend(swapped)

    meeting.tamper = on("Publications", change)
    refused(meeting, "central-chain-broken")


@pytest.mark.parametrize("part", [Part.ADDITIONS, Part.SERIES])
def test_d4_other_pages_than_the_manifest_names(meeting: Meeting, part: Part) -> None:
    def tamper(method: str, request: Any, reply: Any) -> Any:
        if method == "Pages" and request.part == part.value:
            page = reply.pages[0]
            reply.pages[0] = page[:-1] + bytes([page[-1] ^ 1])
        return reply

    meeting.tamper = tamper
    refused(meeting, "central-wrong-pages")
    meeting.tamper = None
    assert meeting.run().matched_items == 30  # they are fetched again


def test_d4_pages_of_another_length(meeting: Meeting) -> None:
    def change(reply: pb.PagesReply) -> None:
        reply.pages[0] = reply.pages[0][:-1]

    meeting.tamper = on("Pages", change)
    refused(meeting, "central-bad-page")


# -- D6: a set that is silently wrong -------------------------------------------------------------


def test_d6_a_set_under_another_key(meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    """All proofs hold, and the tags are of another key: no hit would be found."""
    own = derive.own_roots

    def other_key(group: Any, _key: Any, *rest: Any) -> Any:
        return own(group, group.new_secret(), *rest)

    monkeypatch.setattr(derive, "own_roots", other_key)
    publishing.rotate(meeting.centre, "a fault")
    refused(meeting, "central-canary-missed")


def test_d6_another_way_to_tokens(meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    own = derive.inputs
    with monkeypatch.context() as patched:
        patched.setattr(derive, "inputs", lambda c, e, tokens: own(c, e, tokens[:, ::-1].copy()))
        publishing.rotate(meeting.centre, "a fault")
    refused(meeting, "central-canary-missed")


@pytest.mark.parametrize("night", ["first", "later"])
def test_d6_another_canonicalisation(
    meeting: Meeting, monkeypatch: pytest.MonkeyPatch, night: str
) -> None:
    """Tokens of digests in another form; in a delta too. Canaries are digests like the others."""
    own = encoding.tokens

    def another(algorithm: Any, digests: Any) -> Any:
        return own(algorithm, digests[:, ::-1].copy())

    if night == "later":
        meeting.run()
        put(meeting.centre, "theirs", range(60, 70))
    with monkeypatch.context() as patched:
        patched.setattr(encoding, "tokens", another)
        if night == "later":
            publishing.publish(meeting.centre)
        else:
            publishing.rotate(meeting.centre, "a fault")
    refused(meeting, "central-canary-missed")


def test_d6_a_manifest_of_another_canonicalisation(meeting: Meeting) -> None:
    def change(reply: pb.PublicationsReply) -> None:
        for shown in reply.publications:
            shown.manifest = shown.manifest.replace(b"psihash/token/1", b"psihash/token/2")

    meeting.tamper = on("Publications", change)
    refused(meeting, "central-bad-manifest")


@pytest.mark.parametrize("night", ["first", "later"])
def test_d6_half_a_set(meeting: Meeting, monkeypatch: pytest.MonkeyPatch, night: str) -> None:
    """A partition is missing; also where only a delta lacks it."""
    if night == "later":
        meeting.run()
    _publish_with(meeting, monkeypatch, lambda lists: _half(lists[Part.ADDITIONS]), night)
    refused(meeting, "central-canary-missed")


def _half(body: Any) -> Any:
    """Every other entry twice."""
    return body[::2].repeat(2, axis=0)[: len(body)]


def test_d6_records_that_do_not_open(meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    def change(lists: dict[Part, Any]) -> Any:
        lists[Part.SERIES] = lists[Part.SERIES][::-1].copy()
        return lists[Part.ADDITIONS]

    _publish_with(meeting, monkeypatch, change, "first")
    refused(meeting, "central-canary-missed")


def test_d6_additions_out_of_order(meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    _publish_with(meeting, monkeypatch, lambda lists: lists[Part.ADDITIONS][::-1].copy(), "first")
    refused(meeting, "central-bad-page")


def test_d6_secret_canaries_are_those_of_the_first_enrolment(meeting: Meeting) -> None:
    """A centre that hands out others later changes nothing."""
    meeting.run()
    publishing.rotate(meeting.centre, "test")
    meeting.tamper = on("Enrol", lambda reply: reply.Clear())
    assert meeting.run().matched_items == 30


# -- D1: nothing is fetched for a hit -------------------------------------------------------------


def test_d1_hits_change_nothing_of_what_is_asked(two: Two) -> None:
    """The calls and the sizes of all messages are the same with every hit and with none."""
    put(two[0], "theirs", range(100))
    put(two[1], "ours", range(60))
    put(two[1], "strangers", range(1_000, 1_060))
    seen = []
    for name in ("ours", "strangers"):
        meeting = _fresh(two, name)
        traffic: list[tuple[str, int]] = []

        def tamper(method: str, request: Any, reply: Any, log: Any = traffic) -> Any:
            if method in ("Pages", "Open", "Evaluate"):
                log.append((method, request.ByteSize()))
            return reply

        meeting.tamper = tamper
        hits = meeting.run(name).matched_items
        seen.append((hits, [each for each in traffic if each[0] != "Pages"]))
    assert [hits for hits, _ in seen] == [60, 0]
    assert seen[0][1] == seen[1][1]


def _fresh(two: Two, name: str) -> Meeting:
    from tests.session.nodes import agree

    centre, member = two
    agreement = agree(member, centre, [name], ["theirs"])
    if centre.stores.central.setup() is None:
        made = Meeting(centre, member, agreement)
        from psihash.node.central import setting_up

        setting_up.init(centre)
        made.publish()
        return made
    return Meeting(centre, member, agreement)


def _publish_with(
    meeting: Meeting,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[Part, Any]], Any],
    night: str,
) -> None:
    """Publish other additions than those that were made, under a manifest that names them."""
    own = make_lists

    def damaged(*args: Any) -> dict[Part, Any]:
        lists = own(*args)
        lists[Part.ADDITIONS] = change(lists)
        return lists

    with monkeypatch.context() as patched:
        patched.setattr(publishing, "make_lists", damaged)
        if night == "first":
            publishing.rotate(meeting.centre, "a fault")
        else:
            meeting.publish()


def _incidents(node: Node) -> list[bytes]:
    return [
        entry.local
        for entry in node.stores.log.entries(0, 10**6)
        if entry.local and b'"incident"' in entry.header
    ]


def _note_of_size(meeting: Meeting, size: int) -> bytes:
    from psihash.audit.checkpoint import sign_checkpoint

    centre = meeting.centre
    root = centre.log.tree(size).root()
    signer = LazySigner(centre.card.keys.log, lambda: centre.keys.log)
    return sign_checkpoint(centre.card.keys.log_origin, size, root, signer)


def test_lists_and_manifest_agree(meeting: Meeting) -> None:
    """What these tests rest on: a manifest's roots are those of the pages."""
    centre = meeting.centre
    row = centre.stores.publications.latest(centre.agency)
    assert row is not None
    manifest: Manifest = parse_manifest(row.manifest)
    place = Place(centre.agency, 1, 0)
    for part in Part:
        count = centre.stores.publications.held(place, part)
        held = list(centre.stores.publications.every(place, part, count))
        assert list_root(held) == manifest.lists[part].root
        body = np.frombuffer(b"".join(held), np.uint8).reshape(-1, part.width)
        assert pages(part, body) == held
