"""Sends malformed associations and PDUs to a gateway's DICOM port.

    python -m benchmarks.fuzz_dicom [--connections 10000] [--seed 1]

Each connection sends a damaged conversation: an association request; one and a C-STORE; one and a
release or an abort; or PDUs in any order. Bytes are changed, cut, repeated, moved or stated in a
wrong length. Then it ends its side, waits, or breaks off. A finding is an answer that takes more
than `ANSWER_S`, a true image that is not stored in between, a traceback in the log, or growth: of
memory, threads or open files from the first tenth of the connections to the last. Needs Linux, and
the test environment.
"""

import argparse
import os
import socket
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from benchmarks.mutate import mutated
from tests.support.dicom.associations import associate
from tests.support.dicom.mr_series import series
from tests.support.dicom.raw_pdus import (
    EXPLICIT,
    MR,
    RELEASE,
    association_request,
    connect,
    data,
    pdu,
    store_command,
)
from tests.support.gateway import Gateway, start
from tests.support.ports import free_port

ANSWER_S = 10.0
"""The gateway waits at most so long for the rest of what a connection begins to send."""
GROWTH = {"resident_mb": 30, "threads": 4, "files": 8}
"""How far the figures may move."""
ABORT = bytes((7, 0, 0, 0, 0, 4, 0, 0, 0, 0))
Parts = list[bytes]


def main() -> None:
    """Raises SystemExit for findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("TESSERA_CACHE", f"{folder}/cache")
        port = free_port()
        gateway = start(
            Path(folder) / "data",
            dicom_port=str(port),
        )
        try:
            findings = fuzzed(gateway, port, options.connections, Random(options.seed))
        finally:
            gateway.stop()
    for finding in findings:
        print(f"Finding: {finding}")
    if findings:
        raise SystemExit(1)
    print("No findings.")


def fuzzed(gateway: Gateway, port: int, connections: int, random: Random) -> list[str]:
    """What is wrong, after so many connections."""
    findings: list[str] = []
    ends: Counter[str] = Counter()
    tenth, early = max(1, connections // 10), {}
    for number in range(1, connections + 1):
        seconds, end = conversation(port, random)
        ends[end] += 1
        if seconds > ANSWER_S:
            findings.append(f"connection {number} was answered after {seconds:.1f} s")
        if number % tenth == 0:
            if not stored(port):
                findings.append(f"a true image was not stored after connection {number}")
            figures = figures_of(gateway)
            early = early or figures
            print(f"{number:6}  {figures}  {dict(ends)}", flush=True)
    time.sleep(ANSWER_S)
    last = figures_of(gateway)
    print(f"   end  {last}")
    findings += [
        f"{name} grew from {early[name]} to {last[name]}"
        for name, most in GROWTH.items()
        if last[name] - early[name] > most
    ]
    if "Traceback" in gateway.log.read_text("utf-8"):
        findings.append("there is a traceback in the gateway's log")
    return findings


def conversation(port: int, random: Random) -> tuple[float, str]:
    """Seconds until the gateway ended a damaged conversation, and how it ended."""
    parts = random.choice(CONVERSATIONS)(random)
    for _ in range(random.randint(1, 2)):
        random.choice(DAMAGES)(parts, random)
    with connect(port) as line:
        line.settimeout(2 * ANSWER_S)
        began = time.monotonic()
        try:
            line.sendall(b"".join(parts))
            if random.random() < 0.02:
                time.sleep(0.1)
                return 0.0, "broken off"
            line.shutdown(socket.SHUT_WR)
            answer = b""
            while block := line.recv(1 << 16):
                answer += block
        except TimeoutError:
            return 2 * ANSWER_S, "silent"
        except OSError:
            return time.monotonic() - began, "reset"
        return time.monotonic() - began, f"PDU {answer[0]}" if answer else "closed"


def _image() -> bytes:
    return bytes(300)


def _opened(_: Random) -> Parts:
    return [association_request()]


def _stored(_: Random) -> Parts:
    return [association_request(), data(3, store_command("1.2.3.4")), data(2, _image()), RELEASE]


def _released(random: Random) -> Parts:
    return [association_request(), random.choice((RELEASE, ABORT))]


def _many_contexts(random: Random) -> Parts:
    contexts, syntaxes = random.randint(1, 128), random.randint(0, 8)
    return [association_request(contexts=contexts, syntaxes=syntaxes, roles=random.randint(0, 8))]


def _any_order(random: Random) -> Parts:
    known = [*_stored(random), ABORT, data(0, _image()), data(1, b""), MR.encode(), b"GET / HTTP/1"]
    return random.choices(known, k=random.randint(1, 6))


def _other_kind(random: Random) -> Parts:
    body = random.randbytes(random.randint(0, 64))
    return [association_request(), pdu(random.randint(0, 255), body)]


def _command(random: Random) -> Parts:
    """A command set of any elements."""
    encoded = b""
    for _ in range(random.randint(0, 8)):
        value = random.choice((b"", b"\0\0", b"1\0", EXPLICIT.encode(), random.randbytes(6)))
        element = random.choice((0, 2, 0x100, 0x110, 0x120, 0x700, 0x800, 0x900, 0x1000))
        encoded += struct.pack("<HHI", random.choice((0, 0, 0, 8)), element, len(value)) + value
    return [association_request(), data(3, encoded), data(2, _image())]


CONVERSATIONS: tuple[Callable[[Random], Parts], ...] = (
    _opened,
    _stored,
    _released,
    _many_contexts,
    _any_order,
    _other_kind,
    _command,
)


def _bytes(parts: Parts, random: Random) -> None:
    n = random.randrange(len(parts))
    parts[n] = mutated(parts[n], "", random)


def _length(parts: Parts, random: Random) -> None:
    n = random.randrange(len(parts))
    length = random.choice((0, 1, 4, 67, 68, 1 << 16, 1 << 24, (1 << 32) - 1))
    parts[n] = parts[n][:2] + struct.pack(">I", length) + parts[n][6:]


def _cut(parts: Parts, random: Random) -> None:
    n = random.randrange(len(parts))
    parts[n] = parts[n][: random.randrange(len(parts[n]) + 1)]


def _repeated(parts: Parts, random: Random) -> None:
    parts *= random.randint(2, 5)


def _moved(parts: Parts, random: Random) -> None:
    random.shuffle(parts)


DAMAGES: tuple[Callable[[Parts, Random], None], ...] = (
    _bytes,
    _bytes,
    _length,
    _cut,
    _repeated,
    _moved,
)


def stored(port: int) -> bool:
    """Whether a true image is stored."""
    (image,) = series(1)
    association = associate(port, [image])
    if not association.is_established:
        return False
    status = association.send_c_store(image).get("Status")
    association.release()
    return bool(status == 0)


def figures_of(gateway: Gateway) -> dict[str, int]:
    """Resident memory, threads and open files of the gateway."""
    process = Path(f"/proc/{gateway.process.pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return {
        "resident_mb": int(status["VmRSS"].split()[0]) >> 10,
        "threads": int(status["Threads"]),
        "files": len(list((process / "fd").iterdir())),
    }


if __name__ == "__main__":
    main()
