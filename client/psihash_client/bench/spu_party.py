"""One side of a run of SecretFlow's engines. Needs only the package ``spu`` and the standard
library: another interpreter runs the text of this file, so nothing of psihash is imported here.

The one argument is JSON: ``rank``, ``ports`` (of both sides), ``protocol`` (ecdh or rr22),
``both`` (who learns), ``input`` and ``output`` (CSV files with the column ``digest``). Each line
on standard input is one step: the first connects, the second runs.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import socket
import struct
import sys
from typing import Any

COLUMN = "digest"
_TCP_INFO_BYTES, _RECEIVED_AT = 256, 128
"""Where the kernel's ``struct tcp_info`` holds ``tcpi_bytes_received``."""


def main() -> None:
    wanted = json.loads(sys.argv[1])
    psi, link = importlib.import_module("spu.psi"), importlib.import_module("spu.libspu.link")
    _say({"ready": wanted["rank"]})
    sys.stdin.readline()
    description = link.Desc()
    description.recv_timeout_ms = 24 * 3600 * 1000
    for rank, port in enumerate(wanted["ports"]):
        description.add_party(str(rank), f"127.0.0.1:{port}")
    context = link.create_brpc(description, wanted["rank"])
    _say({"connected": wanted["rank"], **_figures()})
    sys.stdin.readline()
    report = psi.psi_execute(_configuration(psi, wanted), context)
    _say({"matched": report.intersection_count, "received": _received(), **_figures()})
    sys.stdin.readline()
    context.stop_link()


def _configuration(psi: Any, wanted: dict[str, Any]) -> Any:
    """The fastest settings that do what a session does: no check for repeated rows, since psihash
    makes it at import, and results in no particular order."""
    protocol = psi.PsiProtocolConfig(
        protocol=getattr(psi.PsiProtocol, "PROTOCOL_" + wanted["protocol"].upper()),
        receiver_rank=0,
        broadcast_result=wanted["both"],
        ecdh_params=psi.EcdhParams(curve=psi.EllipticCurveType.CURVE_25519),
    )
    return psi.PsiExecuteConfig(
        protocol_conf=protocol,
        input_params=psi.InputParams(
            path=wanted["input"], selected_keys=[COLUMN], keys_unique=True
        ),
        output_params=psi.OutputParams(path=wanted["output"], disable_alignment=True),
    )


def _received() -> int | None:
    """Bytes that came in over every connection that is open; None where nobody tells."""
    total = 0
    try:
        for name in os.listdir("/proc/self/fd"):
            total += _received_by(int(name))
    except (OSError, AttributeError):
        return None
    return total


def _received_by(number: int) -> int:
    try:
        with socket.socket(fileno=os.dup(number)) as each:
            if each.type != socket.SOCK_STREAM or each.family == socket.AF_UNIX:
                return 0
            told = each.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:  # not a socket, or one that only listens
        return 0
    received: int = struct.unpack_from("<Q", told, _RECEIVED_AT)[0]
    return received


def _figures() -> dict[str, float]:
    """As psihash_client.bench.usage has them, which cannot be imported here."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    if os.path.exists("/proc/self/status"):
        with open("/proc/self/status") as lines:
            peak = next(int(x.split()[1]) for x in lines if x.startswith("VmHWM:")) / 1024
    return {"core_seconds": used.ru_utime + used.ru_stime, "peak_mib": peak}


def _say(document: dict[str, Any]) -> None:
    _ANSWERS.write(json.dumps(document) + "\n")
    _ANSWERS.flush()


if __name__ == "__main__":
    # The library logs to standard output, which is ours: what it says goes to standard error.
    _ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main()
