"""From a certificate to a peer: only an active agency, under its own authority."""

from __future__ import annotations

import datetime as dt

import pytest

from psihash import errors
from psihash.identity import authority, cards
from psihash.identity.certificates import leaf_fingerprint
from psihash.identity.trust import KnownPeer, PeerStatus, VerifiedPeer, verify_peer

from .conftest import NOW, Agency
from .forge import URI, Recipe


class Directory:
    """Peers in a dictionary."""

    def __init__(self, *agencies: Agency, status: PeerStatus = PeerStatus.ACTIVE) -> None:
        self.peers = {a.agency: KnownPeer(a.verified, status) for a in agencies}
        self.asked: list[str] = []

    def peer(self, agency: str) -> KnownPeer | None:
        self.asked.append(agency)
        return self.peers.get(agency)


def refused(leaf: bytes, directory: Directory, **more: str) -> str:
    with pytest.raises((errors.VerificationError, errors.RefusedError)) as caught:
        verify_peer(leaf, directory, NOW, **more)
    return caught.value.code


def test_an_active_peer_is_verified(alpha: Agency, beta: Agency) -> None:
    peer = verify_peer(beta.leaf, Directory(alpha, beta), NOW, expected="de-bka")
    assert peer.agency == "de-bka"
    assert peer.card.card == beta.card
    assert peer.leaf_fingerprint == leaf_fingerprint(beta.leaf)
    assert peer.expires == NOW + dt.timedelta(days=90)


def test_strangers_are_refused(alpha: Agency, beta: Agency) -> None:
    assert refused(beta.leaf, Directory(alpha)) == "peer-unknown"


def test_agency_ids_are_matched_to_the_letter(alpha: Agency) -> None:
    leaf = authority.issue_tls(alpha.ca, "NL-police", alpha.ring.tls.public_key(), NOW)
    assert refused(leaf, Directory(alpha)) == "peer-unknown"


@pytest.mark.parametrize("status", [PeerStatus.SUSPENDED, PeerStatus.REVOKED])
def test_status(alpha: Agency, beta: Agency, status: PeerStatus) -> None:
    directory = Directory(alpha, beta, status=status)
    assert refused(beta.leaf, directory) == f"peer-{status.value}"
    forged = authority.issue_tls(alpha.ca, "de-bka", alpha.ring.tls.public_key(), NOW)
    assert refused(forged, directory) == "cert-wrong-ca"


def test_a_peers_authority_cannot_name_another_peer(alpha: Agency, beta: Agency) -> None:
    forged = authority.issue_tls(beta.ca, "nl-police", beta.ring.tls.public_key(), NOW)
    assert refused(forged, Directory(alpha, beta)) == "cert-wrong-ca"


def test_the_called_agency_has_to_answer(alpha: Agency, beta: Agency) -> None:
    directory = Directory(alpha, beta)
    assert refused(beta.leaf, directory, expected="nl-police") == "cert-wrong-agency"
    assert directory.asked == []


def test_time_is_looked_at_again(alpha: Agency) -> None:
    late = NOW + dt.timedelta(days=91)
    with pytest.raises(errors.VerificationError) as caught:
        verify_peer(alpha.leaf, Directory(alpha), late)
    assert caught.value.code == "cert-expired"


def test_after_a_new_authority_the_old_leaf_is_refused(alpha: Agency) -> None:
    ca = authority.make_ca(alpha.ring.tls, "nl-police", "Politie", "NL", NOW)
    card = cards.make_card(
        alpha.ring.signing,
        alpha.ring.card_keys("log"),
        version=2,
        agency="nl-police",
        name="Politie",
        country="NL",
        ca_pem=ca.pem,
        now=NOW,
    )
    directory = Directory(alpha)
    newer = cards.supersede(alpha.verified, card)
    directory.peers["nl-police"] = KnownPeer(newer, PeerStatus.ACTIVE)
    assert refused(alpha.leaf, directory) == "cert-wrong-ca"


def test_a_directory_that_answers_with_another_card_is_not_believed(
    alpha: Agency, beta: Agency
) -> None:
    directory = Directory(alpha)
    directory.peers["de-bka"] = directory.peers["nl-police"]
    assert refused(beta.leaf, directory) == "peer-unknown"


def test_odd_names_never_reach_the_directory(alpha: Agency) -> None:
    directory = Directory(alpha)
    for name in ("../../etc", "nl-police\0", "", "a b", "%s", "'--"):
        leaf = Recipe(uris=[URI + name]).sign(alpha.ca.key)
        assert refused(leaf, directory) == "cert-no-agency"
    assert refused(b"noise", directory) == "cert-malformed"
    assert directory.asked == []


def test_a_verified_peer_cannot_be_made_by_hand(alpha: Agency) -> None:
    with pytest.raises(TypeError):
        VerifiedPeer(alpha.verified, bytes(32), NOW, object())
