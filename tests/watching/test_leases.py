"""A store that goes away while somebody holds a lease does not hold up the same process."""

from __future__ import annotations

from typing import Any

import pytest

from psihash import errors
from psihash.node import leasing
from psihash.node.holding import held
from psihash.node.node import Node
from psihash.storage.errors import STORE_FAILED


def gone(*_: Any) -> None:
    raise errors.StorageError(STORE_FAILED, "nobody is there")


def test_what_could_not_be_given_back_is_taken_again(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = leasing.acquire(node, "work")
    with monkeypatch.context() as away:
        away.setattr(node.stores.leases, "release", gone)
        with pytest.raises(errors.StorageError), held(node, lease):
            pass
    again = leasing.acquire(node, "work")
    assert again.token > lease.token
    with pytest.raises(errors.StateError) as caught:
        leasing.acquire(node, "work")  # this one is at work
    assert caught.value.code == leasing.ALREADY_RUNNING


def test_so_is_one_whose_taking_nobody_heard_of(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = node.stores.leases.acquire

    def unheard(*words: str) -> None:
        acquire(*words)
        gone()

    with monkeypatch.context() as away:
        away.setattr(node.stores.leases, "acquire", unheard)
        with pytest.raises(errors.StorageError):
            leasing.acquire(node, "work")
    assert leasing.acquire(node, "work").name == "work"
