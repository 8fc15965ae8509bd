"""The settings file: what it may say."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from psihash import errors
from psihash.node.home import settings
from psihash.node.home.settings import Settings


def load(folder: Path, *lines: str) -> Settings:
    (folder / "psihash.toml").write_text("\n".join(['agency = "nl-police"', *lines, ""]), "utf-8")
    return settings.load(folder)


def test_every_default_may_be_written_down(tmp_path: Path) -> None:
    usual = Settings(agency="nl-police")
    lines = []
    for each in fields(Settings):
        value = getattr(usual, each.name)
        if each.name != "agency" and value is not None:
            lines.append(f"{each.name} = {value!r}".replace("'", '"'))
    assert load(tmp_path, *lines) == usual


@pytest.mark.parametrize("said", ["over_match_share = nan", "central_cosigners = -1"])
def test_a_number_that_means_nothing_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(errors.InputError) as caught:
        load(tmp_path, said)
    assert caught.value.code == "bad-settings"
