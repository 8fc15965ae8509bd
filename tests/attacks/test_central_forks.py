"""A centre that keeps two histories of its set for two members, in one log; and one that says
itself for how long its set and its key may serve."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from psihash import errors
from psihash.agreement.times import add_days
from psihash.central.manifest import (
    Manifest,
    check_current,
    check_next,
    parse_manifest,
    sign_manifest,
)
from psihash.node.central import comparing, publishing
from psihash.node.node import Node
from psihash.node.peering.channel import PeerChannel
from psihash.storage.central_pages import PublicationRow
from tests.attacks.test_central_centre import Member, meeting, on, refused
from tests.central.meeting import Meeting, put

__all__ = ["meeting"]

Signed = tuple[bytes, bytes]


def newest(centre: Node) -> PublicationRow:
    row = centre.stores.publications.latest(centre.agency)
    assert row is not None
    return row


def signed(centre: Node, row: PublicationRow, **changes: Any) -> Signed:
    """A publication's manifest with some fields changed, signed by the centre as well."""
    manifest = replace(parse_manifest(row.manifest), **changes)
    return manifest.to_bytes(), sign_manifest(manifest, centre.keys.signing)


def shown(meeting: Meeting, manifest: Signed, *, asks: bool) -> None:
    """Another member shows what it was given."""
    centre = meeting.centre.agency
    if asks:
        comparing.over(meeting.member, cast(PeerChannel, Member(manifest)), [centre])
    else:
        comparing.answer(meeting.member, "de-police", [manifest])


def test_an_epoch_that_another_member_got_in_between_is_not_left_out(meeting: Meeting) -> None:
    """Epoch 2 for one member and epoch 3 for ours, both after epoch 1."""
    meeting.run()
    centre, first = meeting.centre, newest(meeting.centre)
    publishing.rotate(centre, "for the other member")
    put(centre, "probe", range(60, 62))
    publishing.rotate(centre, "for this member")
    body, signature = signed(centre, newest(centre), previous=first.digest)

    def hide(reply: Any) -> None:
        del reply.publications[:-1]
        reply.publications[0].manifest, reply.publications[0].signature = body, signature

    meeting.tamper = on("Publications", hide)
    with pytest.raises(errors.VerificationError):
        meeting.run()
    assert parse_manifest(body).epoch == 3
    with pytest.raises(errors.VerificationError) as caught:
        check_next(parse_manifest(first.manifest), parse_manifest(body))
    assert caught.value.code == "central-chain-broken"


@pytest.mark.parametrize("asks", [True, False])
def test_a_delta_behind_the_end_of_an_epoch_is_a_second_history(
    meeting: Meeting, asks: bool
) -> None:
    """Ours went from (1, 0) to (2, 0); another's went on to (1, 1)."""
    meeting.run()
    first = newest(meeting.centre)
    publishing.rotate(meeting.centre, "a new epoch")
    meeting.run()
    empty = parse_manifest(first.manifest).lists
    beside = signed(meeting.centre, first, delta=1, previous=first.digest, lists=empty)
    shown(meeting, beside, asks=asks)
    refused(meeting, "central-equivocated")


@pytest.mark.parametrize("asks", [True, False])
def test_a_later_number_that_follows_what_another_followed(meeting: Meeting, asks: bool) -> None:
    """Ours is on (2, 0); another's (3, 0) follows (1, 0) as well."""
    meeting.run()
    first = newest(meeting.centre)
    publishing.rotate(meeting.centre, "a new epoch")
    meeting.run()
    beside = signed(meeting.centre, newest(meeting.centre), epoch=3, previous=first.digest)
    shown(meeting, beside, asks=asks)
    refused(meeting, "central-equivocated")


@pytest.mark.parametrize("asks", [True, False])
def test_a_number_that_skips_one_is_no_chain(meeting: Meeting, asks: bool) -> None:
    meeting.run()
    first = newest(meeting.centre)
    beside = signed(meeting.centre, first, epoch=3, previous=first.digest)
    shown(meeting, beside, asks=asks)
    refused(meeting, "central-equivocated")


def test_a_member_that_is_ahead_or_behind_is_no_second_history(meeting: Meeting) -> None:
    meeting.run()
    behind = newest(meeting.centre)
    meeting.publish()
    meeting.run()
    meeting.publish()
    ahead = newest(meeting.centre)
    for row in (behind, ahead):
        for asks in (True, False):
            shown(meeting, (row.manifest, row.signature), asks=asks)
    assert meeting.run().matched_items == 30


# -- frozen sets -----------------------------------------------------------------------------------


def manifest_of(meeting: Meeting) -> Manifest:
    return parse_manifest(newest(meeting.centre).manifest)


def test_a_centre_cannot_sign_a_set_for_a_century(meeting: Meeting) -> None:
    made = manifest_of(meeting)
    longest = replace(made, valid_until=add_days(made.published, 30))
    assert parse_manifest(longest.to_bytes()) == longest
    too_long = replace(made, valid_until=add_days(made.published, 31))
    with pytest.raises(errors.ProtocolError) as caught:
        parse_manifest(too_long.to_bytes())
    assert caught.value.code == "central-bad-manifest"


def test_a_publication_from_the_future_is_not_believed(meeting: Meeting) -> None:
    made = manifest_of(meeting)
    check_current(made, made, made.published)
    with pytest.raises(errors.VerificationError) as caught:
        check_current(made, made, add_days(made.published, -1))
    assert caught.value.code == "central-manifest-expired"


def test_deltas_cannot_keep_a_key_alive(meeting: Meeting) -> None:
    first = manifest_of(meeting)
    for days, holds in ((29, True), (30, False)):
        published = add_days(first.published, days)
        later = replace(first, delta=days, published=published, valid_until=add_days(published, 7))
        if holds:
            check_current(first, later, published)
            continue
        with pytest.raises(errors.VerificationError) as caught:
            check_current(first, later, published)
        assert caught.value.code == "central-epoch-overdue"


# -- what a run's size tells -----------------------------------------------------------------------


def test_a_night_with_nothing_new_asks_as_much_as_one_with_little(meeting: Meeting) -> None:
    meeting.run()
    asked = []
    for number in (None, 200, 201):
        if number is not None:
            put(meeting.member, "ours", [number])
        meeting.publish()
        asked.append(meeting.run().asked)
    assert len(set(asked)) == 1
