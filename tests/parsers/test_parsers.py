"""Every parser, whatever the bytes: a value or a PsihashError, in bounded memory and time."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import given, settings

from tests.parsers.mutations import hostile, large
from tests.parsers.parser import Parser, judge
from tests.parsers.table import PARSERS

EXAMPLES = {"slow": 8, "quick": 25}
EXAMPLES_IN_SOAK = {"slow": 500, "quick": 2_000}
LARGE, LARGE_FILE = 256 * 1024, 16 * 1024
LARGE_IN_SOAK = 1024 * 1024
"""A whole session message; the transport hands no parser more at once."""
MOST_SECONDS = 20.0
"""Of processor time for a large input, while every allocation is traced; usual is under one."""

every_parser = pytest.mark.parametrize("parser", PARSERS, ids=repr)


@pytest.fixture(scope="module", autouse=True)
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def try_examples(parser: Parser, count: int) -> None:
    originals = parser.valid()

    @settings(max_examples=count)
    @given(data=hostile(originals))
    def check(data: bytes) -> None:
        judge(parser, data)

    check()


@every_parser
def test_what_is_mutated_is_a_real_input(parser: Parser) -> None:
    for data in parser.valid():
        refused = judge(parser, data)
        assert refused is None or not parser.accepts, refused


@every_parser
def test_hostile_bytes_give_a_value_or_an_error_of_ours(parser: Parser) -> None:
    try_examples(parser, EXAMPLES["slow" if parser.slow else "quick"])


@pytest.mark.soak
@every_parser
def test_many_hostile_bytes(parser: Parser) -> None:
    try_examples(parser, EXAMPLES_IN_SOAK["slow" if parser.slow else "quick"])


def try_large(parser: Parser, size: int, step: int = 1) -> None:
    for name, data in islice(large(parser.valid()[0], size), 0, None, step):
        start = time.process_time()
        judge(parser, data)
        assert time.process_time() - start < MOST_SECONDS, name


@every_parser
def test_a_large_input_costs_little_memory_and_time(parser: Parser) -> None:
    step = 4 if parser.slow else 2 if parser.streams else 1
    try_large(parser, LARGE_FILE if parser.streams else LARGE, step)


@pytest.mark.soak
@every_parser
def test_a_megabyte_does_too(parser: Parser) -> None:
    try_large(parser, LARGE_IN_SOAK)
