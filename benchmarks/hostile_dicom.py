"""What hostile connections to the DICOM port cost: memory, waiting, lines of log.

    python -m benchmarks.hostile_dicom

Starts a gateway and prints, as JSON: by how many MB its memory grows while 1.5 GB are sent in one
PDU (once as an association request, once as data); for how long an image waits to be stored beside
200 silent connections from one address, and beside 200 from each of two; and how many bytes the
gateway logs meanwhile. Needs Linux, and the test environment.
"""

import json
import os
import socket
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.support.dicom.associations import associate
from tests.support.dicom.mr_series import series
from tests.support.dicom.raw_pdus import association_request, connect, pdu, received
from tests.support.gateway import Gateway, start
from tests.support.ports import free_port

BYTES = 1_500_000_000
SILENT = 200
PATIENCE_S = 120.0


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("TESSERA_CACHE", f"{folder}/cache")
        port = free_port()
        gateway = start(Path(folder) / "data", dicom_port=str(port))
        try:
            before = _log_bytes(gateway)
            results: dict[str, float] = {"store_alone_s": _store_s(port)}
            results["request_mb"] = _growth_mb(gateway, port, pdu(1, b"", BYTES), associated=False)
            results["data_mb"] = _growth_mb(gateway, port, pdu(4, b"", BYTES), associated=True)
            for addresses in (1, 2):
                name = f"store_beside_{SILENT}_of_{addresses}_s"
                results[name] = _store_beside(port, addresses)
            results["log_bytes"] = _log_bytes(gateway) - before
            print(json.dumps(results, indent=2))
        finally:
            gateway.stop()


def _growth_mb(gateway: Gateway, port: int, start_: bytes, *, associated: bool) -> float:
    """Largest growth of the gateway's memory while BYTES zeros are sent after the header."""
    gateway.forget_peak()
    before = gateway.peak_bytes()
    with connect(port) as line:
        if associated:
            line.sendall(association_request())
            received(line)
        _send_zeros(line, start_)
        time.sleep(1)
    return round((gateway.peak_bytes() - before) / 1e6, 1)


def _send_zeros(line: socket.socket, start_: bytes) -> None:
    try:
        line.sendall(start_)
        for _ in range(BYTES >> 20):
            line.sendall(bytes(1 << 20))
    except OSError:
        return


def _store_beside(port: int, addresses: int) -> float:
    """How long an image waits until it is stored beside silent connections, seconds."""
    with ExitStack() as stack:
        for address in range(addresses):
            for _ in range(SILENT):
                stack.enter_context(connect(port, f"127.0.0.{2 + address}"))
        return _store_s(port)


def _store_s(port: int) -> float:
    image, began = series(1)[0], time.monotonic()
    while time.monotonic() - began < PATIENCE_S:
        association = associate(port, [image])
        if association.is_established:
            status = association.send_c_store(image).get("Status")
            association.release()
            if status == 0:
                break
        time.sleep(0.1)
    return round(time.monotonic() - began, 2)


def _log_bytes(gateway: Gateway) -> int:
    return gateway.log.stat().st_size


if __name__ == "__main__":
    main()
