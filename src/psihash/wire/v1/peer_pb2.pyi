from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Document(_message.Message):
    __slots__ = ("body",)
    BODY_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    def __init__(self, body: _Optional[bytes] = ...) -> None: ...

class SyncRequest(_message.Message):
    __slots__ = ("documents", "received", "received_signature", "received_outcomes")
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    received: _containers.RepeatedScalarFieldContainer[bytes]
    received_signature: bytes
    received_outcomes: _containers.RepeatedCompositeFieldContainer[DocumentOutcome]
    def __init__(self, documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., received: _Optional[_Iterable[bytes]] = ..., received_signature: _Optional[bytes] = ..., received_outcomes: _Optional[_Iterable[_Union[DocumentOutcome, _Mapping]]] = ...) -> None: ...

class SyncReply(_message.Message):
    __slots__ = ("documents", "outcomes", "outcomes_signature")
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    documents: _containers.RepeatedCompositeFieldContainer[Document]
    outcomes: _containers.RepeatedCompositeFieldContainer[DocumentOutcome]
    outcomes_signature: bytes
    def __init__(self, documents: _Optional[_Iterable[_Union[Document, _Mapping]]] = ..., outcomes: _Optional[_Iterable[_Union[DocumentOutcome, _Mapping]]] = ..., outcomes_signature: _Optional[bytes] = ...) -> None: ...

class DocumentOutcome(_message.Message):
    __slots__ = ("code",)
    CODE_FIELD_NUMBER: _ClassVar[int]
    code: str
    def __init__(self, code: _Optional[str] = ...) -> None: ...

class PreflightRequest(_message.Message):
    __slots__ = ("agreement", "coverage", "engines")
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    ENGINES_FIELD_NUMBER: _ClassVar[int]
    agreement: str
    coverage: _containers.RepeatedCompositeFieldContainer[AlgorithmCoverage]
    engines: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, agreement: _Optional[str] = ..., coverage: _Optional[_Iterable[_Union[AlgorithmCoverage, _Mapping]]] = ..., engines: _Optional[_Iterable[str]] = ...) -> None: ...

class PreflightReply(_message.Message):
    __slots__ = ("coverage", "engines")
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    ENGINES_FIELD_NUMBER: _ClassVar[int]
    coverage: _containers.RepeatedCompositeFieldContainer[AlgorithmCoverage]
    engines: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, coverage: _Optional[_Iterable[_Union[AlgorithmCoverage, _Mapping]]] = ..., engines: _Optional[_Iterable[str]] = ...) -> None: ...

class AlgorithmCoverage(_message.Message):
    __slots__ = ("algorithm", "percent", "size_class")
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    PERCENT_FIELD_NUMBER: _ClassVar[int]
    SIZE_CLASS_FIELD_NUMBER: _ClassVar[int]
    algorithm: str
    percent: int
    size_class: int
    def __init__(self, algorithm: _Optional[str] = ..., percent: _Optional[int] = ..., size_class: _Optional[int] = ...) -> None: ...

class ExchangeRequest(_message.Message):
    __slots__ = ("channel", "ack", "messages", "room", "hold")
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    channel: bytes
    ack: int
    messages: _containers.RepeatedCompositeFieldContainer[NumberedMessage]
    room: int
    hold: bool
    def __init__(self, channel: _Optional[bytes] = ..., ack: _Optional[int] = ..., messages: _Optional[_Iterable[_Union[NumberedMessage, _Mapping]]] = ..., room: _Optional[int] = ..., hold: bool = ...) -> None: ...

class ExchangeReply(_message.Message):
    __slots__ = ("ack", "messages", "ended")
    ACK_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    ack: int
    messages: _containers.RepeatedCompositeFieldContainer[NumberedMessage]
    ended: bool
    def __init__(self, ack: _Optional[int] = ..., messages: _Optional[_Iterable[_Union[NumberedMessage, _Mapping]]] = ..., ended: bool = ...) -> None: ...

class NumberedMessage(_message.Message):
    __slots__ = ("number", "body")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    number: int
    body: bytes
    def __init__(self, number: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class SettleRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: bytes
    def __init__(self, session: _Optional[bytes] = ...) -> None: ...

class SettleReply(_message.Message):
    __slots__ = ("outcome", "receipt", "aborted_signature")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    ABORTED_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    outcome: str
    receipt: Receipt
    aborted_signature: bytes
    def __init__(self, outcome: _Optional[str] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., aborted_signature: _Optional[bytes] = ...) -> None: ...

class Greeting(_message.Message):
    __slots__ = ("hello", "hello_reply", "refuse")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    HELLO_REPLY_FIELD_NUMBER: _ClassVar[int]
    REFUSE_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    hello_reply: HelloReply
    refuse: Refuse
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., hello_reply: _Optional[_Union[HelloReply, _Mapping]] = ..., refuse: _Optional[_Union[Refuse, _Mapping]] = ...) -> None: ...

