"""Measures a gateway while hostile clients hold its connections.

    .venv-test/bin/python -P -m benchmarks.hostile_clients --files 1024 --seconds 60

It starts a gateway whose limit of open files is `--files` (which it cannot raise), opens half-open
connections, idle connections, bodies of one byte a second and readers that do not read, and keeps
opening them again when they are closed. Meanwhile it asks for /healthz on new connections, and
uploads small scans as an honest client. It prints one line of JSON.

`--source` measures the code of another checkout with the environment of this one.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import nibabel
import numpy as np
import psutil

_HALF_OPEN = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
_BODY = (
    b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
)
_HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_TIMEOUT_S = 10.0


@dataclass
class Measured:
    """What the honest clients saw."""

    health_ms: list[float] = field(default_factory=list)
    health_failed: int = 0
    honest: int = 0
    honest_failed: int = 0


async def _held(
    port: int, again_s: float, talk: Callable[[socket.socket], Awaitable[None]]
) -> None:
    """Opens a connection, talks, and opens another one when it is closed."""
    loop = asyncio.get_running_loop()
    while True:
        with socket.socket() as link:
            link.setblocking(False)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                await loop.sock_connect(link, ("127.0.0.1", port))
                await talk(link)
            except OSError:
                pass
        await asyncio.sleep(random.uniform(0.5, 1.5) * again_s)


async def _half_open(link: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(link, _HALF_OPEN)
    await loop.sock_recv(link, 1)


async def _idle(link: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(link, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while await loop.sock_recv(link, 4096):
        pass


async def _slow_body(link: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(link, _BODY)
    while True:
        await loop.sock_sendall(link, b"x")
        await asyncio.sleep(1)


def _slow_reader(scan: str) -> Callable[[socket.socket], Awaitable[None]]:
    async def talk(link: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        head = f"GET /v1/scans/{scan}/volume HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await loop.sock_sendall(link, head.encode())
        while await loop.sock_recv(link, 16):
            await asyncio.sleep(1)

    return talk


async def _attack(port: int, again_s: float, counts: tuple[int, ...], scan: str) -> None:
    talks = (_half_open, _idle, _slow_body, _slow_reader(scan))
    pairs = zip(counts, talks, strict=True)
    await asyncio.gather(
        *(_held(port, again_s, talk) for number, talk in pairs for _ in range(number))
    )


def _attacker(*arguments: Any) -> None:
    """In a process of its own, so that what it costs is not measured."""
    asyncio.run(_attack(*arguments))


def _health(port: int, seen: Measured, ended: threading.Event) -> None:
    while not ended.wait(0.05):
        started = time.perf_counter()
        try:
            with socket.create_connection(("127.0.0.1", port), _TIMEOUT_S) as link:
                link.sendall(_HEALTH)
                served = link.recv(4096).startswith(b"HTTP/1.1 200 ")
        except OSError:
            served = False
        if served:
            seen.health_ms.append((time.perf_counter() - started) * 1e3)
        else:
            seen.health_failed += 1


def _honest(url: str, seen: Measured, ended: threading.Event) -> None:
    for seed in count():
        if ended.wait(0.5):
            return
        try:
            with httpx.Client(trust_env=False, timeout=_TIMEOUT_S, verify=False) as client:
                files = {"files": ("a.nii", _nifti(seed, 16))}
                sent = client.post(f"{url}/v1/scans", files=files).raise_for_status()
                client.get(f"{url}/v1/scans/{sent.json()['id']}").raise_for_status()
            seen.honest += 1
        except httpx.HTTPError:
            seen.honest_failed += 1


def _nifti(seed: int, edge: int) -> bytes:
    values = np.random.default_rng(seed).integers(0, 1000, (edge,) * 3, np.int16)
    return bytes(nibabel.Nifti1Image(values, np.eye(4)).to_bytes())


def _measure(options: argparse.Namespace, process: psutil.Process) -> dict[str, Any]:
    url = f"http://127.0.0.1:{options.port}"
    large = httpx.post(f"{url}/v1/scans", files={"files": ("a.nii", _nifti(0, 160))}, timeout=60)
    counts = (options.half_open, options.idle, options.bodies, options.readers)
    attacker = multiprocessing.Process(
        target=_attacker,
        args=(options.port, options.again, counts, large.json()["id"]),
        daemon=True,
    )
    attacker.start()
    time.sleep(options.settle)
    seen, ended = Measured(), threading.Event()
    threads = [
        threading.Thread(target=_health, args=(options.port, seen, ended)),
        threading.Thread(target=_honest, args=(url, seen, ended)),
    ]
    for thread in threads:
        thread.start()
    files, memory = 0, 0
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        time.sleep(1)
        files, memory = max(files, process.num_fds()), max(memory, process.memory_info().rss)
    ended.set()
    for thread in threads:
        thread.join()
    attacker.kill()
    return {
        "health": _spread(seen.health_ms) | {"failed": seen.health_failed},
        "honest": {"served": seen.honest, "failed": seen.honest_failed},
        "files": files,
        "memory_mb": memory >> 20,
        "processor_s": round(sum(process.cpu_times()[:2]), 1),
    }


def _spread(ms: list[float]) -> dict[str, float]:
    if not ms:
        return {"asked": 0}
    ordered = sorted(ms)
    return {
        "asked": len(ms),
        "p50_ms": round(statistics.median(ordered), 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
        "max_ms": round(ordered[-1], 1),
    }


def _start(options: argparse.Namespace, data: Path, log: Path) -> "subprocess.Popen[bytes]":
    limit = (options.files, options.files)
    program = (
        f"import sys; sys.path.insert(0, {str(options.source)!r}); "
        "from cli.main import main; main()"
    )
    environment = {
        "TESSERA_DATA": str(data),
        "TESSERA_PORT": str(options.port),
        "TESSERA_BROKER_URL": "file://",
    }
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", program, "gateway"],
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
        )


def main() -> None:
    """Runs the measurement that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1024)
    parser.add_argument("--half-open", type=int, default=2000)
    parser.add_argument("--idle", type=int, default=500)
    parser.add_argument("--bodies", type=int, default=100)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--again", type=float, default=10, help="seconds until a client returns")
    parser.add_argument("--settle", type=float, default=5)
    parser.add_argument("--port", type=int, default=18473)
    parser.add_argument("--source", type=Path, default=Path(__file__).parent.parent)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1 << 16), hard))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "gateway.log"
        process = _start(options, Path(folder) / "data", log)
        try:
            _wait(f"http://127.0.0.1:{options.port}/healthz")
            result = _measure(options, psutil.Process(process.pid))
        finally:
            process.kill()
            process.wait()
        print(json.dumps(result | {"log_bytes": log.stat().st_size}))


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            httpx.get(url, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("The gateway did not start.")


if __name__ == "__main__":
    main()
