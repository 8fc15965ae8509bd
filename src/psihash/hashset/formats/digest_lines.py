"""Lists without a header: a digest a line, alone, before a file name, or after ``MD5 (name) =``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from psihash.hashset.digests import BY_HEX_DIGITS, digest_or_reason
from psihash.hashset.formats import fields, names
from psihash.hashset.formats.text import head_lines, lines
from psihash.hashset.model import Digest, Reason, Refusal, Row

_SAMPLE: Final = 200
"""Lines looked at to recognise a list."""

_MAX_TOKEN: Final = 512


@dataclass(frozen=True, slots=True)
class DigestLines:
    """A format in which every line stands for itself."""

    name: str
    title: str
    suffixes: tuple[str, ...]
    example: str
    confidence: int
    row: Callable[[str, int], Row | Refusal]
    """From a line (not blank, no comment) and its number."""
    is_own: Callable[[str], bool]
    """Whether a line has the form that tells this format from its neighbours. Half of the lines
    must, and one must be a good row: bad digests are no reason to refuse a list."""

    def sniff(self, head: bytes) -> int:
        sample = [line for line in head_lines(head) if not _is_no_row(line)][:_SAMPLE]
        if sum(map(self.is_own, sample)) * 2 < len(sample):
            return 0
        return self.confidence if any(isinstance(self.row(line, 1), Row) for line in sample) else 0

    def read(self, stream: BinaryIO) -> Iterator[Row | Refusal]:
        row = self.row
        for first, texts, refused in lines(stream):
            if refused:
                yield Refusal(refused, first)
                continue
            for line, text in enumerate(texts, first):
                if not _is_no_row(text):
                    yield row(text, line)


def _is_no_row(text: str) -> bool:
    return not text or text[0] == "#" or text.isspace()


def _single(text: str, line: int, size: int | None = None) -> Row | Refusal:
    result = digest_or_reason(text, None)
    if isinstance(result, Digest):
        return Row((result,), None, (), None, size)
    return Refusal(result, line)


# One digest a line ----------------------------------------------------------------------------

_HEX_DIGIT: Final = re.compile(r"[0-9A-Fa-f]")
_AFTER_TOKEN: Final = re.compile(r"[\s,;|]+")


def _plain_row(text: str, line: int) -> Row | Refusal:
    if len(text) in BY_HEX_DIGITS:
        return _single(text, line)
    text = text.strip()
    parts = _AFTER_TOKEN.split(text[:_MAX_TOKEN], maxsplit=1)
    row = _single(parts[0], line)
    if isinstance(row, Row) or len(parts) == 1 or len(parts[0]) > len("0xd41d8cd9"):
        return row
    # The digest itself may be spaced: d4 1d 8c ...
    spaced = _single(text, line)
    return spaced if isinstance(spaced, Row) else row


def _is_plain(text: str) -> bool:
    if has_several_digests(text):
        return False
    token = _AFTER_TOKEN.split(text.strip()[:_MAX_TOKEN], maxsplit=1)[0]
    return isinstance(_plain_row(text, 1), Row) or _looks_like_digest(token)


def _looks_like_digest(token: str) -> bool:
    """Whether a word is a digest, perhaps a damaged one."""
    if isinstance(digest_or_reason(token, None), Digest):
        return True
    return 24 <= len(token) <= 136 and len(_HEX_DIGIT.findall(token)) * 5 >= len(token) * 4


def has_several_digests(text: str) -> bool:
    """Whether a line holds digests of several algorithms, so that a header must say which is
    whose: a file may be called by another file's digest."""
    parts = [part.strip(" \"'") for part in re.split(r"[,;\t|]", text[:4096])]
    found = [digest_or_reason(part, None) for part in parts]
    return len({digest.algorithm for digest in found if isinstance(digest, Digest)}) > 1


PLAIN: Final = DigestLines(
    name="plain",
    title="one digest a line",
    suffixes=(".txt", ".md5", ".sha1", ".sha256"),
    example=(
        "# exported on request\n"
        "81dc9bdb52d04dc20036dbd8313ed055\n"
        "7110eda4d09e062aa5e4a390b0a572ac0d2c0220\n"
        "D93591BDF7860E1E4EE2FCA799911215, a.jpg\n"
    ),
    confidence=40,
    row=_plain_row,
    is_own=_is_plain,
)


# md5deep, md5sum ------------------------------------------------------------------------------

# A size may stand first; the name follows two blanks, a blank and a star, or a comma. A backslash
# before the digest says that the name is escaped (coreutils).
_MD5DEEP: Final = re.compile(
    r"\\?(?:[ ]*([0-9]{1,19})(?:[ ]{1,2}|,))?([^\s,]{1,512})(?:[ ][ *?^UT]?|,|\t).+",
    re.DOTALL,
)
_DIGEST_ALONE: Final = re.compile(r"\\?(?:[ ]*([0-9]{1,19})(?:[ ]{1,2}|,))?([^\s,]{1,512})\s*")


def _md5deep_row(text: str, line: int) -> Row | Refusal:
    match = _MD5DEEP.fullmatch(text) or _DIGEST_ALONE.fullmatch(text)
    if not match:
        return _plain_row(text, line)
    size, digest = match.groups()
    return _single(digest, line, fields.size(size))


def _is_md5deep(text: str) -> bool:
    match = _MD5DEEP.fullmatch(text)
    return bool(match and _looks_like_digest(match[2]) and not has_several_digests(text))


MD5DEEP: Final = DigestLines(
    name="md5deep",
    title="md5deep, md5sum, sha1sum, sha256sum and their relatives, with or without sizes",
    suffixes=(".txt", ".md5", ".sha1", ".sha256"),
    example=(
        "81dc9bdb52d04dc20036dbd8313ed055  /a, b.jpg\n"
        "7110eda4d09e062aa5e4a390b0a572ac0d2c0220 *c.jpg\n"
        "        17  d93591bdf7860e1e4ee2fca799911215  /d.jpg\n"
    ),
    confidence=50,
    row=_md5deep_row,
    is_own=_is_md5deep,
)


# BSD and OpenSSL ------------------------------------------------------------------------------

_BSD: Final = re.compile(r"\\?([A-Za-z0-9/_-]{2,16}) ?\(.*\) ?= ?([^\s]{1,512})\s*", re.DOTALL)


def _bsd_row(text: str, line: int) -> Row | Refusal:
    match = _BSD.fullmatch(text)
    if not match:
        return Refusal(Reason.BAD_RECORD, line)
    algorithm = names.algorithm_of(match[1])
    if algorithm is None:
        return Refusal(Reason.UNKNOWN_ALGORITHM, line)
    result = digest_or_reason(match[2], algorithm)
    if isinstance(result, Digest):
        return Row((result,))
    return Refusal(Reason.NO_DIGEST if fields.is_absent(match[2]) else result, line)


def _is_bsd(text: str) -> bool:
    match = _BSD.fullmatch(text)
    return bool(match and (names.algorithm_of(match[1]) or names.other_kind(match[1])))


BSD: Final = DigestLines(
    name="bsd",
    title="BSD md5 and sha256, md5sum --tag, openssl dgst",
    suffixes=(".txt",),
    example=(
        "MD5 (a (1).jpg) = 81dc9bdb52d04dc20036dbd8313ed055\n"
        "SHA1(b.jpg)= 7110eda4d09e062aa5e4a390b0a572ac0d2c0220\n"
        "MD5 (c.jpg) = d93591bdf7860e1e4ee2fca799911215\n"
    ),
    confidence=80,
    row=_bsd_row,
    is_own=_is_bsd,
)
