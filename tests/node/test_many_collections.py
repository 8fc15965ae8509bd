"""The largest messages: every collection that an agreement may offer, with all algorithms."""

from __future__ import annotations

from psihash import limits
from psihash.session.messages import Accept, Root, SeenRoot, SetClass
from psihash.terms import AlgorithmId
from psihash.wire.codec import ProtobufCodec


def test_an_accept_with_all_roots_and_the_longest_proofs_fits_one_message() -> None:
    names = [f"c-{number:016x}" for number in range(limits.MAX_COLLECTIONS)]
    proof = tuple(bytes([number]) * 32 for number in range(54))  # both sides of a 2**27 tree
    accept = Accept(
        classes=tuple(SetClass(name, 2**27) for name in AlgorithmId),
        roots=tuple(
            Root(each, name, 2**27, bytes(32), 2**27 - 1, proof)
            for each in names
            for name in AlgorithmId
        ),
        own_case="x" * 4000,
        seen=tuple(SeenRoot(each, name, 2**27) for each in names for name in AlgorithmId),
    )
    data = ProtobufCodec().encode(accept)
    assert len(data) <= limits.MAX_SESSION_MESSAGE
    assert ProtobufCodec().decode(data) == accept
