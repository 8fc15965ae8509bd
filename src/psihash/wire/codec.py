"""Session messages to protobuf bytes and back. Decoding is strict and total.

Every field is checked for length and vocabulary, and a message must be its one encoding: unknown
fields, fields out of order and repeated scalar fields are refused. Whatever a peer sends, the
outcome is a message or a ProtocolError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from psihash import limits
from psihash.identity import hybrid, signatures
from psihash.psi.group import POINT_BYTES
from psihash.session import messages as m
from psihash.session.deal import HASH_BYTES, NONCE_BYTES
from psihash.terms import AlgorithmId, Learn, Rung
from psihash.wire.fields import (
    COLLECTION,
    ENGINE,
    TIME,
    at_most,
    case,
    code,
    exactly,
    few,
    malformed,
    matching,
    parse,
    size,
    word,
)
from psihash.wire.v1 import peer_pb2 as pb

_Message = TypeVar("_Message", bound=Message)


class ProtobufCodec:
    """Implements :class:`psihash.session.messages.Codec`."""

    def encode_greeting(self, message: m.Greeting) -> bytes:
        match message:
            case m.Hello():
                return _dump(pb.Greeting(hello=_fields(pb.Hello, message)))
            case m.HelloReply():
                return _dump(pb.Greeting(hello_reply=_fields(pb.HelloReply, message)))
            case m.Refuse():
                return _dump(pb.Greeting(refuse=pb.Refuse(code=message.code)))

    def decode_greeting(self, data: bytes) -> m.Greeting:
        outer = parse(pb.Greeting, data)
        match outer.WhichOneof("body"):
            case "hello":
                return _hello(outer.hello)
            case "hello_reply":
                return _hello_reply(outer.hello_reply)
            case "refuse":
                return m.Refuse(code(outer.refuse.code))
            case _:
                raise malformed("a greeting without content")

    def encode(self, message: m.Sealed) -> bytes:
        name, build = _ENCODERS[type(message)]
        outer = pb.SessionMessage()
        getattr(outer, name).CopyFrom(build(message))
        return _dump(outer)

    def decode(self, data: bytes) -> m.Sealed:
        outer = parse(pb.SessionMessage, data)
        name = outer.WhichOneof("body")
        if name is None:
            raise malformed("a session message without content")
        message: m.Sealed = _DECODERS[name](getattr(outer, name))
        return message


def encode_receipt(receipt: m.Receipt) -> pb.Receipt:
    return pb.Receipt(body=receipt.body, signature=receipt.signature)


def decode_receipt(message: pb.Receipt) -> m.Receipt:
    if len(message.body) > limits.MAX_RECEIPT:
        raise malformed("a receipt is too large")
    return m.Receipt(message.body, exactly(message.signature, signatures.SIGNATURE_BYTES))


def _dump(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


# -- greetings -----------------------------------------------------------------------------------


def _fields(kind: type[_Message], value: object) -> _Message:
    """A protobuf message whose fields have the same names and plain types as the dataclass."""
    return kind(**{field.name: getattr(value, field.name) for field in kind.DESCRIPTOR.fields})


def _hello(message: pb.Hello) -> m.Hello:
    if len(message.protocol) > 32:
        raise malformed("a protocol name is too long")
    return m.Hello(
        protocol=message.protocol,
        nonce=exactly(message.nonce, NONCE_BYTES),
        own_card=at_most(message.own_card, HASH_BYTES),
        peer_card=at_most(message.peer_card, HASH_BYTES),
        agreement=exactly(message.agreement, HASH_BYTES),
        key_exchange=exactly(message.key_exchange, hybrid.START_BYTES),
        own_leaf=exactly(message.own_leaf, HASH_BYTES),
        peer_leaf=exactly(message.peer_leaf, HASH_BYTES),
        signature=exactly(message.signature, signatures.SIGNATURE_BYTES),
    )


def _hello_reply(message: pb.HelloReply) -> m.HelloReply:
    return m.HelloReply(
        nonce=exactly(message.nonce, NONCE_BYTES),
        own_card=at_most(message.own_card, HASH_BYTES),
        peer_card=at_most(message.peer_card, HASH_BYTES),
        key_exchange=exactly(message.key_exchange, hybrid.REPLY_BYTES),
        own_leaf=exactly(message.own_leaf, HASH_BYTES),
        peer_leaf=exactly(message.peer_leaf, HASH_BYTES),
        signature=exactly(message.signature, signatures.SIGNATURE_BYTES),
    )


# -- offers --------------------------------------------------------------------------------------


def _from_offer(offer: m.Offer) -> pb.Offer:
    return pb.Offer(
        rung=offer.rung.value,
        learn=offer.learn.value,
        engine=offer.engine,
        algorithms=[name.value for name in offer.algorithms],
        canonicalisation=offer.canonicalisation,
        classes=_from_classes(offer.classes),
        own_annex=offer.own_annex,
        peer_annex=offer.peer_annex,
        roots_commitment=offer.roots_commitment,
        own_case=offer.own_case,
        expires=offer.expires,
        previous_receipt=offer.previous_receipt,
        seen=_from_seen(offer.seen),
        seen_log_size=offer.seen_log_size,
        keys=offer.keys,
        approval=offer.approval,
    )


def _to_offer(message: pb.Offer) -> m.Offer:
    previous = message.previous_receipt
    return m.Offer(
        rung=word(Rung, message.rung),
        learn=word(Learn, message.learn),
        engine=matching(message.engine, ENGINE),
        algorithms=tuple(
            word(AlgorithmId, name) for name in few(message.algorithms, len(AlgorithmId))
        ),
        canonicalisation=matching(message.canonicalisation, ENGINE),
        classes=_to_classes(message.classes),
        own_annex=exactly(message.own_annex, HASH_BYTES),
        peer_annex=exactly(message.peer_annex, HASH_BYTES),
        roots_commitment=exactly(message.roots_commitment, HASH_BYTES),
        own_case=case(message.own_case),
        expires=matching(message.expires, TIME),
        previous_receipt=exactly(previous, HASH_BYTES) if previous else b"",
        seen=_to_seen(message.seen),
        seen_log_size=size(message.seen_log_size),
        keys=_to_keys(message.keys),
        approval=at_most(message.approval, limits.MAX_APPROVAL),
    )


def _from_accept(accept: m.Accept) -> pb.Accept:
    return pb.Accept(
        classes=_from_classes(accept.classes),
        roots=_from_roots(accept.roots),
        own_case=accept.own_case,
        seen=_from_seen(accept.seen),
        seen_log_size=accept.seen_log_size,
        keys=accept.keys,
        approval=accept.approval,
    )


def _to_accept(message: pb.Accept) -> m.Accept:
    return m.Accept(
        classes=_to_classes(message.classes),
        roots=_to_roots(message.roots),
        own_case=case(message.own_case),
        seen=_to_seen(message.seen),
        seen_log_size=size(message.seen_log_size),
        keys=_to_keys(message.keys),
        approval=at_most(message.approval, limits.MAX_APPROVAL),
    )


_MAX_RUNS: Final = 2 * len(AlgorithmId)


def _to_keys(keys: Iterable[bytes]) -> tuple[bytes, ...]:
    """The lengths only: whether they are points, and how many are due, is the session's matter."""
    return tuple(exactly(key, POINT_BYTES) for key in few(keys, _MAX_RUNS))


