"""``psihash console`` as a process of its own: it starts, answers, and ends when told to."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from playwright.sync_api import Browser, expect

from psihash.agreement.roster import OperatorRole
from psihash.node.home import opening
from psihash.node.people import operators
from tests.console.test_guard import certificate
from tests.node import crew
from tests.pages import site
from tests.pages.conftest import HOST
from tests.pages.hands import log_in

pytestmark = pytest.mark.two_process


def made(home: Path) -> Path:
    """A home with an operator; its keys are as strong as a real process wants them."""
    opening.create(home, opening.NewHome("nl-police", "Police", "NL"))
    node = opening.open_node(home)
    operators.add(node, "ada", [OperatorRole.ADMIN], crew.password("ada"))
    node.close()
    return home


@contextlib.contextmanager
def running(home: Path, log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The console as a process; it ends when it is told to, in good order."""
    command = [sys.executable, "-m", "psihash_client.main", "--home", str(home), "console", *words]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stream, env=dict(os.environ)
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"The console has ended." in out


def test_it_starts_answers_and_ends(tmp_path: Path) -> None:
    port = site.free_port()
    listen = f"127.0.0.1:{port}"
    words = ["--listen", listen, "--log-format", "json"]
    log, home = tmp_path / "log", made(tmp_path / "home")
    with running(home, log, *words) as process:
        assert _first_answer(port) == 200
        # Another console on the same port says so at once.
        second = subprocess.run(process.args, capture_output=True, timeout=60, check=False)
        assert second.returncode == 9
        assert b"cannot be listened on" in second.stderr
    said = log.read_text()
    assert f"the console is at http://{listen}/" in said
    assert "GET /login" in said


def test_for_other_desks_it_speaks_tls(tmp_path: Path, chromium: Browser) -> None:
    """On every address of the machine: TLS 1.3 alone, under the certificate's name alone, and a
    person works over it."""
    port, home = site.free_port(), made(tmp_path / "home")
    tls = certificate(tmp_path / "tls", [x509.DNSName(HOST)])
    words = ["--listen", f"0.0.0.0:{port}"]
    words += ["--tls-certificate", str(tls.certificate), "--tls-key", str(tls.key)]
    with running(home, tmp_path / "log", *words):
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.load_verify_locations(tls.certificate)
        assert _asked(port, trust, HOST, f"{HOST}:{port}") == (200, "TLSv1.3")
        assert _asked(port, trust, HOST, f"127.0.0.1:{port}")[0] == 400
        with pytest.raises(ssl.SSLCertVerificationError):
            _asked(port, trust, "localhost", f"localhost:{port}")
        trust.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(OSError, match=r"(?i)version|reset|eof|alert"):
            _asked(port, trust, HOST, f"{HOST}:{port}")
        with pytest.raises((http.client.HTTPException, OSError)):
            _plain(port)
        _work_over(chromium, f"https://{HOST}:{port}")


LARGE = 128 * 2**20


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_a_large_upload_takes_no_memory(tmp_path: Path) -> None:
    port, home = site.free_port(), made(tmp_path / "home")
    with running(home, tmp_path / "log", "--listen", f"127.0.0.1:{port}") as process:
        assert _first_answer(port) == 200
        cookie = _log_in(port)
        _, page = _get(port, "/compare", cookie)
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
        assert found is not None
        before, names = _peak(process.pid), sorted(os.listdir(home))
        assert _upload(port, cookie, found[1]) in (400, 404, 422)
        assert _peak(process.pid) - before < 48 * 2**20
        assert sorted(os.listdir(home)) == names


def _log_in(port: int) -> str:
    fields = {"name": "ada", "password": crew.password("ada").decode()}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Sec-Fetch-Site": "same-origin",
    }
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as asked:
        asked.request("POST", "/login", urllib.parse.urlencode(fields), headers)
        answer = asked.getresponse()
        assert answer.status == 303
        return (answer.getheader("Set-Cookie") or "").partition(";")[0]


def _get(port: int, path: str, cookie: str) -> tuple[int, str]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as asked:
        asked.request("GET", path, headers={"Cookie": cookie})
        answer = asked.getresponse()
        return answer.status, answer.read().decode()


def _upload(port: int, cookie: str, csrf: str) -> int:
    field = 'Content-Disposition: form-data; name="{}"{}\r\n\r\n'
    head = "".join(
        f"--x\r\n{field.format(name, '')}{value}\r\n"
        for name, value in (("csrf", csrf), ("peer", "be-police"))
    )
    head += "--x\r\n" + field.format("bundle", '; filename="b"')
    tail, piece = b"\r\n--x--\r\n", b"0123456789abcdef" * 4096
    headers = {
        "Cookie": cookie,
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(len(head) + LARGE + len(tail)),
    }

    def body() -> Iterator[bytes]:
        yield head.encode()
        for _ in range(LARGE // len(piece)):
            yield piece
        yield tail

    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as asked:
        asked.request("POST", "/compare", body(), headers)
        return asked.getresponse().status


def _peak(pid: int) -> int:
    """The most memory that a process ever held, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def _work_over(chromium: Browser, url: str) -> None:
    # The certificate is checked above; the browser has no list of ours to trust.
    context = chromium.new_context(ignore_https_errors=True)
    page = context.new_page()
    answer = page.goto(url + "/login")
    assert answer is not None
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    log_in(page, "ada")
    (cookie,) = context.cookies()
    assert cookie["name"] == "__Host-psihash-console"
    assert cookie["secure"]
    page.goto(url + "/log")
    page.get_by_role("button", name="Verify the whole log now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("State of the log")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
    assert context.cookies() == []
    context.close()


def _asked(port: int, trust: ssl.SSLContext, name: str, host: str) -> tuple[int, str]:
    """(status, version of TLS) of one request."""
    deadline = time.monotonic() + 60
    while True:
        try:
            raw = socket.create_connection(("127.0.0.1", port), timeout=10)
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    with raw, trust.wrap_socket(raw, server_hostname=name) as secure:
        secure.sendall(f"GET /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        status = secure.recv(1024).split()[1]
        return int(status), str(secure.version())


def _plain(port: int) -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as asked:
        asked.request("GET", "/login")
        return asked.getresponse().status


def _first_answer(port: int) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return _plain(port)
        except OSError:
            time.sleep(0.1)
    raise AssertionError("it does not answer")
