"""What ``status`` shows, and that ``doctor`` names each thing that can be wrong."""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from psihash import errors
from psihash.identity.certificates import verify_leaf
from psihash.node import clock, leasing
from psihash.node.home import checks, files, health, opening, renewal
from psihash.node.home.checks import Finding
from psihash.node.home.tls_probe import split_endpoint
from psihash.node.oversight import auditing
from tests.cli import homes
from tests.cli.homes import Home

NATIVE = importlib.util.find_spec("psihash_native") is not None


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    homes.quick_keys(monkeypatch)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Home]:
    folder = tmp_path_factory.mktemp("homes")
    nl = homes.make(folder / "nl", "nl-police", "NL")
    de = homes.make(folder / "de", "de-bka", "DE")
    nl.meet(de)
    return nl, de


@pytest.fixture
def home(prepared: tuple[Home, Home], tmp_path: Path) -> Path:
    return prepared[0].copied(tmp_path / "home").path


def found(home: Path, subject: str) -> Finding:
    """The one finding of the doctor about a subject that is not ok, or the last that is."""
    about = [each for each in health.doctor(home, None) if each.subject == subject]
    bad = [each for each in about if each.level != health.OK]
    assert len(bad) <= 1
    return (bad or about)[-1]


def test_a_sound_node(home: Path) -> None:
    findings = health.doctor(home, None)
    bad = [each for each in findings if each.level != health.OK]
    assert [each.subject for each in bad] == [*([] if NATIVE else ["group"]), "peer de-bka"]
    assert "peer-unreachable" in bad[-1].message
    wanted = {"settings", "files", "authority key", "store", "keys", "certificate", "clock", "log"}
    assert wanted | {"engine", "group", "listen"} <= {each.subject for each in findings}


