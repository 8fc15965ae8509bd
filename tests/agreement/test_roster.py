"""The chain of an agency's operators: what makes it longer, and everything that must not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from psihash import canonical, errors
from psihash.agreement import roster as rosters
from psihash.agreement.roster import OperatorRecord, OperatorRole, extend, parse_record, replay
from psihash.identity.signatures import public_bytes
from tests.agreement.people import AGENCY, People, operator_id


def refused(people: People, record: OperatorRecord) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        extend(people.roster, record, AGENCY, people.agency_keys)
    return caught.value.code


def test_a_chain_reads_back_and_says_who_may_do_what() -> None:
    people = People.usual()
    records = [parse_record(record.to_bytes()) for record in people.held.records]
    again = replay(records, AGENCY, people.agency_keys)
    assert again is not None
    assert (again.number, again.head) == (3, people.held.head)
    assert [m.operator for m in again.active(OperatorRole.APPROVER)] == [
        operator_id(3),
        operator_id(4),
    ]
    assert [m.operator for m in again.active(OperatorRole.ADMIN)] == [operator_id(1)]


def test_the_same_record_again_changes_nothing() -> None:
    people = People.usual()
    for record in people.held.records:
        assert extend(people.held, record, AGENCY, people.agency_keys) is people.held


def test_the_first_record_makes_an_admin_by_its_own_key() -> None:
    assert refused(People(), People().record(1, "analyst", by=[1])) == "bad-signature"
    people = People()
    assert refused(people, people.record(1, "analyst", by=[1])) == "roster-broken"
    people.keys[operator_id(2)] = Ed25519PrivateKey.generate()
    assert refused(people, people.record(1, "admin", by=[2])) == "roster-broken"
    assert refused(people, people.record(1, "admin", by=[1], status="disabled")) == "roster-broken"


def test_no_admin_is_an_approver() -> None:
    people = People.usual()
    assert refused(people, people.record(5, "admin", "approver", by=[1, 3])) == "roster-broken"


def test_only_an_admin_makes_the_chain_longer() -> None:
    people = People.usual()
    for signer in (2, 3):
        assert refused(people, people.record(5, "analyst", by=[signer])) == "roster-broken"


def test_an_approver_is_made_with_an_approver() -> None:
    people = People.usual()
    assert refused(people, people.record(5, "approver", by=[1])) == "roster-broken"
    assert refused(people, people.record(2, "analyst", "approver", by=[1])) == "roster-broken"
    people.add(5, "approver", by=[1, 4])


def test_an_approver_does_not_get_another_key_from_an_admin() -> None:
    people = People.usual()
    other = Ed25519PrivateKey.generate()
    assert refused(people, people.record(3, "approver", by=[1], key=other)) == "roster-broken"


def test_who_disables_all_approvers_cannot_appoint_one() -> None:
    people = People.usual()
    people.add(3, "approver", by=[1], status="disabled")
    people.add(4, "approver", by=[1], status="disabled")
    assert refused(people, people.record(5, "approver", by=[1])) == "roster-broken"
    assert refused(people, people.record(3, "approver", by=[1])) == "roster-broken"
    assert refused(people, people.record(3, "approver", by=[1, 3])) == "roster-broken"


def test_a_disabled_admin_signs_nothing() -> None:
    people = People.usual()
    people.add(5, "admin", by=[1])
    people.add(1, "admin", by=[5], status="disabled")
    assert refused(people, people.record(6, "analyst", by=[1])) == "roster-broken"


def test_two_operators_do_not_share_a_key() -> None:
    people = People.usual()
    shared = people.key(2)
    assert refused(people, people.record(5, "approver", by=[1, 3], key=shared)) == "roster-broken"


def test_a_copy_of_the_agency_key_alone_makes_nothing() -> None:
    people = People.usual()
    thief = People(agency_key=people.agency_key, roster=people.roster)
    thief.keys = {operator_id(n): Ed25519PrivateKey.generate() for n in range(1, 10)}
    assert refused(people, thief.record(9, "approver", by=[1, 3])) == "bad-signature"
    unsigned = people.record(9, "analyst", by=[1])
    swapped = replace(unsigned, signatures=(unsigned.signatures[0],) * 2)
    assert refused(people, swapped) == "bad-signature"


def test_the_operators_without_the_agency_make_nothing() -> None:
    people = People.usual()
    record = people.record(5, "analyst", by=[1])
    stolen = replace(record, signatures=(record.signatures[1], *record.signatures[1:]))
    assert refused(people, stolen) == "bad-signature"


def test_another_history_is_a_fork() -> None:
    people = People.usual()
    short = replay(people.held.records[:3], AGENCY, people.agency_keys)
    other = People(people.agency_key, people.keys, short)
    fork = other.record(6, "analyst", by=[1])
    assert refused(people, fork) == "roster-forked"
    longer = People(people.agency_key, people.keys, short)
    longer.add(6, "analyst", by=[1])
    assert refused(people, longer.record(7, "analyst", by=[1])) == "roster-forked"
    fresh = People(people.agency_key)
    assert refused(people, fresh.record(1, "admin", by=[1])) == "roster-forked"


def test_a_gap_and_another_agency_are_refused() -> None:
    people = People.usual()
    last = people.held.records[-1]
    short = replay(people.held.records[:2], AGENCY, people.agency_keys)
    with pytest.raises(errors.StateError) as caught:
        extend(short, last, AGENCY, people.agency_keys)
    assert caught.value.code == "roster-gap"
    with pytest.raises(errors.VerificationError):
        extend(None, people.held.records[0], "be-police", people.agency_keys)


def test_records_stay_valid_under_an_older_key_of_the_agency() -> None:
    people = People.usual()
    new = Ed25519PrivateKey.generate()
    keys = {*people.agency_keys, public_bytes(new)}
    people.agency_key = new
    record = people.record(5, "analyst", by=[1])
    assert extend(people.held, record, AGENCY, keys).number == 4
    with pytest.raises(errors.VerificationError):
        replay(people.held.records, AGENCY, {public_bytes(new)})


@given(st.data())
def test_every_changed_member_is_noticed(data: Any) -> None:
    people = People.usual()
    record = people.record(5, "approver", by=[1, 3])
    value = canonical.decode(record.to_bytes(), max_bytes=1 << 20)
    name = data.draw(st.sampled_from(sorted(value)))
    changes: dict[str, Any] = {
        "type": "operator/2",
        "agency": "be-police",
        "number": 5,
        "previous": "00" * 32,
        "operator": operator_id(6),
        "roles": ["analyst", "approver"],
        "key": public_bytes(Ed25519PrivateKey.generate()).hex(),
        "status": "disabled",
        "decided": "2026-03-01T12:00:01Z",
        "by": [operator_id(3), operator_id(1)],
        "signatures": list(reversed(value["signatures"])),
    }
    changed = canonical.encode(value | {name: changes[name]})
    with pytest.raises(errors.PsihashError):
        extend(people.held, parse_record(changed), AGENCY, people.agency_keys)


def test_a_roster_cannot_be_made_by_hand() -> None:
    held = People.usual().held
    with pytest.raises(TypeError):
        rosters.Roster(held.agency, held.records, held.members, True, object())


@pytest.mark.parametrize(
    "change",
    [
        {"roles": []},
        {"roles": ["boss"]},
        {"roles": ["admin", "admin"]},
        {"operator": "Jane"},
        {"operator": "op-0"},
        {"number": -1},
        {"number": True},
        {"by": []},
        {"by": ["op-" + "0" * 16] * 2},
        {"signatures": []},
        {"key": "00"},
        {"name": "Jane"},
    ],
)
def test_malformed_records_are_refused(change: dict[str, Any]) -> None:
    record = People.usual().held.records[1]
    value = canonical.decode(record.to_bytes(), max_bytes=1 << 20)
    with pytest.raises(errors.InputError) as caught:
        parse_record(canonical.encode(value | change))
    assert caught.value.code == "bad-document"


def test_a_weak_key_is_refused() -> None:
    people = People.usual()
    record = people.record(5, "analyst", by=[1])
    weak = replace(record, member=replace(record.member, key=bytes(32)), by=(), signatures=())
    by_admin = {operator_id(1): rosters.record_signature(weak, people.key(1))}
    signed = rosters.sign_record(weak, people.agency_key, by_admin)
    assert refused(people, signed) == "bad-public-key"