def _from_classes(classes: Iterable[m.SetClass]) -> list[pb.SetClass]:
    return [
        pb.SetClass(algorithm=entry.algorithm.value, size_class=entry.size_class)
        for entry in classes
    ]


def _to_classes(classes: Iterable[pb.SetClass]) -> tuple[m.SetClass, ...]:
    return tuple(
        m.SetClass(word(AlgorithmId, entry.algorithm), size(entry.size_class))
        for entry in few(classes, len(AlgorithmId))
    )


_MAX_TREES: Final = limits.MAX_COLLECTIONS * len(AlgorithmId)


def _from_roots(roots: Iterable[m.Root]) -> list[pb.Root]:
    return [
        pb.Root(
            collection=root.collection,
            algorithm=root.algorithm.value,
            size=root.size,
            root=root.root,
            previous_size=root.previous_size,
            consistency=root.consistency,
        )
        for root in roots
    ]


def _to_roots(roots: Iterable[pb.Root]) -> tuple[m.Root, ...]:
    return tuple(_to_root(root) for root in few(roots, _MAX_TREES))


def _to_root(root: pb.Root) -> m.Root:
    return m.Root(
        collection=matching(root.collection, COLLECTION),
        algorithm=word(AlgorithmId, root.algorithm),
        size=size(root.size),
        root=exactly(root.root, HASH_BYTES),
        previous_size=size(root.previous_size),
        consistency=_proof(root.consistency),
    )


