"""RFC 9497 against its own vectors, by every implementation of the group; batch and single."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psihash.errors import InputError, ProtocolError
from psihash.psi.group import Group, Rows
from psihash.psi.voprf import MAX_BATCH, Client, Mode, Server, derive_key
from tests.psi.group_cases import every_group, every_pair, rows

FILE = Path(__file__).parents[1] / "vectors" / "rfc9497" / "ristretto255-SHA512.json"
SUITES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
VECTORS = [
    pytest.param(suite, vector, id=f"mode {suite['mode']}, batch {vector['Batch']}, {number}")
    for suite in SUITES
    for number, vector in enumerate(suite["vectors"])
]
every_vector = pytest.mark.parametrize(("suite", "vector"), VECTORS)


def parts(text: str) -> list[bytes]:
    return [bytes.fromhex(part) for part in text.split(",")]


def server_of(group: Group, suite: dict[str, Any]) -> Server:
    return Server(group, Mode(suite["mode"]), group.secret_of(bytes.fromhex(suite["skSm"])))


def client_of(group: Group, suite: dict[str, Any]) -> Client:
    return Client(group, Mode(suite["mode"]), bytes.fromhex(suite.get("pkSm", "")))


def list_of(points: Rows) -> list[bytes]:
    return [row.tobytes() for row in points]


def test_both_modes_and_a_batch_are_there() -> None:
    assert {suite["mode"] for suite in SUITES} == {0, 1}
    assert {vector["Batch"] for suite in SUITES for vector in suite["vectors"]} == {1, 2}


@every_group
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: f"mode {suite['mode']}")
def test_derive_key(group: Group, suite: dict[str, Any]) -> None:
    seed, info = bytes.fromhex(suite["seed"]), bytes.fromhex(suite["keyInfo"])
    key = derive_key(group, Mode(suite["mode"]), seed, info)
    assert key.public == group.secret_of(bytes.fromhex(suite["skSm"])).public
    if suite["mode"] == 1:
        assert key.public.hex() == suite["pkSm"]


@every_group
@every_vector
def test_the_vectors(group: Group, suite: dict[str, Any], vector: dict[str, Any]) -> None:
    client, server = client_of(group, suite), server_of(group, suite)
    inputs = parts(vector["Input"])
    blinded = client.blind(inputs, group.blinds_of(rows(*parts(vector["Blind"]))))
    assert list_of(blinded.elements) == parts(vector["BlindedElement"])
    nonce = None
    if "Proof" in vector:
        nonce = group.secret_of(bytes.fromhex(vector["Proof"]["r"]))
    evaluated, proof = server.blind_evaluate(blinded.elements, nonce)
    assert list_of(evaluated) == parts(vector["EvaluationElement"])
    assert proof.hex() == vector.get("Proof", {}).get("proof", "")
    assert client.finalize(blinded, evaluated, proof) == parts(vector["Output"])
    assert server.evaluate(inputs) == parts(vector["Output"])


@every_pair
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_client_and_a_server_of_any_two_groups(
    group: Group, other: Group, mode: Mode, count: int
) -> None:
    server = Server(other, mode, derive_key(other, mode, b"s" * 32, b"a key"))
    client = Client(group, mode, server.public if mode is Mode.VOPRF else b"")
    inputs = [b"input %d" % number for number in range(count)]
    blinded = client.blind(inputs)
    evaluated, proof = server.blind_evaluate(blinded.elements)
    outputs = client.finalize(blinded, evaluated, proof)
    assert outputs == server.evaluate(inputs)
    assert len(set(outputs)) == count
    assert {len(output) for output in outputs} == {64}


@every_group
def test_blinds_are_fresh(group: Group) -> None:
    client = Client(group, Mode.OPRF)
    first, second = client.blind([b"same", b"same"]), client.blind([b"same", b"same"])
    elements = [*list_of(first.elements), *list_of(second.elements)]
    assert len(set(elements)) == 4


@every_group
def test_a_server_with_another_key_is_found(group: Group) -> None:
    honest = Server(group, Mode.VOPRF, group.new_secret())
    other = Server(group, Mode.VOPRF, group.new_secret())
    client = Client(group, Mode.VOPRF, honest.public)
    blinded = client.blind([b"one", b"two"])
    evaluated, proof = other.blind_evaluate(blinded.elements)
    good, good_proof = honest.blind_evaluate(blinded.elements)
    for elements, shown in ((evaluated, proof), (good[::-1].copy(), good_proof), (good, b"")):
        with pytest.raises(ProtocolError) as caught:
            client.finalize(blinded, elements, shown)
        assert caught.value.code == "group-bad-proof"
    bad = np.zeros_like(good)
    with pytest.raises(ProtocolError) as caught:
        client.finalize(blinded, bad, good_proof)
    assert caught.value.code == "psi-bad-point"
    with pytest.raises(ProtocolError) as caught:
        client.finalize(blinded, good[:1], good_proof)
    assert caught.value.code == "voprf-bad-batch"


@every_group
def test_sizes_are_bounded(group: Group) -> None:
    client = Client(group, Mode.OPRF)
    server = Server(group, Mode.OPRF, group.new_secret())
    for inputs in ([], [b"x" * (MAX_BATCH + 1)], [b""] * (MAX_BATCH + 1)):
        with pytest.raises(InputError):
            client.blind(inputs)
        with pytest.raises(InputError):
            server.evaluate(inputs)
    with pytest.raises(InputError):
        derive_key(group, Mode.OPRF, b"short", b"")
    with pytest.raises(ValueError, match="public key"):
        Client(group, Mode.VOPRF)
