"""Items that match too much are set aside, none is lost, and the rule is what the settings say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psihash.session.quarantine import OverMatchRule, set_aside
from psihash.session.result import MatchedItem, MatchedItems
from psihash.session.sealed_form import decode, encode
from psihash.terms import AlgorithmId
from psihash.testing.results import result

MD5 = AlgorithmId.MD5
RULE = OverMatchRule(0.5, 10)


def item(number: int, own: int, peer: int) -> MatchedItem:
    """An item in ``own`` collections here and ``peer`` there."""
    return MatchedItem(
        {MD5: f"{number:032x}"},
        (MD5,),
        tuple(f"ours {n}" for n in range(own)),
        (),
        tuple(f"theirs {n}" for n in range(peer)),
    )


@pytest.mark.parametrize(
    ("own", "peer", "offered", "aside"),
    [
        (5, 1, (10, 1), False),  # half is not more than half
        (6, 1, (10, 1), True),
        (1, 6, (1, 10), True),
        (1, 5, (1, 10), False),
        (9, 1, (9, 1), False),  # in every one of too few
        (1, 9, (1, 9), False),
        (9, 9, (9, 9), False),
        (51, 1, (100, 100), True),
        (50, 50, (100, 100), False),
        (1, 0, (10, 10), False),  # the peer's labels are not told
    ],
)
def test_the_rule(own: int, peer: int, offered: tuple[int, int], aside: bool) -> None:
    kept, set_apart = set_aside(MatchedItems.of([item(1, own, peer)]), *offered, RULE)
    assert (len(kept), len(set_apart)) == ((0, 1) if aside else (1, 0))


@pytest.mark.parametrize("share", [1.0, 7.0])
def test_a_share_of_one_switches_it_off(share: float) -> None:
    everywhere = MatchedItems.of([item(1, 20, 20)])
    assert set_aside(everywhere, 20, 20, OverMatchRule(share, 1)) == (everywhere, MatchedItems())


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12)), max_size=30),
    st.floats(0.05, 1.2),
    st.integers(1, 14),
)
def test_nothing_is_lost_and_the_order_stays(
    stands: list[tuple[int, int]], share: float, least: int
) -> None:
    rule = OverMatchRule(share, least)
    items = [item(number, *each) for number, each in enumerate(stands)]
    kept, aside = set_aside(MatchedItems.of(items), 12, 12, rule)
    over = [
        each
        for each in items
        if least <= 12 and max(len(each.collections), len(each.peer_collections)) > share * 12
    ]
    assert list(aside) == over
    assert list(kept) == [each for each in items if each not in over]


def test_quarantined_items_are_sealed_with_the_result() -> None:
    given_ = result(items=[item(1, 1, 1)], quarantined=[item(2, 12, 1), item(3, 1, 12)])
    read = decode(encode(given_))
    assert list(read.items) == [item(1, 1, 1)]
    assert list(read.quarantined) == [item(2, 12, 1), item(3, 1, 12)]
    whole = read.with_quarantined()
    assert [each.digests[MD5][-1] for each in whole.items] == ["1", "2", "3"]
    assert len(whole.quarantined) == 0
