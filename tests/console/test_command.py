"""``psihash console``: what it refuses before it listens."""

from __future__ import annotations

from pathlib import Path

import pytest
from psihash_server.console import main as server
from psihash_server.console import place

from psihash import errors
from tests.cli.homes import Home
from tests.console.office import LISTEN, Office
from tests.session.nodes import NAMES, Homes


def test_without_operators_it_does_not_start(tmp_path: Path) -> None:
    homes = Homes.make(tmp_path / "homes")
    home = Home(homes.folder / NAMES[0], NAMES[0])
    code, exit_code, hint = home.error("console", "--listen", LISTEN)
    assert (code, exit_code) == ("no-operators", 4)
    assert "psihash operator add" in hint


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--listen", "0.0.0.0:8844"], "console-needs-tls"),
        (["--listen", "nowhere"], "bad-endpoint"),
        (["--tls-certificate", "x"], "usage"),
        (["--tls-certificate", "/no/file", "--tls-key", "/no/file"], "console-certificate"),
    ],
)
def test_addresses_that_cannot_be(office: Office, words: list[str], code: str) -> None:
    home = Home(office.node.home, NAMES[0])
    assert home.error("console", *words)[0] == code


def test_office_hours_are_read_before_it_listens(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    office.node.settings = replace(office.node.settings, office_hours="always")
    with pytest.raises(errors.InputError) as caught:
        server.serve(office.node, place.of(LISTEN, None))
    assert caught.value.code == "bad-settings"
