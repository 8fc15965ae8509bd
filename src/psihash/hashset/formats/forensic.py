"""Lists of reference sets, in the header lines that their makers fixed: HashKeeper, ILook, NSRL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from psihash import errors
from psihash.hashset.formats import names
from psihash.hashset.formats.base import NOT_A_LIST
from psihash.hashset.formats.delimited import Delimited
from psihash.hashset.formats.table import Plan, plan_columns, roles
from psihash.terms import AlgorithmId

_HSH: Final = names.plain_set(("file_id", "hashset_id", "file_name", "hash"))
_HKE: Final = names.plain_set(("hashset_id", "name", "vendor", "num_of_files"))


def _hashkeeper_confidence(column_names: Sequence[str]) -> int:
    found = names.plain_set(column_names)
    return 95 if found >= _HSH or found >= _HKE else 0


def _hashkeeper_plan(column_names: Sequence[str]) -> Plan:
    if not names.plain_set(column_names) >= _HSH:
        raise errors.InputError(
            NOT_A_LIST,
            "this is the .hke file of a HashKeeper set: it describes the set and holds no hashes",
            hint="import the .hsh file that came with it",
        )
    return _files_only(column_names)


def _files_only(column_names: Sequence[str], free_text: int | None = None) -> Plan:
    """Digests and sizes: what reference sets say of a file besides is no verdict."""
    digests, other = plan_columns(column_names, any_hash=AlgorithmId.MD5)
    return Plan(
        width=len(column_names),
        digests=digests,
        other=other,
        size=roles(column_names).get("size"),
        free_text=free_text,
    )


HASHKEEPER: Final = Delimited(
    name="hashkeeper",
    title="HashKeeper .hsh",
    suffixes=(".hsh",),
    example=(
        '"file_id","hashset_id","file_name","directory","hash","file_size","date_modified",'
        '"time_modified","time_zone","comments","date_accessed","time_accessed"\n'
        '1,7,"a.dll",,"81DC9BDB52D04DC20036DBD8313ED055",4,,,,,,\n'
        '2,7,"b.dll",,"D93591BDF7860E1E4EE2FCA799911215",17,,,,,,\n'
    ),
    confidence=_hashkeeper_confidence,
    plan=_hashkeeper_plan,
)


def _ilook_confidence(column_names: Sequence[str]) -> int:
    found = names.plain_set(column_names)
    return 95 if found & {"v3hash", "v4hash"} and "hashsha1" in found else 0


def _ilook_plan(column_names: Sequence[str]) -> Plan:
    # ILook quotes nothing, and a path may hold commas; what follows the path never does.
    paths = [i for i, name in enumerate(column_names) if names.plain(name) == "filepath"]
    return _files_only(column_names, free_text=paths[0] if paths else None)


ILOOK: Final = Delimited(
    name="ilook",
    title="ILook hash set, version 3 or 4",
    suffixes=(".hsh",),
    example=(
        "V4Hash,HashSHA1,FileName,FilePath,FileSize,HashSHA256,HashSHA384,HashSHA512,"
        "CreateTime,ModTime,LastAccessTime\n"
        "81DC9BDB52D04DC20036DBD8313ED055,7110EDA4D09E062AA5E4A390B0A572AC0D2C0220,a.gz,D:\\x\\,"
        "4,,,,16.4.2008 14:29:24,16.4.2008 10:24:28,18.4.2008\n"
        "D93591BDF7860E1E4EE2FCA799911215,,b.gz,D:\\x\\,17,,,,,,\n"
    ),
    confidence=_ilook_confidence,
    plan=_ilook_plan,
)


_NSRL: Final = names.plain_set(("SHA-1", "FileName", "ProductCode"))
_NSRL_CODES: Final = names.plain_set(("OpSystemCode", "SpecialCode"))


def _nsrl_confidence(column_names: Sequence[str]) -> int:
    found = names.plain_set(column_names)
    return 95 if found >= _NSRL and found & _NSRL_CODES else 0


NSRL: Final = Delimited(
    name="nsrl-rds",
    title="NSRL RDS text, version 1.5 or 2.0",
    suffixes=(".txt",),
    example=(
        '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode","SpecialCode"\n'
        '"7110EDA4D09E062AA5E4A390B0A572AC0D2C0220","81DC9BDB52D04DC20036DBD8313ED055",'
        '"9BE3E0A3","a, b.dll",4,3192,"WIN",""\n'
        '"BF30BF7A4BD54E0E4F6A2E5BE7B2F1E5B1B2A3C4","D93591BDF7860E1E4EE2FCA799911215",'
        '"00000000","b.dll",17,3192,"WIN",""\n'
    ),
    confidence=_nsrl_confidence,
    plan=_files_only,
)
