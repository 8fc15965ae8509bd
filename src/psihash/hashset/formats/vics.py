"""VICS / Project VIC JSON, 1.0 to 2.0: hash sets (``#Media``) and case exports (``#Cases``).

Read as a stream of parser events: nothing but the fields of one record is held. Property names are
compared without case. ``Miniature`` and other pictures never reach the parser; ``IsPrecategorized``
is not read, because real exports set it on items without a category; ``Tags`` are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from psihash import errors
from psihash.hashset.formats import fields, names
from psihash.hashset.formats.base import NOT_A_LIST
from psihash.hashset.formats.json_stream import events
from psihash.hashset.formats.text import head_text
from psihash.hashset.formats.vics_record import Record, dialect_of, text_of
from psihash.hashset.model import Dialect, Refusal, Row

_CONTEXT: Final = re.compile(r'"@?odata\.(?:context|metadata)"\s*:\s*"[^"]{0,512}#(?:Media|Cases)')
_HASH_KEY: Final = re.compile(r'"(?:MD5|SHA-?1)"\s*:', re.IGNORECASE)
_LIST_KEY: Final = re.compile(r'"(?:value|Media)"\s*:\s*\[', re.IGNORECASE)

# Where records stand: the names under which containers are open, "[]" for elements of arrays.
_TOP: Final = "$"
_ELEMENT: Final = "[]"
_RECORD_PLACES: Final = frozenset(
    {
        (_TOP, "value", _ELEMENT),
        (_TOP, "value", _ELEMENT, "media", _ELEMENT),
        (_TOP, "cases", _ELEMENT, "media", _ELEMENT),
        (_TOP, "media", _ELEMENT),
        (_TOP, _ELEMENT),
        (_TOP, _ELEMENT, "media", _ELEMENT),
    }
)
_LIST_PLACES: Final = frozenset(place[:-1] for place in _RECORD_PLACES)
_DEEPEST_RECORD: Final = max(map(len, _RECORD_PLACES))


class Vics:
    name = "vics"
    title = "VICS / Project VIC JSON, 1.x and 2.0"
    suffixes = (".json",)
    example = """{"@odata.context":
 "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media",
 "value": [
  {"MediaID": 1, "Category": 1, "MD5": "81DC9BDB52D04DC20036DBD8313ED055",
   "SHA1": "7110EDA4D09E062AA5E4A390B0A572AC0D2C0220", "MediaSize": 4, "VictimIdentified": "true",
   "Series": "Harbour", "DateUpdated": "2023-06-07T02:31:49.8300Z", "IsPrecategorized": "false"},
  {"MediaID": 2, "Category": null, "MD5": "D93591BDF7860E1E4EE2FCA799911215", "MediaSize": "17"}
 ]}
"""

    def sniff(self, head: bytes) -> int:
        text = head_text(head).lstrip()
        if text[:1] not in ("{", "["):
            return 0
        if _CONTEXT.search(text):
            return 97
        if _HASH_KEY.search(text) and (text[0] == "[" or _LIST_KEY.search(text)):
            return 65
        return 0

    def read(self, stream: BinaryIO) -> Iterator[Row | Refusal]:
        return _Reader().read(stream)


class _Reader:
    """Where in the document the parser is."""

    def __init__(self) -> None:
        self.dialect = Dialect.UNKNOWN
        self.path: list[str] = []
        self.is_array: list[bool] = []
        self.key = ""
        self.open: list[Record] = []
        self.found_list = False

    def read(self, stream: BinaryIO) -> Iterator[Row | Refusal]:
        number = 0
        for event, value in events(stream):
            if event == "map_key":
                self.key = value.lower()
            elif event == "start_map" or event == "start_array":
                self._begin(is_array=event == "start_array")
            elif event == "end_map" or event == "end_array":
                record = self._end()
                row = record.row(number + 1, self.dialect) if record else None
                if row:
                    number += 1
                    yield row
            else:
                self._value(value)
        if not self.found_list:
            raise errors.InputError(NOT_A_LIST, "the JSON holds no list of media records")

    def _begin(self, *, is_array: bool) -> None:
        path = self.path
        if path:
            path.append(_ELEMENT if self.is_array[-1] else self.key)
        else:
            path.append(_TOP)
        self.is_array.append(is_array)
        place = tuple(path) if len(path) <= _DEEPEST_RECORD else ()
        if is_array and place in _LIST_PLACES:
            self.found_list = True
        elif not is_array and place in _RECORD_PLACES:
            self._begin_record()
        if self.open and len(path) == self.open[-1].depth + 1:
            self._refuse_container()

    def _begin_record(self) -> None:
        source = None
        if self.open:
            self.open[-1].is_case = True
            source = fields.label(text_of(self.open[-1].words.get("organization")))
        self.open.append(Record(len(self.path), source))

    def _refuse_container(self) -> None:
        """An object or array where a digest should stand makes the record bad."""
        if len(self.key) <= names.MAX_NAME and names.algorithm_of(self.key):
            self.open[-1].add_hash(self.key, ())

    def _end(self) -> Record | None:
        path, record = self.path, self.open[-1] if self.open else None
        closes = record is not None and len(path) == record.depth
        if record and not closes and path[record.depth :] == ["alternativehashes", _ELEMENT]:
            record.end_alternative()
        path.pop()
        self.is_array.pop()
        if closes:
            self.open.pop()
            return record
        return None

    def _value(self, value: Any) -> None:
        path = self.path
        if not self.open:
            if len(path) == 1 and self.key in ("odata.metadata", "@odata.context"):
                self.dialect = dialect_of(text_of(value))
            return
        record = self.open[-1]
        below = len(path) - record.depth
        if below == 0:
            record.set(self.key, value)
        elif below == 1 and path[-1] == "series" and self.is_array[-1]:
            if isinstance(value, str) and len(record.series) < fields.MAX_SERIES:
                record.series.append(value)
        elif (
            below == 2 and path[-2] == "alternativehashes" and self.key in ("hashname", "hashvalue")
        ):
            record.alternative[self.key] = value


VICS: Final = Vics()
