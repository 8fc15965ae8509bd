"""Certificates that do not hold: refused, named, and logged where the node's code can see them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from psihash import errors
from psihash.identity import authority, keys
from psihash.identity.trust import PeerStatus
from psihash.node.home import files
from psihash.node.peering import contact, peers
from psihash.node.running import matching
from tests.identity.forge import BOTH, URI, Recipe
from tests.two_process import programs
from tests.two_process.agencies import BE, DE, NL, Agencies, quick_keys
from tests.two_process.calls import Client, refused
from tests.two_process.conftest import check_outputs

pytestmark = pytest.mark.two_process

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
DENIED = grpc.StatusCode.PERMISSION_DENIED


@pytest.fixture(scope="module")
def shared(prepared: Agencies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agencies]:
    agencies = prepared.copy(tmp_path_factory.mktemp("certificates") / "homes")
    with programs.serving(agencies):
        yield agencies
    agencies.check_logs()
    check_outputs(agencies.root)


@pytest.fixture(scope="module")
def ca(shared: Agencies) -> authority.CertificateAuthority:
    """The authority of nl-police, which be-police trusts for nl-police."""
    home = shared.home(NL)
    secret = files.read(home, files.PASSPHRASE).strip()
    with quick_keys():
        key = keys.load_p256(files.read(home, files.CA_KEY), secret)
    return authority.CertificateAuthority(key, files.read(home, files.CA_CERTIFICATE))


def leaf(ca: authority.CertificateAuthority, **changes: object) -> tuple[bytes, bytes]:
    """(key, certificate) in PEM, sound for nl-police but for the changes."""
    issuer = x509.load_pem_x509_certificate(ca.pem).subject
    recipe = Recipe(
        issuer=issuer, start=NOW - dt.timedelta(days=1), end=NOW + dt.timedelta(days=30)
    ).but(**changes)
    key = recipe.key
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem, recipe.sign(ca.key)


def connect(
    shared: Agencies, certificate: tuple[bytes, bytes] | None
) -> tuple[grpc.StatusCode, str]:
    ca_pem = files.read(shared.home(BE), files.CA_CERTIFICATE)
    client = Client(shared.port, ca_pem, certificate)
    with client.channel:
        return refused(client.sync)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"uris": (URI + DE,)}, "cert-wrong-ca"),
        ({"uris": (URI + "xx-nobody",)}, "peer-unknown"),
        ({"uris": (URI + NL, URI + DE)}, "cert-no-agency"),
        ({"uris": ()}, "cert-no-agency"),
        ({"uris": ("spiffe://elsewhere/agency/" + NL,)}, "cert-no-agency"),
        ({"uris": (URI + NL + "\\x00",)}, "cert-no-agency"),
        ({"uses": None}, "cert-bad-use"),
        ({"signs": True}, "cert-bad-use"),
    ],
)
def test_a_certificate_that_passes_tls_is_refused_by_name(
    shared: Agencies,
    ca: authority.CertificateAuthority,
    changes: dict[str, object],
    code: str,
) -> None:
    assert connect(shared, leaf(ca, **changes)) == (DENIED, code)
    assert code in shared.codes(BE)


@pytest.mark.parametrize(
    "changes",
    [
        {"end": NOW - dt.timedelta(hours=1)},
        {"start": NOW + dt.timedelta(hours=1)},
        {"uses": (BOTH[0],)},
    ],
    ids=["expired", "not yet valid", "not for clients"],
)
def test_a_certificate_that_tls_refuses_goes_no_further(
    shared: Agencies, ca: authority.CertificateAuthority, changes: dict[str, object]
) -> None:
    assert connect(shared, leaf(ca, **changes))[0] in (UNAVAILABLE, DENIED)


def test_no_certificate_a_strange_one_and_no_tls(shared: Agencies) -> None:
    assert connect(shared, None)[0] is UNAVAILABLE
    key = keys.new_p256_key()
    other = authority.make_ca(key, NL, "Somebody", "NL", NOW)
    assert connect(shared, leaf(other))[0] is UNAVAILABLE
    with grpc.insecure_channel(f"127.0.0.1:{shared.port}") as channel:
        call = channel.unary_unary("/psihash.wire.v1.Peer/Sync")
        assert refused(call, b"", timeout=10).status is UNAVAILABLE


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        attempt()
    return caught.value.code


def test_a_suspended_and_a_revoked_peer_learn_it(shared: Agencies) -> None:
    with shared.node(DE) as node, shared.node(BE) as be:
        contact.sync(node, BE)
        peers.set_status(be, DE, PeerStatus.SUSPENDED)
        assert code_of(lambda: contact.sync(node, BE)) == "peer-suspended"
        assert "peer-suspended" in shared.codes(BE)
        peers.set_status(be, DE, PeerStatus.ACTIVE)
        contact.sync(node, BE)
        client = Client(shared.port, be.ca_pem, (node.keys.tls_pem(), node.tls_pem))
        with client.channel:
            client.sync()
            peers.set_status(be, DE, PeerStatus.REVOKED)
            # The open connection is refused by name, a new one inside the handshake.
            assert refused(client.sync) == (DENIED, "peer-revoked")
        assert code_of(lambda: contact.sync(node, BE)) == "tls-refused"
        assert shared.codes(DE)[-1] == "tls-refused"


def test_the_connecting_side_names_and_logs_that_its_certificate_has_expired(
    agencies: Agencies, ca: authority.CertificateAuthority
) -> None:
    with agencies.node(NL) as node:
        old = NOW - dt.timedelta(days=200)
        ring = agencies.rings[NL]
        expired = Recipe(
            issuer=x509.load_pem_x509_certificate(ca.pem).subject,
            start=old,
            end=old + dt.timedelta(days=90),
            key=ring.tls,
        )
        node.tls_pem = expired.sign(ca.key)
        assert code_of(lambda: matching.match(node, BE, agencies.agreement)) == "own-certificate"
        assert agencies.codes(NL)[-1] == "own-certificate"
