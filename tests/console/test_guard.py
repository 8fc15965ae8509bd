"""What holds for every request: headers, hosts, methods, foreign forms, sizes, cookies."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psihash_server.console import app as console
from psihash_server.console import guard, place, visit
from starlette.testclient import TestClient

from psihash import errors
from tests.console.office import BASE, Office
from tests.node.crew import password

PATHS = ("/login", "/", "/static/console.css", "/nowhere", "/results", "/sessions/zz")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers(office: Office, path: str) -> None:
    for browser in (office.stranger(), office.browser("aud")):
        answer = browser.get(path)
        assert {name: answer.headers[name] for name in guard.HEADERS} == guard.HEADERS
        assert "server" not in answer.headers


def test_the_policy_loads_nothing_from_elsewhere() -> None:
    assert guard.HEADERS["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    assert guard.HEADERS["Referrer-Policy"] == "no-referrer"
    assert guard.HEADERS["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost:8844.x", ""]
)
def test_another_name_for_this_address_is_refused(office: Office, host: str) -> None:
    answer = office.stranger().client.get("/login", headers={"host": host})
    assert answer.status_code == 400
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["127.0.0.1:8844", "localhost:8844", "[::1]:8844"])
def test_the_names_of_loopback_are_taken(office: Office, host: str) -> None:
    assert office.stranger().client.get("/login", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(office: Office, method: str) -> None:
    assert office.stranger().client.request(method, "/login").status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
        {"sec-fetch-site": "", "origin": "null"},
        {"origin": "http://127.0.0.1:9999", "sec-fetch-site": ""},
    ],
)
def test_a_form_of_another_site_is_refused(office: Office, headers: dict[str, str]) -> None:
    browser = office.browser("aud")
    csrf = browser.csrf()
    del browser.client.headers["sec-fetch-site"]
    sent = {name: value for name, value in headers.items() if value}
    for path in ("/login", "/log/verify", "/logout"):
        answer = browser.client.post(path, data={"csrf": csrf}, headers=sent)
        assert answer.status_code == 403, path
    assert browser.get("/log").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"origin": BASE}, {"sec-fetch-site": "same-origin", "origin": "null"}]
)
def test_a_form_of_ours_is_taken(office: Office, headers: dict[str, str]) -> None:
    browser = office.browser("aud")
    csrf = browser.csrf()
    del browser.client.headers["sec-fetch-site"]
    answer = browser.client.post("/log/verify", data={"csrf": csrf}, headers=headers)
    assert answer.status_code == 303


def test_the_token_of_forms_does_not_give_the_log_in_away() -> None:
    token = bytes(range(32))
    made = visit.csrf_of(token)
    assert token.hex() not in made
    assert made != visit.csrf_of(bytes(32))


def test_large_bodies_are_refused(office: Office) -> None:
    browser = office.browser("aud")
    csrf = browser.csrf()
    large = "x" * (guard.MAX_FORM + 1)
    for client in (browser.client, office.stranger().client):
        for path in ("/login", "/log/verify"):
            assert client.post(path, data={"csrf": csrf, "pad": large}).status_code == 413

    def pieces() -> object:
        yield b"name=" + b"x" * guard.MAX_FORM
        yield b"x"

    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = browser.client.post("/login", content=pieces(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413
    answer = browser.client.post("/log/verify", content=pieces(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"--x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n" + b"v" * 99, b"\0" * 50],
)
def test_forms_that_are_none_are_answered(office: Office, body: bytes) -> None:
    browser = office.browser("aud")
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "\xff"):
        headers = {"content-type": kind.encode("latin-1")}
        for path in ("/login", "/log/verify", "/compare"):
            answer = browser.client.post(path, content=body, headers=headers)  # type: ignore[arg-type]
            assert answer.status_code in (400, 401, 403), (kind, path)


def test_an_upload_is_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_UPLOAD", 100_000)
    browser = office.browser("aud")
    csrf = browser.csrf()
    for size, status in ((200_000, 413), (50_000, 400)):
        files = {"bundle": ("b", b"x" * size)}
        answer = browser.client.post(
            "/compare", data={"csrf": csrf, "peer": "be-police"}, files=files
        )
        assert answer.status_code in (status, 422), size


def test_a_stranger_uploads_nothing(office: Office) -> None:
    read: list[int] = []

    def pieces() -> object:
        for _ in range(1000):
            read.append(1)
            yield b"x" * 65536

    answer = office.stranger().client.post("/compare", content=pieces())  # type: ignore[arg-type]
    assert answer.status_code == 401


def test_a_fault_of_ours_says_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "0123456789abcdef0123456789abcdef"

    def fail(*_: object) -> None:
        raise ValueError(secret)

    monkeypatch.setattr("psihash.node.oversight.log_state.state", fail)
    client = TestClient(office.app, base_url=BASE, raise_server_exceptions=False)
    client.headers["sec-fetch-site"] = "same-origin"
    client.post("/login", data={"name": "aud", "password": password("aud").decode()})
    with caplog.at_level("INFO"):
        answer = client.get("/log")
    assert answer.status_code == 500
    assert secret not in answer.text + str(answer.headers) + caplog.text
    assert "ValueError" in caplog.text
    assert answer.headers["content-security-policy"]


def test_the_cookie_is_for_this_host_alone(office: Office) -> None:
    answer = office.stranger().log_in("aud")
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("psihash-console=")
    for word in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert word.lower() in cookie.lower()
    assert "domain" not in cookie.lower()
    assert "expires" not in cookie.lower()


def certificate(folder: Path, names: list[x509.GeneralName]) -> place.Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "console")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(1))
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=True)
    signed = made.sign(key, hashes.SHA256())
    folder.mkdir(exist_ok=True)
    tls = place.Tls(folder / "tls.pem", folder / "tls.key")
    tls.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    tls.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return tls


def test_with_tls_the_cookie_is_secure_and_the_host_is_the_certificate_s(
    office: Office, tmp_path: Path
) -> None:
    tls = certificate(tmp_path / "tls", [x509.DNSName("Console.Police.example")])
    made = place.of("0.0.0.0:8844", tls)
    assert made.hosts == {"console.police.example:8844"}
    assert place.context(tls).minimum_version is ssl.TLSVersion.TLSv1_3
    app, _ = console.build(office.node, made)
    client = TestClient(app, base_url="https://console.police.example:8844", follow_redirects=False)
    client.headers["sec-fetch-site"] = "same-origin"
    answer = client.post("/login", data={"name": "aud", "password": password("aud").decode()})
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-psihash-console=")
    assert "secure" in cookie.lower()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert client.get("/log").status_code == 200
    assert client.get("/log", headers={"host": "0.0.0.0:8844"}).status_code == 400


@pytest.mark.parametrize("listen", ["0.0.0.0:8844", "192.0.2.1:80", "[::]:8844", "console:8844"])
def test_without_tls_only_loopback_is_listened_on(listen: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        place.of(listen, None)
    assert caught.value.code == "console-needs-tls"


@pytest.mark.parametrize("names", [[], [x509.DNSName("*.police.example")]])
def test_a_certificate_without_a_name_is_refused(
    tmp_path: Path, names: list[x509.GeneralName]
) -> None:
    with pytest.raises(errors.InputError) as caught:
        place.of("0.0.0.0:8844", certificate(tmp_path / "tls", names))
    assert caught.value.code == "console-certificate"
    with pytest.raises(errors.InputError):
        place.of("0.0.0.0:8844", place.Tls(tmp_path / "none", tmp_path / "none"))


def test_a_key_under_a_passphrase_is_refused_without_a_question(tmp_path: Path) -> None:
    tls = certificate(tmp_path / "tls", [x509.DNSName("console.police.example")])
    key = serialization.load_pem_private_key(tls.key.read_bytes(), None)
    sealed = serialization.BestAvailableEncryption(b"a passphrase")
    form = serialization.PrivateFormat.PKCS8
    tls.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, sealed))
    with pytest.raises(errors.InputError) as caught:
        place.context(tls)
    assert caught.value.code == "console-certificate"