class SessionMessage(_message.Message):
    __slots__ = ("offer", "accept", "refuse", "confirm", "frame", "result", "labels", "openings", "records", "receipt", "close", "abort")
    OFFER_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    REFUSE_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    OPENINGS_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    ABORT_FIELD_NUMBER: _ClassVar[int]
    offer: Offer
    accept: Accept
    refuse: Refuse
    confirm: Confirm
    frame: EngineFrame
    result: ResultCheck
    labels: Labels
    openings: Openings
    records: Records
    receipt: Receipt
    close: Close
    abort: Abort
    def __init__(self, offer: _Optional[_Union[Offer, _Mapping]] = ..., accept: _Optional[_Union[Accept, _Mapping]] = ..., refuse: _Optional[_Union[Refuse, _Mapping]] = ..., confirm: _Optional[_Union[Confirm, _Mapping]] = ..., frame: _Optional[_Union[EngineFrame, _Mapping]] = ..., result: _Optional[_Union[ResultCheck, _Mapping]] = ..., labels: _Optional[_Union[Labels, _Mapping]] = ..., openings: _Optional[_Union[Openings, _Mapping]] = ..., records: _Optional[_Union[Records, _Mapping]] = ..., receipt: _Optional[_Union[Receipt, _Mapping]] = ..., close: _Optional[_Union[Close, _Mapping]] = ..., abort: _Optional[_Union[Abort, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "nonce", "own_card", "peer_card", "agreement", "key_exchange", "own_leaf", "peer_leaf", "signature")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    OWN_CARD_FIELD_NUMBER: _ClassVar[int]
    PEER_CARD_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    KEY_EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    OWN_LEAF_FIELD_NUMBER: _ClassVar[int]
    PEER_LEAF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    protocol: str
    nonce: bytes
    own_card: bytes
    peer_card: bytes
    agreement: bytes
    key_exchange: bytes
    own_leaf: bytes
    peer_leaf: bytes
    signature: bytes
    def __init__(self, protocol: _Optional[str] = ..., nonce: _Optional[bytes] = ..., own_card: _Optional[bytes] = ..., peer_card: _Optional[bytes] = ..., agreement: _Optional[bytes] = ..., key_exchange: _Optional[bytes] = ..., own_leaf: _Optional[bytes] = ..., peer_leaf: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class HelloReply(_message.Message):
    __slots__ = ("nonce", "own_card", "peer_card", "key_exchange", "own_leaf", "peer_leaf", "signature")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    OWN_CARD_FIELD_NUMBER: _ClassVar[int]
    PEER_CARD_FIELD_NUMBER: _ClassVar[int]
    KEY_EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    OWN_LEAF_FIELD_NUMBER: _ClassVar[int]
    PEER_LEAF_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    own_card: bytes
    peer_card: bytes
    key_exchange: bytes
    own_leaf: bytes
    peer_leaf: bytes
    signature: bytes
    def __init__(self, nonce: _Optional[bytes] = ..., own_card: _Optional[bytes] = ..., peer_card: _Optional[bytes] = ..., key_exchange: _Optional[bytes] = ..., own_leaf: _Optional[bytes] = ..., peer_leaf: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class SetClass(_message.Message):
    __slots__ = ("algorithm", "size_class")
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    SIZE_CLASS_FIELD_NUMBER: _ClassVar[int]
    algorithm: str
    size_class: int
    def __init__(self, algorithm: _Optional[str] = ..., size_class: _Optional[int] = ...) -> None: ...

class Root(_message.Message):
    __slots__ = ("collection", "algorithm", "size", "root", "previous_size", "consistency")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    collection: str
    algorithm: str
    size: int
    root: bytes
    previous_size: int
    consistency: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, collection: _Optional[str] = ..., algorithm: _Optional[str] = ..., size: _Optional[int] = ..., root: _Optional[bytes] = ..., previous_size: _Optional[int] = ..., consistency: _Optional[_Iterable[bytes]] = ...) -> None: ...

class SeenRoot(_message.Message):
    __slots__ = ("collection", "algorithm", "size")
    COLLECTION_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    collection: str
    algorithm: str
    size: int
    def __init__(self, collection: _Optional[str] = ..., algorithm: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class Offer(_message.Message):
    __slots__ = ("rung", "learn", "engine", "algorithms", "canonicalisation", "classes", "own_annex", "peer_annex", "roots_commitment", "own_case", "expires", "previous_receipt", "seen", "seen_log_size", "keys", "approval")
    RUNG_FIELD_NUMBER: _ClassVar[int]
    LEARN_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    ALGORITHMS_FIELD_NUMBER: _ClassVar[int]
    CANONICALISATION_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    OWN_ANNEX_FIELD_NUMBER: _ClassVar[int]
    PEER_ANNEX_FIELD_NUMBER: _ClassVar[int]
    ROOTS_COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    OWN_CASE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_RECEIPT_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    SEEN_LOG_SIZE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    rung: str
    learn: str
    engine: str
    algorithms: _containers.RepeatedScalarFieldContainer[str]
    canonicalisation: str
    classes: _containers.RepeatedCompositeFieldContainer[SetClass]
    own_annex: bytes
    peer_annex: bytes
    roots_commitment: bytes
    own_case: str
    expires: str
    previous_receipt: bytes
    seen: _containers.RepeatedCompositeFieldContainer[SeenRoot]
    seen_log_size: int
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    approval: bytes
    def __init__(self, rung: _Optional[str] = ..., learn: _Optional[str] = ..., engine: _Optional[str] = ..., algorithms: _Optional[_Iterable[str]] = ..., canonicalisation: _Optional[str] = ..., classes: _Optional[_Iterable[_Union[SetClass, _Mapping]]] = ..., own_annex: _Optional[bytes] = ..., peer_annex: _Optional[bytes] = ..., roots_commitment: _Optional[bytes] = ..., own_case: _Optional[str] = ..., expires: _Optional[str] = ..., previous_receipt: _Optional[bytes] = ..., seen: _Optional[_Iterable[_Union[SeenRoot, _Mapping]]] = ..., seen_log_size: _Optional[int] = ..., keys: _Optional[_Iterable[bytes]] = ..., approval: _Optional[bytes] = ...) -> None: ...

class Accept(_message.Message):
    __slots__ = ("classes", "roots", "own_case", "seen", "seen_log_size", "keys", "approval")
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    OWN_CASE_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    SEEN_LOG_SIZE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_FIELD_NUMBER: _ClassVar[int]
    classes: _containers.RepeatedCompositeFieldContainer[SetClass]
    roots: _containers.RepeatedCompositeFieldContainer[Root]
    own_case: str
    seen: _containers.RepeatedCompositeFieldContainer[SeenRoot]
    seen_log_size: int
    keys: _containers.RepeatedScalarFieldContainer[bytes]
    approval: bytes
    def __init__(self, classes: _Optional[_Iterable[_Union[SetClass, _Mapping]]] = ..., roots: _Optional[_Iterable[_Union[Root, _Mapping]]] = ..., own_case: _Optional[str] = ..., seen: _Optional[_Iterable[_Union[SeenRoot, _Mapping]]] = ..., seen_log_size: _Optional[int] = ..., keys: _Optional[_Iterable[bytes]] = ..., approval: _Optional[bytes] = ...) -> None: ...

class Refuse(_message.Message):
    __slots__ = ("code",)
    CODE_FIELD_NUMBER: _ClassVar[int]
    code: str
    def __init__(self, code: _Optional[str] = ...) -> None: ...

class Confirm(_message.Message):
    __slots__ = ("roots", "roots_nonce", "signature", "checkpoint", "log_consistency")
    ROOTS_FIELD_NUMBER: _ClassVar[int]
    ROOTS_NONCE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LOG_CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    roots: _containers.RepeatedCompositeFieldContainer[Root]
    roots_nonce: bytes
    signature: bytes
    checkpoint: bytes
    log_consistency: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, roots: _Optional[_Iterable[_Union[Root, _Mapping]]] = ..., roots_nonce: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., checkpoint: _Optional[bytes] = ..., log_consistency: _Optional[_Iterable[bytes]] = ...) -> None: ...

class EngineFrame(_message.Message):
    __slots__ = ("run", "body")
    RUN_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    run: int
    body: bytes
    def __init__(self, run: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class ResultCheck(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[AlgorithmResult]
    def __init__(self, results: _Optional[_Iterable[_Union[AlgorithmResult, _Mapping]]] = ...) -> None: ...

class AlgorithmResult(_message.Message):
    __slots__ = ("algorithm", "mac")
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    algorithm: str
    mac: bytes
    def __init__(self, algorithm: _Optional[str] = ..., mac: _Optional[bytes] = ...) -> None: ...

class Labels(_message.Message):
    __slots__ = ("blob", "more")
    BLOB_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    blob: bytes
    more: bool
    def __init__(self, blob: _Optional[bytes] = ..., more: bool = ...) -> None: ...

class Openings(_message.Message):
    __slots__ = ("blob", "more")
    BLOB_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    blob: bytes
    more: bool
    def __init__(self, blob: _Optional[bytes] = ..., more: bool = ...) -> None: ...

class Records(_message.Message):
    __slots__ = ("blob", "more")
    BLOB_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    blob: bytes
    more: bool
    def __init__(self, blob: _Optional[bytes] = ..., more: bool = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("body", "signature")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Close(_message.Message):
    __slots__ = ("checkpoint", "log_consistency")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    LOG_CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    checkpoint: bytes
    log_consistency: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, checkpoint: _Optional[bytes] = ..., log_consistency: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Abort(_message.Message):
    __slots__ = ("code",)
    CODE_FIELD_NUMBER: _ClassVar[int]
    code: str
    def __init__(self, code: _Optional[str] = ...) -> None: ...
