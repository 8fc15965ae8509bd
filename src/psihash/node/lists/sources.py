"""The files of an import: recognised by their content, then hashed while they are read.

A file is read from beginning to end, so a pipe will do (``<(zcat list.gz)``), except for NSRL
RDSv3, which is a database.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from psihash import errors
from psihash.hashset import formats
from psihash.hashset.formats import SNIFF_BYTES
from psihash.hashset.formats.delimited import Delimited
from psihash.hashset.formats.text import head_text
from psihash.hashset.model import Refusal, Row

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CANNOT_READ_LIST = errors.define("cannot-read-list", "a list's file cannot be read")

AUTO: Final = "auto"
"""As a format: look at the content."""

OnProgress = Callable[[int, int], None]
"""Told (bytes read, bytes in all); the second is 0 where a size is not known."""

_BLOCK: Final = 1 << 20
_RDSV3: Final = "nsrl-rdsv3"


class Meter:
    """How much was read, over all files of an import."""

    def __init__(self, total: int, progress: OnProgress | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def count(self, size: int) -> None:
        self._done += size
        if self._progress is not None:
            self._progress(self._done, self._total)


class Source:
    """One file of an import."""

    def __init__(self, path: Path, fmt: str) -> None:
        # A file name may hold bytes that are no text; what is shown and logged must be.
        self.name = path.name.encode("utf-8", "replace").decode()
        self._path = path
        self._waiting: tuple[BinaryIO, bytes] | None = None
        self.size = 0
        """Bytes of a regular file; 0 for a pipe."""
        self.bytes_read = 0
        self._format = self._recognise(fmt)

    @property
    def format(self) -> str:
        return self._format.name

    def rows(self, sha256: Any, meter: Meter) -> Iterator[Row | Refusal]:
        """All rows; the file's bytes go to ``sha256``, a hashlib object. Once only.

        Raises InputError where the content is not a list after all.
        """
        try:
            with self._taken() as (stream, head):
                counted = _Counted(stream, head, self._counter(sha256, meter))
                buffered = io.BufferedReader(counted, SNIFF_BYTES)
                yield from self._parsed(buffered)
                # A reader may stop before the end; the hash is over the whole file.
                while buffered.read(_BLOCK):
                    pass
        except OSError as fault:
            raise _unreadable(self._path, fault.strerror or "read error") from None
        except errors.InputError as refused:
            raise _named(self.name, refused) from None

    def close(self) -> None:
        """Let go of a pipe that was not read."""
        if self._waiting is not None:
            self._waiting[0].close()
            self._waiting = None

    def _parsed(self, stream: BinaryIO) -> Iterator[Row | Refusal]:
        if self.format != _RDSV3:
            return self._format.read(stream)
        from psihash.storage import rdsv3

        return rdsv3.read(self._path)

    def _counter(self, sha256: Any, meter: Meter) -> Callable[[bytes], None]:
        def count(block: bytes) -> None:
            sha256.update(block)
            self.bytes_read += len(block)
            meter.count(len(block))

        return count

    def _recognise(self, fmt: str) -> formats.Format:
        """Look at the beginning. A regular file is closed again, so that any number will do."""
        head = b""
        try:
            if self._path.is_dir():
                raise _unreadable(self._path, "it is a directory; name the files in it")
            stream: BinaryIO = self._path.open("rb")
            try:
                head = stream.read(SNIFF_BYTES)
                found = formats.by_name(fmt) if fmt != AUTO else formats.sniff(head)
                _try(found, head)
            except BaseException:
                stream.close()
                raise
        except OSError as fault:
            raise _unreadable(self._path, fault.strerror or "read error") from None
        except errors.InputError as refused:
            raise _named(self.name, _without_vain_hint(refused, head)) from None
        if self._path.is_file():
            self.size = self._path.stat().st_size
            stream.close()
        else:
            self._waiting = stream, head
        return found

    @contextmanager
    def _taken(self) -> Iterator[tuple[BinaryIO, bytes]]:
        if self._waiting is None:
            with self._path.open("rb") as file:
                yield file, b""
            return
        (pipe, head), self._waiting = self._waiting, None
        with pipe:
            yield pipe, head


class _Counted(io.RawIOBase):
    """Bytes that were read before, then the rest of the stream; every byte is counted once."""

    def __init__(self, stream: BinaryIO, head: bytes, count: Callable[[bytes], None]) -> None:
        super().__init__()
        self._stream, self._head, self._count = stream, head, count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        block = self._head[: len(view)] or self._stream.read(len(view))
        self._head = self._head[len(block) :]
        view[: len(block)] = block
        if block:
            self._count(block)
        return len(block)


@contextmanager
def recognised(paths: Sequence[Path], fmt: str) -> Iterator[list[Source]]:
    """Recognise all files; where some cannot be used, all of these are named at once.

    Raises InputError ``cannot-read-list``, ``unknown-format`` or ``not-a-list``.
    """
    with ExitStack() as stack:
        sources, refused = list[Source](), list[errors.InputError]()
        for path in paths:
            try:
                source = Source(path, fmt)
            except errors.InputError as fault:
                refused.append(fault)
                continue
            stack.callback(source.close)
            sources.append(source)
        if refused:
            raise _together(refused, len(paths))
        yield sources


def _together(refused: Sequence[errors.InputError], files: int) -> errors.InputError:
    """One error for all files that cannot be used, with the code of the first."""
    first = refused[0]
    if len(refused) == 1:
        return first
    why = "; ".join(each.message for each in refused)
    hint = "leave these out: the others can be read" if len(refused) < files else first.hint
    return errors.InputError(
        first.code, f"{len(refused):,} of {files:,} files cannot be used: {why}", hint=hint
    )


def _try(found: formats.Format, head: bytes) -> None:
    """Read the beginning, or all of a small file: what is no list is refused before any other
    file of the import changes anything.

    Raises InputError ``not-a-list``, and for a small file ``truncated-list``.
    """
    if found.name == _RDSV3:
        return
    complete = len(head) < SNIFF_BYTES
    try:
        for _ in found.read(io.BytesIO(head)):
            if not complete:
                return
    except errors.InputError:
        # The cut, not the list, may be the fault of a beginning; only a header is known to be bad.
        if complete or isinstance(found, Delimited):
            raise


def new_hash() -> Any:
    """A SHA-256 to pass to :meth:`Source.rows`: one per file, or one over several in a row."""
    return hashlib.sha256()


def _without_vain_hint(refused: errors.InputError, head: bytes) -> errors.InputError:
    """Stating a format helps with a text that was not recognised, and with nothing else."""
    text = head_text(head)
    odd = sum(not (char.isprintable() or char.isspace()) for char in text)
    if refused.code != formats.UNKNOWN_FORMAT or (text.strip() and odd * 10 <= len(text)):
        return refused
    hint = "see `psihash formats` for what can be read"
    return errors.InputError(refused.code, refused.message, hint=hint)


def _named(name: str, refused: errors.InputError) -> errors.InputError:
    """The readers know no file names."""
    if refused.code == CANNOT_READ_LIST or refused.message.startswith(name):
        return refused
    return errors.InputError(refused.code, f"{name}: {refused.message}", hint=refused.hint)


def _unreadable(path: Path, why: str) -> errors.InputError:
    return errors.InputError(CANNOT_READ_LIST, f"{path} cannot be read: {why}")
