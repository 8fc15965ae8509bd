"""MISP warning lists (JSON with a ``list`` of digests), used as exclusion lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from psihash import errors
from psihash.hashset.digests import digest_or_reason
from psihash.hashset.formats.base import NOT_A_LIST
from psihash.hashset.formats.json_stream import events
from psihash.hashset.formats.text import head_text
from psihash.hashset.model import Digest, Reason, Refusal, Row

_LIST_KEY: Final = re.compile(r'"list"\s*:\s*\[')
_DIGEST: Final = re.compile(r'"[0-9A-Fa-f]{32,128}"')


class MispList:
    name = "misp-list"
    title = "MISP warning list JSON"
    suffixes = (".json",)
    example = """{"name": "Example", "description": "Benign files", "type": "string", "version": 1,
 "matching_attributes": ["md5", "sha1"],
 "list": ["81dc9bdb52d04dc20036dbd8313ed055", "7110eda4d09e062aa5e4a390b0a572ac0d2c0220",
  "d93591bdf7860e1e4ee2fca799911215"]}
"""

    def sniff(self, head: bytes) -> int:
        text = head_text(head).lstrip()
        is_list = text[:1] == "{" and _LIST_KEY.search(text) and _DIGEST.search(text)
        return 70 if is_list else 0

    def read(self, stream: BinaryIO) -> Iterator[Row | Refusal]:
        depth = number = 0
        key = ""
        found_list = in_list = False
        for event, value in events(stream):
            if event == "map_key":
                key = value if depth == 1 else key
            elif event in ("start_map", "start_array"):
                in_list = depth == 1 and key == "list" and event == "start_array"
                found_list = found_list or in_list
                depth += 1
            elif event in ("end_map", "end_array"):
                depth -= 1
                in_list = False
            elif in_list:
                number += 1
                yield _row(value, number)
        if not found_list:
            raise errors.InputError(NOT_A_LIST, "the JSON holds no property 'list'")


def _row(value: object, number: int) -> Row | Refusal:
    result = digest_or_reason(value, None) if isinstance(value, str) else Reason.BAD_RECORD
    return Row((result,)) if isinstance(result, Digest) else Refusal(result, number)


MISP_LIST: Final = MispList()
