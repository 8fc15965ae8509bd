from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GreetRequest(_message.Message):
    __slots__ = ("nonce",)
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    def __init__(self, nonce: _Optional[bytes] = ...) -> None: ...

class GreetReply(_message.Message):
    __slots__ = ("nonce", "held", "known")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    held: int
    known: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, nonce: _Optional[bytes] = ..., held: _Optional[int] = ..., known: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SizeProof(_message.Message):
    __slots__ = ("size", "consistency")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    size: int
    consistency: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, size: _Optional[int] = ..., consistency: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SizeCosignature(_message.Message):
    __slots__ = ("size", "line")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    size: int
    line: bytes
    def __init__(self, size: _Optional[int] = ..., line: _Optional[bytes] = ...) -> None: ...

class CompareRequest(_message.Message):
    __slots__ = ("nonce", "checkpoint", "consistency", "held", "asks", "mutual", "notes")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    ASKS_FIELD_NUMBER: _ClassVar[int]
    MUTUAL_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    checkpoint: bytes
    consistency: _containers.RepeatedScalarFieldContainer[bytes]
    held: int
    asks: _containers.RepeatedScalarFieldContainer[int]
    mutual: _containers.RepeatedScalarFieldContainer[bytes]
    notes: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, nonce: _Optional[bytes] = ..., checkpoint: _Optional[bytes] = ..., consistency: _Optional[_Iterable[bytes]] = ..., held: _Optional[int] = ..., asks: _Optional[_Iterable[int]] = ..., mutual: _Optional[_Iterable[bytes]] = ..., notes: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CompareReply(_message.Message):
    __slots__ = ("cosignatures", "checkpoint", "consistency", "proofs", "notes", "asks")
    COSIGNATURES_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    ASKS_FIELD_NUMBER: _ClassVar[int]
    cosignatures: _containers.RepeatedCompositeFieldContainer[SizeCosignature]
    checkpoint: bytes
    consistency: _containers.RepeatedScalarFieldContainer[bytes]
    proofs: _containers.RepeatedCompositeFieldContainer[SizeProof]
    notes: _containers.RepeatedScalarFieldContainer[bytes]
    asks: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, cosignatures: _Optional[_Iterable[_Union[SizeCosignature, _Mapping]]] = ..., checkpoint: _Optional[bytes] = ..., consistency: _Optional[_Iterable[bytes]] = ..., proofs: _Optional[_Iterable[_Union[SizeProof, _Mapping]]] = ..., notes: _Optional[_Iterable[bytes]] = ..., asks: _Optional[_Iterable[int]] = ...) -> None: ...

class DeliverRequest(_message.Message):
    __slots__ = ("received", "cosignatures", "checkpoint", "proofs")
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    COSIGNATURES_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    PROOFS_FIELD_NUMBER: _ClassVar[int]
    received: _containers.RepeatedScalarFieldContainer[int]
    cosignatures: _containers.RepeatedCompositeFieldContainer[SizeCosignature]
    checkpoint: bytes
    proofs: _containers.RepeatedCompositeFieldContainer[SizeProof]
    def __init__(self, received: _Optional[_Iterable[int]] = ..., cosignatures: _Optional[_Iterable[_Union[SizeCosignature, _Mapping]]] = ..., checkpoint: _Optional[bytes] = ..., proofs: _Optional[_Iterable[_Union[SizeProof, _Mapping]]] = ...) -> None: ...

class DeliverReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