def _from_seen(seen: Iterable[m.SeenRoot]) -> list[pb.SeenRoot]:
    return [
        pb.SeenRoot(collection=entry.collection, algorithm=entry.algorithm.value, size=entry.size)
        for entry in seen
    ]


def _to_seen(seen: Iterable[pb.SeenRoot]) -> tuple[m.SeenRoot, ...]:
    return tuple(
        m.SeenRoot(
            matching(entry.collection, COLLECTION),
            word(AlgorithmId, entry.algorithm),
            size(entry.size),
        )
        for entry in few(seen, _MAX_TREES)
    )


# -- the rest ------------------------------------------------------------------------------------


def _from_confirm(confirm: m.Confirm) -> pb.Confirm:
    return pb.Confirm(
        roots=_from_roots(confirm.roots),
        roots_nonce=confirm.roots_nonce,
        signature=confirm.signature,
        checkpoint=confirm.checkpoint,
        log_consistency=confirm.log_consistency,
    )


def _to_confirm(message: pb.Confirm) -> m.Confirm:
    nonce = message.roots_nonce
    return m.Confirm(
        roots=_to_roots(message.roots),
        roots_nonce=exactly(nonce, NONCE_BYTES) if nonce else b"",
        signature=exactly(message.signature, signatures.SIGNATURE_BYTES),
        checkpoint=at_most(message.checkpoint, limits.MAX_CHECKPOINT),
        log_consistency=_proof(message.log_consistency),
    )


def _to_close(message: pb.Close) -> m.Close:
    return m.Close(
        at_most(message.checkpoint, limits.MAX_CHECKPOINT), _proof(message.log_consistency)
    )


def _proof(nodes: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(exactly(node, HASH_BYTES) for node in few(nodes, limits.MAX_CONSISTENCY_HASHES))


def _from_result(result: m.ResultCheck) -> pb.ResultCheck:
    return pb.ResultCheck(
        results=[
            pb.AlgorithmResult(algorithm=part.algorithm.value, mac=part.mac)
            for part in result.results
        ]
    )


def _to_result(message: pb.ResultCheck) -> m.ResultCheck:
    return m.ResultCheck(
        tuple(
            m.AlgorithmCheck(word(AlgorithmId, part.algorithm), at_most(part.mac, HASH_BYTES))
            for part in few(message.results, len(AlgorithmId))
        )
    )


_Blob = m.Labels | m.Openings | m.Records


def _from_blob(kind: type[Message]) -> Callable[[_Blob], Message]:
    return lambda value: kind(blob=value.blob, more=value.more)


def _to_blob(
    kind: type[m.Labels] | type[m.Openings] | type[m.Records],
) -> Callable[[Any], _Blob]:
    return lambda message: kind(at_most(message.blob, limits.MAX_ENGINE_FRAME), message.more)


_ENCODERS: Final[dict[type, tuple[str, Callable[[Any], Message]]]] = {
    m.Offer: ("offer", _from_offer),
    m.Accept: ("accept", _from_accept),
    m.Refuse: ("refuse", lambda value: pb.Refuse(code=value.code)),
    m.Confirm: ("confirm", _from_confirm),
    m.EngineFrame: ("frame", lambda value: pb.EngineFrame(run=value.run, body=value.body)),
    m.ResultCheck: ("result", _from_result),
    m.Labels: ("labels", _from_blob(pb.Labels)),
    m.Openings: ("openings", _from_blob(pb.Openings)),
    m.Records: ("records", _from_blob(pb.Records)),
    m.Receipt: ("receipt", encode_receipt),
    m.Close: (
        "close",
        lambda value: pb.Close(checkpoint=value.checkpoint, log_consistency=value.log_consistency),
    ),
    m.Abort: ("abort", lambda value: pb.Abort(code=value.code)),
}

_DECODERS: Final[dict[str, Callable[[Any], m.Sealed]]] = {
    "offer": _to_offer,
    "accept": _to_accept,
    "refuse": lambda message: m.Refuse(code(message.code)),
    "confirm": _to_confirm,
    "frame": lambda message: m.EngineFrame(
        message.run, at_most(message.body, limits.MAX_ENGINE_FRAME)
    ),
    "result": _to_result,
    "labels": _to_blob(m.Labels),
    "openings": _to_blob(m.Openings),
    "records": _to_blob(m.Records),
    "receipt": decode_receipt,
    "close": _to_close,
    "abort": lambda message: m.Abort(code(message.code)),
}
