from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EnrolRequest(_message.Message):
    __slots__ = ("agreement",)
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    agreement: bytes
    def __init__(self, agreement: _Optional[bytes] = ...) -> None: ...

class EnrolReply(_message.Message):
    __slots__ = ("canaries",)
    CANARIES_FIELD_NUMBER: _ClassVar[int]
    canaries: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, canaries: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PublicationsRequest(_message.Message):
    __slots__ = ("agreement", "epoch", "delta", "size")
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    agreement: bytes
    epoch: int
    delta: int
    size: int
    def __init__(self, agreement: _Optional[bytes] = ..., epoch: _Optional[int] = ..., delta: _Optional[int] = ..., size: _Optional[int] = ...) -> None: ...

class PublicationsReply(_message.Message):
    __slots__ = ("publications", "checkpoint", "consistency")
    PUBLICATIONS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    publications: _containers.RepeatedCompositeFieldContainer[Publication]
    checkpoint: bytes
    consistency: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, publications: _Optional[_Iterable[_Union[Publication, _Mapping]]] = ..., checkpoint: _Optional[bytes] = ..., consistency: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Publication(_message.Message):
    __slots__ = ("manifest", "signature", "header", "shared", "shared_blind", "inclusion")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    SHARED_BLIND_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_FIELD_NUMBER: _ClassVar[int]
    manifest: bytes
    signature: bytes
    header: bytes
    shared: bytes
    shared_blind: bytes
    inclusion: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, manifest: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., header: _Optional[bytes] = ..., shared: _Optional[bytes] = ..., shared_blind: _Optional[bytes] = ..., inclusion: _Optional[_Iterable[bytes]] = ...) -> None: ...

class PagesRequest(_message.Message):
    __slots__ = ("agreement", "epoch", "delta", "part", "first", "count")
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    agreement: bytes
    epoch: int
    delta: int
    part: str
    first: int
    count: int
    def __init__(self, agreement: _Optional[bytes] = ..., epoch: _Optional[int] = ..., delta: _Optional[int] = ..., part: _Optional[str] = ..., first: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class PagesReply(_message.Message):
    __slots__ = ("pages",)
    PAGES_FIELD_NUMBER: _ClassVar[int]
    pages: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, pages: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RunClass(_message.Message):
    __slots__ = ("algorithm", "size_class")
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    SIZE_CLASS_FIELD_NUMBER: _ClassVar[int]
    algorithm: str
    size_class: int
    def __init__(self, algorithm: _Optional[str] = ..., size_class: _Optional[int] = ...) -> None: ...

class OpenRequest(_message.Message):
    __slots__ = ("agreement", "run", "epoch", "classes", "signature")
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    agreement: bytes
    run: bytes
    epoch: int
    classes: _containers.RepeatedCompositeFieldContainer[RunClass]
    signature: bytes
    def __init__(self, agreement: _Optional[bytes] = ..., run: _Optional[bytes] = ..., epoch: _Optional[int] = ..., classes: _Optional[_Iterable[_Union[RunClass, _Mapping]]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class OpenReply(_message.Message):
    __slots__ = ("elements",)
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    elements: int
    def __init__(self, elements: _Optional[int] = ...) -> None: ...

class EvaluateRequest(_message.Message):
    __slots__ = ("run", "number", "elements")
    RUN_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    run: bytes
    number: int
    elements: bytes
    def __init__(self, run: _Optional[bytes] = ..., number: _Optional[int] = ..., elements: _Optional[bytes] = ...) -> None: ...

class EvaluateReply(_message.Message):
    __slots__ = ("elements", "proof")
    ELEMENTS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    elements: bytes
    proof: bytes
    def __init__(self, elements: _Optional[bytes] = ..., proof: _Optional[bytes] = ...) -> None: ...

class SignedManifest(_message.Message):
    __slots__ = ("manifest", "signature")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    manifest: bytes
    signature: bytes
    def __init__(self, manifest: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class CompareManifestsRequest(_message.Message):
    __slots__ = ("shown",)
    SHOWN_FIELD_NUMBER: _ClassVar[int]
    shown: _containers.RepeatedCompositeFieldContainer[SignedManifest]
    def __init__(self, shown: _Optional[_Iterable[_Union[SignedManifest, _Mapping]]] = ...) -> None: ...

class CompareManifestsReply(_message.Message):
    __slots__ = ("shown",)
    SHOWN_FIELD_NUMBER: _ClassVar[int]
    shown: _containers.RepeatedCompositeFieldContainer[SignedManifest]
    def __init__(self, shown: _Optional[_Iterable[_Union[SignedManifest, _Mapping]]] = ...) -> None: ...
