"""Do both sides see the same result? Answered without telling anyone who does not know it.

Each side that learned sends, for every algorithm, an HMAC under the session's result key over its
role and its result: at ``items`` the sorted tokens and the engine's name for the matched pairs, at
``series`` the number and the engine's name for the pair counts, at ``count`` the number. The role
keeps a side from echoing what it was sent. A side that is not to learn sends nothing and gets
nothing that says how many: a one-sided result is only committed to, in the receipt.
"""

from __future__ import annotations

import hmac

from psihash import canonical, errors
from psihash.session.deal import Deal
from psihash.session.messages import AlgorithmCheck, ResultCheck
from psihash.session.own import OwnSet
from psihash.session.runs import Finding
from psihash.terms import AlgorithmId, Learn, SessionRole

RESULTS_DIFFER = errors.define(
    "results-differ",
    "the two sides do not see the same overlap: one of them did not follow the protocol",
)
BAD_RESULT = errors.define("bad-result", "the peer's result message is malformed")


def result_key(secret: bytes, session: bytes) -> bytes:
    """The key of all digests of this session's result, from the key exchange's secret."""
    return hmac.digest(secret, canonical.framed(b"psihash/result-key/1", session), "sha256")


def result_bytes(finding: Finding, own: OwnSet, algorithm: AlgorithmId) -> bytes:
    """The canonical form of one algorithm's result; equal on both sides when they agree."""
    count = b"" if finding.count is None else finding.count.to_bytes(8, "big")
    name = algorithm.value.encode()
    if finding.pair_counts is not None:
        return canonical.framed(name, b"series", count, finding.pairs)
    if finding.rows is None:
        return canonical.framed(name, b"count", count)
    tokens = own.algorithms[algorithm].tokens[finding.rows].tobytes()
    return canonical.framed(name, b"items", count, tokens, finding.pairs)


def mac(key: bytes, role: SessionRole, result: bytes) -> bytes:
    message = canonical.framed(b"psihash/result/1", role.value.encode(), result)
    return hmac.digest(key, message, "sha256")


def own_check(
    key: bytes, role: SessionRole, deal: Deal, own: OwnSet, findings: dict[AlgorithmId, Finding]
) -> ResultCheck:
    """This side's result message."""
    if deal.learn is not Learn.BOTH:
        return ResultCheck(tuple(AlgorithmCheck(name, b"") for name in deal.algorithms))
    return ResultCheck(
        tuple(
            AlgorithmCheck(name, mac(key, role, result_bytes(findings[name], own, name)))
            for name in deal.algorithms
        )
    )


def verify_check(
    key: bytes,
    role: SessionRole,
    deal: Deal,
    own: OwnSet,
    findings: dict[AlgorithmId, Finding],
    said: ResultCheck,
) -> None:
    """Raise ProtocolError unless the peer's message fits this side's result."""
    expected = own_check(key, role.other, deal, own, findings)
    if [part.algorithm for part in said.results] != list(deal.algorithms):
        raise errors.ProtocolError(BAD_RESULT, "the result does not follow the offer's algorithms")
    for ours, theirs in zip(expected.results, said.results, strict=True):
        if not hmac.compare_digest(ours.mac, theirs.mac):
            raise errors.ProtocolError(
                RESULTS_DIFFER, "the two sides see different overlaps; nothing is shown"
            )
