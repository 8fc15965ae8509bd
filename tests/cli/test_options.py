"""Several values after one option, in every spelling."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from psihash_client.options import Command, ManyOption, _spread, algorithms

from psihash import errors
from psihash.terms import AlgorithmId

NAMES = st.lists(st.from_regex(r"[A-Za-z0-9 ._é]{1,8}", fullmatch=True), min_size=1, max_size=5)


@click.command(cls=Command)
@click.argument("id_", metavar="ID")
@click.option("--collection", "-c", "names", cls=ManyOption, required=True)
@click.option("--case", default="")
@click.option("--flag", is_flag=True)
def sample(id_: str, names: tuple[str, ...], case: str, flag: bool) -> None:
    """A command with such an option."""
    click.echo(json.dumps([id_, list(names), case, flag]))


def parsed(*words: str) -> list[object]:
    result = CliRunner().invoke(sample, list(words))
    assert result.exit_code == 0, result.output
    value: list[object] = json.loads(result.stdout)
    return value


@given(NAMES)
def test_all_spellings_mean_the_same(names: list[str]) -> None:
    wanted = ["ID", names, "", False]
    repeated = [word for name in names for word in ("--collection", name)]
    equals = [f"--collection={name}" for name in names]
    short = [word for name in names for word in ("-c", name)]
    for words in (["--collection", *names], repeated, equals, short, ["-c", *names]):
        assert parsed("ID", *words) == wanted


@given(NAMES, NAMES)
def test_an_option_ends_the_list_of_values(first: list[str], second: list[str]) -> None:
    words = ["ID", "--collection", *first, "--case", "X", "-c", *second, "--flag"]
    assert parsed(*words) == ["ID", first + second, "X", True]


def test_the_argument_may_follow_another_option() -> None:
    assert parsed("--collection", "A", "B", "--case", "X", "ID") == ["ID", ["A", "B"], "X", False]
    assert parsed("--collection=A", "ID") == ["ID", ["A"], "", False]
    assert parsed("--collection", "A", "--", "ID") == ["ID", ["A"], "", False]


def test_an_argument_that_was_taken_for_a_name_is_explained() -> None:
    result = CliRunner().invoke(sample, ["--collection", "A", "ID"])
    assert result.exit_code == 2
    assert "in front of --collection" in result.output


def test_an_option_without_a_value_is_refused() -> None:
    for words in (["ID", "--collection"], ["ID", "--collection", "--flag"], ["ID"]):
        assert CliRunner().invoke(sample, words).exit_code == 2


@given(st.lists(st.text(max_size=5)))
def test_without_such_an_option_nothing_changes(words: list[str]) -> None:
    assert _spread(words, []) == (words, False)


CONTEXT = click.Context(sample)
PARAMETER = sample.params[0]


@pytest.mark.parametrize(
    "values",
    [("md5", "sha1"), ("md5,sha1",), ("MD5, SHA-1",), ("Md5", "sha_1,", "md5"), (",md5", "SHA 1")],
)
def test_algorithms_in_any_spelling(values: tuple[str, ...]) -> None:
    assert algorithms(CONTEXT, PARAMETER, values) == (AlgorithmId.MD5, AlgorithmId.SHA1)


def test_an_unknown_algorithm_is_refused_by_name() -> None:
    with pytest.raises(errors.InputError) as caught:
        algorithms(CONTEXT, PARAMETER, ("md5,photodna",))
    assert caught.value.code == "bad-term"
