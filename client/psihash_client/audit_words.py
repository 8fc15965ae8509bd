"""What a verification found, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from psihash_client.output import facts, number, wrapped

_KINDS: Final = {
    "log": "the whole log",
    "peer": "the entries in common with {peer}",
    "session": "the entries of session {session}",
}


_FETCH: Final = "A cosignature comes with the next contact, at once by `psihash audit cosign PEER`"


def log_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What was checked of the home's own log, and who vouches for it up to where."""
    yield "The log is whole and unedited."
    yield ""
    plain = ("origin", "size", "root", "signed_size", "checkpoints", "unsigned", "erased_bodies")
    yield from facts((name, found[name]) for name in plain)
    for each in found["cosigned"]:
        yield from facts([("cosigned", _cosigner(each))])
    yield ""
    if found["unsigned"]:
        yield from wrapped(
            f"{number(found['unsigned'])} entries are newer than the last signed head. That is "
            "no fault: the next contact, or the next bundle, signs them."
        )
    if not found["cosigned"]:
        yield from wrapped(f"Nobody else vouches for it yet. {_FETCH}.")
    elif max(each["size"] for each in found["cosigned"]) < found["size"]:
        yield from wrapped(f"Nobody else vouches yet for the entries behind that. {_FETCH}.")


def _cosigner(each: Mapping[str, Any]) -> str:
    return f"by {each['by']} at size {number(each['size'])} on {each['time']}"


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
    yield from _held(found)


def _held(found: Mapping[str, Any]) -> Iterator[str]:
    """What a second history would have to agree with."""
    if found["held_by_others"]:
        yield f"{number(found['held_by_others'])} heads of it that others hold agree."
    else:
        yield (
            "NO HEAD THAT OTHERS HOLD WAS COMPARED: a log that was written anew and signed again"
            " would not be found. Verify it in a partner's home, or give heads with --witnessed."
        )
    if found["held_newer"]:
        yield (
            f"{number(found['held_newer'])} heads that others hold are newer, up to size"
            f" {number(found['held_newest'])}: it ends before them, and says that it was made"
            f" {found['made']}. If it is younger than that, entries are missing."
        )
    if found["held_unproven"]:
        yield (
            f"{number(found['held_unproven'])} heads that others showed could not be compared: only"
            " the whole log has the proofs from them."
        )


def _cosigned(found: Mapping[str, Any]) -> Iterator[str]:
    for each in found["cosigned"]:
        late = each["time"][:19] > found["made"][:19]
        note = ", which is after the bundle says that it was made" if late else ""
        yield f"Cosigned {_cosigner(each)}{note}."
    if not found["cosigned"]:
        yield (
            "Nobody that is trusted here cosigned it: a second history shown to others would not"
            f" be seen. {_FETCH}, in the agency's home; then make the bundle anew."
        )
    elif max(each["size"] for each in found["cosigned"]) < found["size"]:
        yield (
            f"Nobody that is trusted here cosigned what is behind these sizes. {_FETCH}, in the"
            " agency's home; then make the bundle anew."
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
            signers = " and ".join(evidence["terms_signed_by"]) or "nobody that is trusted here"
            yield (
                f"Agreement {evidence['agreement'][:12]} is the one that its opening names. Its"
                f" terms are signed by {signers}; {evidence['agreement_documents']} documents of it"
                " were checked."
            )
        yield f"{evidence['receipts']} receipts are signed and say what the entries say."
        if evidence["unknown_agencies"]:
            yield (
                f"NOT CHECKED: {evidence['receipts_unchecked']} receipts and"
                f" {evidence['agreement_documents_unchecked']} documents under the name of"
                f" {', '.join(evidence['unknown_agencies'])}, of which no card is trusted here:"
                " whoever made the bundle may have signed them. Give the card with --trust."
            )
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
    ours, theirs = found["bundles"]
    texts += [f"{found['theirs']}: {text}" for text in _held(theirs)]
    # In one's own home nothing is held of one's own log; where theirs says it too, nobody vouches.
    if ours["held_by_others"] or not theirs["held_by_others"]:
        texts += [f"{found['ours']}: {text}" for text in _held(ours)]
    for text in texts:
        yield from wrapped(f"- {text}", 2)
