"""What a verification found, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from psihash_client.output import number, wrapped

_KINDS: Final = {
    "log": "the whole log",
    "peer": "the entries in common with {peer}",
    "session": "the entries of session {session}",
}


def bundle_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What was checked, by whom the log is cosigned and when, and what is not there."""
    kind = _KINDS[found["kind"]].format(peer=found["peer"], session=(found["session"] or "")[:12])
    yield "The bundle holds."
    yield ""
    for text in (*_checked(found, kind), *_cosigned(found), *_absent(found), *_evidence(found)):
        yield from wrapped(f"- {text}", 2)
    if "bundle" in found:
        yield ""
        yield f"Written to {found['bundle']}."


def _checked(found: Mapping[str, Any], kind: str) -> Iterator[str]:
    since = f" from {found['since']} on" if found["since"] else ""
    yield f"It is {kind}{since} of {found['origin']}, made {found['made']}."
    times = f", from {found['first_time']} to {found['last_time']}" if found["first_time"] else ""
    yield f"{number(found['entries'])} entries were hashed again{times}."
    how = "lead to" if found["kind"] == "log" else "are each proven to be under"
    yield (
        f"They {how} the root of size {number(found['size'])} that the log's key signed"
        f" ({number(found['checkpoints'])} checkpoints, {found['keys']} keys in the log's time)."
    )
    if found["held_by_others"]:
        yield f"{found['held_by_others']} checkpoints that others hold agree."


def _cosigned(found: Mapping[str, Any]) -> Iterator[str]:
    for each in found["cosigned"]:
        yield f"Cosigned by {each['by']} at size {number(each['size'])} on {each['time']}."
    if not found["cosigned"]:
        yield (
            "Nobody that is trusted here cosigned it: a second history shown to others would not"
            " be seen."
        )
    if found["unknown_cosigners"]:
        unknown = len(found["unknown_cosigners"])
        yield f"Also signed under {unknown} names that nothing trusted here speaks of."


def _absent(found: Mapping[str, Any]) -> Iterator[str]:
    if found["unsigned"]:
        yield (
            f"{number(found['unsigned'])} entries are newer than the last checkpoint; only the"
            " bundle's seal vouches for them."
        )
    erased = found["erased_shared"] + found["erased_local"]
    if erased:
        yield f"{number(erased)} parts of entries were erased; their places still verify."
    if found["withheld_local"]:
        yield f"{number(found['withheld_local'])} local parts are withheld from the peer."


def _evidence(found: Mapping[str, Any]) -> Iterator[str]:
    if "evidence" in found:
        evidence = found["evidence"]
        yield "Its events: " + ", ".join(evidence["events"]) + "."
        if evidence["agreement"]:
            yield (
                f"Agreement {evidence['agreement'][:12]} with {evidence['agreement_documents']}"
                " signed documents is the one that its opening names."
            )
        yield f"{evidence['receipts']} receipts are signed and say what the entries say."
    if "recomputed" in found:
        again = found["recomputed"]
        yield (
            f"{again['roots']} commitments were hashed again from the sealed set of"
            f" {number(again['digests'])} digests and agree with the log"
            f" ({number(again['erased'])} items erased since)."
        )


def comparison_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What was compared, and what could not be."""
    yield "The two logs tell the same."
    yield ""
    texts = [
        f"{found['ours']} and {found['theirs']} were each verified.",
        f"{number(found['sessions'])} sessions with {number(found['entries'])} entries are"
        " identical, byte for byte and in order; none is missing on one side.",
    ]
    notes = {
        "under_way": "sessions have not ended yet in one of the bundles",
        "unfinished": "sessions broke off before both had entered their opening",
        "before": "sessions began before the time that one of the bundles starts at",
        "erased": "shared parts were erased and could not be compared",
    }
    texts += [f"{number(found[name])} {text}." for name, text in notes.items() if found[name]]
    for text in texts:
        yield from wrapped(f"- {text}", 2)
