"""What holds for every export format."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given

from psihash import errors
from psihash.export import EXPORTERS, write
from psihash.session.result import SessionResult
from psihash.terms import Rung
from psihash.testing import results
from psihash.testing.results import any_result


def exported(result: SessionResult, fmt: str) -> bytes:
    stream = io.BytesIO()
    report = write(result, fmt, stream)
    assert report.format == fmt
    assert report.written_bytes == len(stream.getvalue())
    return stream.getvalue()


@pytest.mark.parametrize("fmt", EXPORTERS)
def test_nothing_matched_is_a_whole_file(fmt: str) -> None:
    assert exported(results.result(), fmt).endswith(b"\n")


@pytest.mark.parametrize("fmt", EXPORTERS)
@given(result=any_result)
def test_same_result_same_bytes_in_valid_utf8(fmt: str, result: SessionResult) -> None:
    data = exported(result, fmt)
    data.decode("utf-8")
    assert exported(result, fmt) == data


@pytest.mark.parametrize("rung", [Rung.COUNT, Rung.SERIES])
def test_vics_below_items_is_refused_before_a_byte(rung: Rung) -> None:
    stream = io.BytesIO()
    with pytest.raises(errors.RefusedError) as caught:
        write(results.result(rung=rung), "vics", stream)
    assert caught.value.code == "export-needs-items"
    assert stream.getvalue() == b""


def test_unknown_format_is_named_and_nothing_written() -> None:
    stream = io.BytesIO()
    with pytest.raises(errors.InputError) as caught:
        write(results.result(), "xlsx", stream)
    assert caught.value.code == "export-unknown-format"
    assert "csv, json, vics" in caught.value.message
    assert stream.getvalue() == b""


@pytest.mark.parametrize("fmt", EXPORTERS)
def test_a_full_disk_is_heard_of(fmt: str) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            if self.tell() > 300:
                raise OSError(28, "No space left on device")
            return super().write(data)

    items = tuple(results.item(number) for number in range(50))
    with pytest.raises(OSError, match="No space"):
        write(results.result(items=items), fmt, Full())


@pytest.mark.parametrize("fmt", EXPORTERS)
def test_many_items_are_streamed(fmt: str) -> None:
    """No single write may carry more than one item: memory stays bounded whatever the result."""
    sizes: list[int] = []

    class Watch(io.BytesIO):
        def write(self, data: Any, /) -> int:
            sizes.append(len(data))
            return super().write(data)

    items = tuple(results.item(number) for number in range(2_000))
    assert write(results.result(items=items), fmt, Watch()).records == 2_000
    assert max(sizes) < 2_000


def test_every_exporter_says_what_it_is() -> None:
    for name, exporter in EXPORTERS.items():
        assert exporter.name == name
        assert exporter.title
        assert exporter.suffix.startswith(".")
        assert "/" in exporter.media_type