def test_the_doctor_changes_nothing(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    node = opening.open_node(home)
    size = node.stores.log.head().size
    node.close()
    health.doctor(home, None)
    node = opening.open_node(home)
    assert node.stores.log.head().size == size
    node.close()
    assert all((home / name).exists() for name in ("psihash.db", "passphrase", "keys/ca.key"))
    for name in ("card.json", "psihash.toml", "keys/keybox"):
        assert (home / name).read_bytes() == before[home / name]


def _remove(name: str) -> Callable[[Path], None]:
    return lambda home: (home / name).unlink()


def _write(name: str, text: str) -> Callable[[Path], None]:
    def write(home: Path) -> None:
        (home / name).write_text(text)

    return write


def _wrong_key_box(home: Path) -> None:
    box = home / files.KEY_BOX
    data = bytearray(box.read_bytes())
    data[-1] ^= 1
    box.write_bytes(data)


def _tampered_log(home: Path) -> None:
    node = opening.open_node(home)
    node.log.checkpoint()
    node.close()
    store = sqlite3.connect(home / "psihash.db")
    store.execute(
        "UPDATE log_entries SET local = CAST(replace(local, 'nl-police', 'xx-police') AS BLOB)"
    )
    store.commit()
    store.close()


@pytest.mark.parametrize(
    ("damage", "subject", "part"),
    [
        (_remove("psihash.toml"), "settings", "no-home"),
        (_write("psihash.toml", "agency = 'x'\nlisen = 'y'"), "settings", "lisen"),
        (_write("psihash.toml", "agency = "), "settings", "bad-settings"),
        (_remove("card.json"), "files", "card.json is missing"),
        (_remove("certificates/tls.pem"), "files", "tls.pem is missing"),
        (_write("card.json", "{}"), "store", "card"),
        (_remove("psihash.db"), "store", "psihash.db is missing"),
        (_write("psihash.db", "not a database" * 100), "store", "store"),
        (_remove("passphrase"), "keys", "no-passphrase"),
        (_write("passphrase", "another passphrase\n"), "keys", "wrong-passphrase"),
        (_wrong_key_box, "keys", "sealed-broken"),
        (_write("certificates/tls.pem", "x"), "certificate", "cert-malformed"),
        (_tampered_log, "log", "entry-changed"),
        (lambda home: (home / "passphrase").chmod(0o640), "files", "passphrase can be read"),
        (lambda home: (home / "keys/ca.key").chmod(0o604), "files", "ca.key can be read"),
    ],
)
def test_each_damage_is_named(
    damage: Callable[[Path], None], subject: str, part: str, home: Path
) -> None:
    damage(home)
    finding = found(home, subject)
    assert finding.level == health.ERROR
    assert part in finding.message


def test_a_lost_store_is_not_replaced_by_an_empty_one(home: Path) -> None:
    (home / "psihash.db").unlink()
    health.doctor(home, None)
    assert not (home / "psihash.db").exists()


def test_the_authority_key_may_be_kept_elsewhere(home: Path) -> None:
    (home / files.CA_KEY).unlink()
    finding = found(home, "authority key")
    assert finding.level == health.OK
    assert "kept off this machine" in finding.message


def test_a_part_that_fails_in_an_unknown_way_is_a_finding_too(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_node: object) -> None:
        raise TypeError("d41d8cd98f00b204e9800998ecf8427e")

    monkeypatch.setattr(auditing, "verify", fail)
    node = opening.open_node(home)
    node.log.checkpoint()
    node.close()
    finding = found(home, "log")
    assert (finding.level, finding.message) == (
        health.ERROR,
        "it could not be examined: TypeError",
    )


@pytest.mark.parametrize(
    ("days", "subject", "level", "part"),
    [
        (75, "certificate", health.WARNING, "ends in 14 days"),
        (100, "certificate", health.ERROR, "cert-expired"),
        (-1, "certificate", health.ERROR, "cert-not-yet-valid"),
        (-1, "clock", health.ERROR, "the log has an entry of"),
        (-4000, "clock", health.ERROR, "the machine says"),
    ],
)
def test_time_is_examined(
    days: int, subject: str, level: str, part: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    monkeypatch.setattr(clock.SystemClock, "now", lambda _self: moment)
    finding = found(home, subject)
    assert finding.level == level
    assert part in finding.message


@contextmanager
def tls_server(shown: Path, endpoint: str) -> Iterator[None]:
    """Answers TLS on ``endpoint`` with the certificate of the home ``shown``."""
    node = opening.open_node(shown)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    pem = shown / "server.pem"
    pem.write_bytes(node.keys.tls_pem() + node.tls_pem)
    context.load_cert_chain(pem)
    node.close()
    listening = socket.create_server(split_endpoint(endpoint))

    def answer() -> None:
        while True:
            try:
                raw, _ = listening.accept()
            except OSError:
                return
            with raw:
                try:
                    with context.wrap_socket(raw, server_side=True) as tls:
                        tls.sendall(
                            b"\0"
                        )  # a server that refuses the client says nothing but an alert
                        tls.recv(1)
                except OSError:
                    pass

    worker = threading.Thread(target=answer)
    worker.start()
    try:
        yield
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        worker.join()


def test_a_peer_that_answers_is_told_from_an_impostor(
    home: Path, prepared: tuple[Home, Home], tmp_path: Path
) -> None:
    endpoint = prepared[1].json("status")["endpoint"]
    with tls_server(prepared[1].copied(tmp_path / "de").path, endpoint):
        finding = found(home, "peer de-bka")
    assert finding.level == health.OK
    assert f"answers at {endpoint}" in finding.message
    with tls_server(prepared[0].copied(tmp_path / "nl").path, endpoint):
        finding = found(home, "peer de-bka")
    assert finding.level == health.WARNING
    assert "cert-wrong-agency" in finding.message


def test_a_taken_port_is_told_from_our_own_server(home: Path, tmp_path: Path) -> None:
    node = opening.open_node(home)
    listen = node.settings.listen
    node.close()
    with tls_server(home, listen):
        assert "of this agency answers" in found(home, "listen").message
    with socket.create_server(split_endpoint(listen)) as other:
        threading.Thread(target=lambda: other.accept()[0].close()).start()
        finding = found(home, "listen")
    assert finding.level == health.ERROR
    assert "cannot be bound" in finding.message


def test_peers_that_are_sent_to_another_port_are_noticed(home: Path) -> None:
    config = home / "psihash.toml"
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    lines = [line for line in config.read_text("utf-8").splitlines() if "listen" not in line]
    config.write_text("\n".join([f'listen = "{listen}"', *lines, ""]), "utf-8")
    assert found(home, "listen").level == health.OK
    finding = found(home, "endpoint")
    assert finding.level == health.WARNING
    assert listen in finding.message


@pytest.mark.skipif(not NATIVE, reason="psihash-native is not built here")
def test_the_fast_group_is_named_with_its_kernel(home: Path) -> None:
    import psihash_native

    finding = found(home, "group")
    line = f"ristretto255 by native ({psihash_native.kernel()})"
    assert (finding.level, finding.message, finding.hint) == (health.OK, line, "")
    node = opening.open_node(home)
    assert health.status(node)["group_backend"] == line
    assert checks.slow_group(node) == ""
    node.close()


def test_libsodium_is_named_with_the_way_to_the_fast_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSIHASH_GROUP", "sodium")
    finding = found(home, "group")
    assert finding.level == health.WARNING
    assert "by libsodium: correct, and many times slower" in finding.message
    assert "build psihash-native" in finding.hint
    node = opening.open_node(home)
    for line in (health.status(node)["group_backend"], checks.slow_group(node)):
        assert line == f"{finding.message}; {finding.hint}"
    node.close()


@pytest.mark.skipif(not NATIVE, reason="psihash-native is not built here")
@pytest.mark.parametrize(
    ("variable", "part"), [("PSIHASH_KERNEL", "names a kernel"), ("PSIHASH_GROUP", "known: native")]
)
def test_a_group_that_is_not_there_is_never_replaced(home: Path, variable: str, part: str) -> None:
    """In a process of its own: a kernel is chosen once."""
    code = (
        "import sys; from pathlib import Path; from psihash.node.home import health, opening;"
        "home = Path(sys.argv[1]); node = opening.open_node(home);"
        "print(health.status(node)['group_backend']); node.close();"
        "found = [f for f in health.doctor(home, None) if f.subject == 'group'];"
        "print(*(f'{each.level} {each.message}' for each in found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)],
        env={**os.environ, variable: "abacus"},
        capture_output=True,
        text=True,
        check=True,
    )
    status, doctor = done.stdout.splitlines()
    assert status.startswith("none: ")
    assert part in status
    assert doctor == f"warning {status}"


def test_status_needs_no_key(home: Path) -> None:
    (home / "passphrase").unlink()
    node = opening.open_node(home)
    shown = health.status(node)
    node.close()
    assert shown["agency"] == "nl-police"
    assert shown["peers"] == {"active": 1}
    assert shown["log"] == {
        "origin": "psihash/log/nl-police",
        "entries": 2,
        "signed_entries": 1,
        "checkpoints": 1,
    }
    assert set(shown) >= {"engines", "engines_missing", "group_backend", "store", "exclusions"}


def test_renewing_makes_a_sound_node_with_another_key(home: Path) -> None:
    node = opening.open_node(home)
    old_leaf, old_tls = node.leaf, node.keys.tls_pem()
    renewed = renewal.renew(node, None, endpoint="")
    node.close()
    node = opening.open_node(home)
    assert node.leaf != old_leaf
    assert node.keys.tls_pem() != old_tls
    assert verify_leaf(node.tls_pem, node.card.ca_pem, node.agency, node.now())
    assert (node.card.version, node.card.endpoint) == (2, None)
    assert renewed.peers_to_tell == ["de-bka"]
    (waiting,) = node.stores.outbox.waiting("de-bka")
    assert (waiting.kind, waiting.body) == ("card", node.card.encoded)
    node.close()
    assert found(home, "certificate").level == health.OK


def test_renewing_needs_the_authority_key_and_changes_nothing_without_it(home: Path) -> None:
    away = home.parent / "away"
    shutil.move(home / files.CA_KEY, away)
    before = (home / files.TLS_CERTIFICATE).read_bytes()
    node = opening.open_node(home)
    with pytest.raises(errors.NotFoundError) as caught:
        renewal.renew(node, None)
    assert caught.value.code == "ca-key-away"
    node.close()
    assert (home / files.TLS_CERTIFICATE).read_bytes() == before


def test_a_renewal_that_was_cut_off_is_named_and_healed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = opening.open_node(home)
    real = files.write

    def cut(home: Path, name: str, data: bytes, *, secret: bool = True) -> Path:
        if name == files.TLS_CERTIFICATE:
            raise errors.StorageError(files.HOME_UNWRITABLE, "the power failed")
        return real(home, name, data, secret=secret)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", cut)
        with pytest.raises(errors.StorageError):
            renewal.renew(node, None)
    node.close()
    finding = found(home, "certificate")
    assert (finding.level, finding.hint) == (health.ERROR, "run `psihash renew`")
    node = opening.open_node(home)
    renewal.renew(node, None)
    node.close()
    assert found(home, "certificate").level == health.OK


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_key_that_cannot_be_read_is_named(home: Path) -> None:
    (home / files.SIGNING_KEY).chmod(0)
    assert found(home, "keys").level == health.ERROR


def test_status_shows_what_runs_and_not_what_died(home: Path) -> None:
    node = opening.open_node(home)
    assert health.status(node)["running"] == []
    lease = leasing.acquire(node, leasing.SERVE)
    assert health.status(node)["running"] == ["serving"]
    node.stores.leases.release(lease)
    assert health.status(node)["running"] == []
    now = node.now()
    until = clock.seconds(now + dt.timedelta(minutes=5))
    gone = f"{socket.gethostname()}:{2**22 + 5}:x"
    assert node.stores.leases.acquire(leasing.SERVE, gone, clock.seconds(now), until)
    assert health.status(node)["running"] == []
    with_peer = leasing.pair("de-bka")
    assert node.stores.leases.acquire(with_peer, "another-host:1:x", clock.seconds(now), until)
    assert health.status(node)["running"] == ["session with de-bka"]
    node.close()
