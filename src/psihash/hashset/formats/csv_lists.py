"""CSV lists with verdicts: ICSE, Griffeye, and any other list that names its columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from psihash import errors
from psihash.hashset.formats import names, verdicts
from psihash.hashset.formats.base import NOT_A_LIST
from psihash.hashset.formats.delimited import Delimited, is_hash_column
from psihash.hashset.formats.table import Plan, Verdicts, plan_columns, roles
from psihash.hashset.model import Verdict

_VERDICT_ROLES: Final[tuple[str, ...]] = (
    "category",
    "category_label",
    "dialect",
    "baseline",
    "series",
    "victim_identified",
    "offender_identified",
    "distributed",
    "dated",
    "submissions",
    "country",
    "source",
)


def _plan(
    column_names: Sequence[str],
    found: dict[str, int],
    others: dict[int, str],
    no_category: frozenset[str] = frozenset(),
) -> Plan:
    """The plan over the roles ``found``; ``others`` are the columns of other databases, and
    ``no_category`` the words by which a program says that there is none."""
    digests, other = plan_columns(column_names)
    if not digests:
        raise errors.InputError(
            NOT_A_LIST,
            "the list has no column of MD5, SHA-1 or SHA-2 digests",
            hint="export it again with the hash columns switched on",
        )
    chosen = [role for role in _VERDICT_ROLES if role in found]
    return Plan(
        width=len(column_names),
        digests=digests,
        other=other,
        size=found.get("size"),
        media_type=found.get("media_type", found.get("file_type")),
        algorithm=found.get("algorithm"),
        verdict=(*(found[role] for role in chosen), *others),
        judge=_judge(chosen, list(others.values()), no_category),
    )


def _judge(
    chosen: list[str], databases: list[str], no_category: frozenset[str]
) -> Callable[[tuple[str, ...]], Verdicts]:
    def judge(values: tuple[str, ...]) -> Verdicts:
        words = dict(zip(chosen, values, strict=False))
        if names.plain(words.get("category", "")) in no_category:
            words.pop("category", None)
        quoted = zip(databases, values[len(chosen) :], strict=True)
        further = [_quoted(source, text) for source, text in quoted]
        return verdicts.from_words(words), tuple([verdict for verdict in further if verdict])

    return judge


def _quoted(source: str, text: str) -> Verdict | None:
    """What a column ``DB: x`` says: a category number of that database, or -1 for nothing."""
    category = None if text.strip() == "-1" else verdicts.category(text)
    return Verdict(category=category, source=source) if category else None


# ICSE -----------------------------------------------------------------------------------------

_ICSE_COLUMNS: Final = names.plain_set(
    (
        "ZZ40",
        "Lace",
        "Image ID",
        "Is distributed",
        "Investigation name",
        "Number of submissions",
        "File Available",
        "Baseline",
    )
)


def _icse_confidence(column_names: Sequence[str]) -> int:
    if not any(map(is_hash_column, column_names)):
        return 0
    return 92 if len(_ICSE_COLUMNS & names.plain_set(column_names)) >= 3 else 0


def _icse_plan(column_names: Sequence[str]) -> Plan:
    return _plan(column_names, roles(column_names), {})


ICSE: Final = Delimited(
    name="icse",
    title="INTERPOL ICSE hash CSV",
    suffixes=(".csv",),
    example=(
        "MD5;SHA1;ZZ40;PhotoDNA;Lace;Image ID;Is distributed;Victim identified;"
        "Offender identified;Series name;Investigation name;Agency;Number of submissions;"
        "File Available;Media Type;Baseline;\n"
        "81dc9bdb52d04dc20036dbd8313ed055;7110eda4d09e062aa5e4a390b0a572ac0d2c0220;"
        "0123456789ABCDEF0123456789ABCDEF;;;1001;Y;N;N;Harbour;Operation Quay;Example Police;3;"
        "True;Image;Yes;\n"
        "d93591bdf7860e1e4ee2fca799911215;;;;;1002;N;Y;N;;;Example Police;1;False;Video;No;\n"
    ),
    confidence=_icse_confidence,
    plan=_icse_plan,
)


# Griffeye -------------------------------------------------------------------------------------

_GRIFFEYE_COLUMNS: Final = names.plain_set(
    (
        "Binary Copies",
        "Bookmarks",
        "Can File Be Opened?",
        "Database Match Conflict",
        "Distributed",
        "Identified",
        "Initial Category",
        "Nudity Level",
        "Overwritten?",
        "Physical Location",
        "Representative",
        "Series Name",
        "Source ID",
        "Visual Copies",
        "Visual Group",
        "Has Exif",
        "Has GPS Informtion",
        "Has Sound",
        "Exif Serial Number",
    )
)
_DATABASE: Final = "db:"
_UNCATEGORISED: Final = names.plain_set(
    ("Uncategorized", "Uncategorised", "Not categorized", "Nicht kategorisiert", "Unkategorisiert")
)


def _griffeye_confidence(column_names: Sequence[str]) -> int:
    own = len(_GRIFFEYE_COLUMNS & names.plain_set(column_names))
    own += sum(name.lower().startswith(_DATABASE) for name in column_names)
    return 91 if own >= 3 else 0


def _griffeye_plan(column_names: Sequence[str]) -> Plan:
    found = roles(column_names)
    for index, name in enumerate(column_names):
        if names.plain(name) == "identified":
            found["victim_identified"] = index
    databases = {
        index: name[len(_DATABASE) :].strip()
        for index, name in enumerate(column_names)
        if name.lower().startswith(_DATABASE)
    }
    return _plan(column_names, found, databases, _UNCATEGORISED)


GRIFFEYE: Final = Delimited(
    name="griffeye",
    title="Griffeye Analyze CSV",
    suffixes=(".csv",),
    example=(
        "Binary Copies,Can File Be Opened?,Category,DB: National,DB: ICSE,Distributed,File Name,"
        "File Size,Identified,MD5,Mime Type,Nudity Level,PhotoDNA,Series Name,SHA-1,SHA-256,"
        "Visual Copies\n"
        '1,True,Comparison,2,-1,False,"a, b.jpg",4096,True,81DC9BDB52D04DC20036DBD8313ED055,'
        "image/jpeg,0,,Harbour,7110EDA4D09E062AA5E4A390B0A572AC0D2C0220,,0\n"
        "1,True,,-1,-1,,c.jpg,17,,D93591BDF7860E1E4EE2FCA799911215,image/png,0,,,,,0\n"
    ),
    confidence=_griffeye_confidence,
    plan=_griffeye_plan,
)


# Any other ------------------------------------------------------------------------------------


def _csv_confidence(column_names: Sequence[str]) -> int:
    digests, _ = plan_columns(column_names)
    return 60 if digests else 0


def _csv_plan(column_names: Sequence[str]) -> Plan:
    return _plan(column_names, roles(column_names), {})


CSV: Final = Delimited(
    name="csv",
    title="CSV or TSV that names its columns",
    suffixes=(".csv", ".tsv", ".txt"),
    example=(
        "MD5,SHA-1,Category,Series,Victim identified,File size\n"
        "81dc9bdb52d04dc20036dbd8313ed055,7110eda4d09e062aa5e4a390b0a572ac0d2c0220,1,Harbour,no,"
        "4\n"
        "d93591bdf7860e1e4ee2fca799911215,,2,,,\n"
    ),
    confidence=_csv_confidence,
    plan=_csv_plan,
    must_hold_rows=True,
)
