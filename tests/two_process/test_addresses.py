"""What answers, or does not, at the address on a peer's card."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from psihash import errors
from psihash.node.peering import contact
from psihash.node.running import matching
from tests.two_process import programs
from tests.two_process.agencies import BE, DE, NL, Agencies

pytestmark = pytest.mark.two_process


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(errors.PsihashError) as caught:
        attempt()
    return caught.value.code


def test_another_agency_is_found_out(agencies: Agencies) -> None:
    listen = f"127.0.0.1:{agencies.port}"
    impostor = programs.Program(agencies.home(NL), ["serve", "--listen", listen])
    try:
        programs.until(lambda: "answers on" in impostor.err, 30)
        with agencies.node(DE) as node:
            assert code_of(lambda: contact.sync(node, BE)) == "cert-wrong-agency"
    finally:
        impostor.stop()
    assert agencies.codes(DE)[-1] == "cert-wrong-agency"


def test_nobody_or_something_else_is_said_and_logged(agencies: Agencies) -> None:
    with agencies.node(NL) as node:
        assert code_of(lambda: matching.match(node, BE, agencies.agreement)) == "peer-unreachable"
        assert agencies.codes(NL)[-1] == "peer-unreachable"
        with socket.create_server(("127.0.0.1", agencies.port)) as silent:
            # It takes connections and says nothing.
            assert code_of(lambda: contact.sync(node, BE)) == "peer-unreachable"
            silent.close()
