"""Connections are bounded and slow clients closed; honest ones are served meanwhile."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest

from tests.support.answers import check_problem
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes
from tests.support.ports import free_port
from tests.support.waiting import until

HALF = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPLOAD = (
    b"POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; "
    b'name="files"; filename="a"\r\n\r\n'
)


@pytest.fixture
def links() -> Iterator[ExitStack]:
    """Closes the connections of the test."""
    with ExitStack() as stack:
        yield stack


def opened(links: ExitStack, port: int, data: bytes = b"") -> socket.socket:
    link = links.enter_context(socket.create_connection(("127.0.0.1", port), 60))
    with suppress(ConnectionError):  # closed at once
        link.sendall(data)
    return link


def is_closed(link: socket.socket) -> bool:
    """Whether the other side closed it; what it sent before is read."""
    link.setblocking(False)
    try:
        while link.recv(1 << 16):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        link.setblocking(True)
    return True


def all_closed(*links: socket.socket) -> bool:
    return all(map(is_closed, links))


def job(gateway: Gateway, seed: int) -> str:
    """A job that nobody runs, so that its events do not end."""
    scan = gateway.scan(nifti_bytes(seed=seed))
    return str(gateway.job(scan=scan, model="hippocampus-mri-3d")["id"])


def follow(links: ExitStack, gateway: Gateway, job_id: str) -> socket.socket:
    head = f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    link = opened(links, gateway.port, head.encode())
    assert link.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
    return link


def test_slow_clients_are_closed(start_gateway: Start, links: ExitStack) -> None:
    """Those that send or receive nothing, or too little; streams and steady uploads stay."""
    second = free_port()
    gateway = start_gateway(
        request_timeout_s="2",
        min_bytes_per_s="1000",
        keep_alive_s="2",
        monai_label_port=str(second),
    )
    scan = gateway.scan(nifti_bytes((160, 160, 160), seed=1))
    stream = follow(links, gateway, job(gateway, 2))
    steady = opened(links, gateway.port, UPLOAD)
    reader = links.enter_context(socket.socket())
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", gateway.port))
    reader.sendall(f"GET /v1/scans/{scan}/volume HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    drips = [opened(links, gateway.port, start) for start in (HALF, UPLOAD)]
    silent = [
        *(opened(links, gateway.port, start) for start in (b"", HALF, WHOLE, WHOLE + HALF, UPLOAD)),
        opened(links, second, HALF),
    ]
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(0.2):
            steady.sendall(bytes(1000))
            for link in drips:
                with suppress(OSError):
                    link.sendall(b"x")

    sender = threading.Thread(target=send)
    sender.start()
    try:
        until(lambda: all_closed(*drips, *silent))
        time.sleep(2)
        assert not is_closed(steady)
        assert not is_closed(stream)
    finally:
        ended.set()
        sender.join()
    received = 0
    with suppress(ConnectionResetError):
        while block := reader.recv(1 << 16):
            received += len(block)
    assert received < 8_000_000, "the response went on"
    assert httpx.get(f"http://127.0.0.1:{gateway.port}/healthz").status_code == 200


def test_the_longest_waiting_is_closed_at_the_bound(start_gateway: Start, links: ExitStack) -> None:
    gateway = start_gateway(max_connections="20", max_connections_per_address="20")
    stream = follow(links, gateway, job(gateway, 3))
    gateway.client.close()
    waiting = [opened(links, gateway.port, (HALF, b"")[number % 2]) for number in range(40)]
    until(lambda: all_closed(*waiting[:20]))
    assert not any(is_closed(link) for link in waiting[-15:])
    assert not is_closed(stream)
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", timeout=60) as client:
        assert client.get("/v1/models").status_code == 200
        files = {"files": ("a", nifti_bytes(seed=4))}
        assert client.post("/v1/scans", files=files).status_code == 201


def test_health_answers_when_all_connections_are_busy(
    start_gateway: Start, links: ExitStack
) -> None:
    gateway = start_gateway(max_connections="6", max_connections_per_address="6")
    job_id = job(gateway, 5)
    gateway.client.close()
    busy = [follow(links, gateway, job_id) for _ in range(6)]
    url = f"http://127.0.0.1:{gateway.port}"
    for _ in range(3):
        with httpx.Client(base_url=url, timeout=60) as client:
            assert client.get("/healthz").status_code == 200
        with httpx.Client(base_url=url, timeout=60) as client:
            refused = client.get("/v1/models")
            check_problem(refused, 503)
            assert refused.headers["retry-after"]
    for link in busy[:3]:
        link.close()
    until(lambda: httpx.get(f"{url}/v1/models").status_code == 200)


def test_one_address_leaves_connections_for_others(start_gateway: Start, links: ExitStack) -> None:
    gateway = start_gateway(max_connections="20", max_connections_per_address="5")
    other = links.enter_context(
        socket.create_connection(("127.0.0.1", gateway.port), 60, ("127.0.0.2", 0))
    )
    crowd = [opened(links, gateway.port, HALF) for _ in range(40)]
    until(lambda: all_closed(*crowd[:30]))
    assert not is_closed(other)
    other.sendall(WHOLE)
    assert other.recv(1 << 16).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("bound", ["0", "100000"], ids=["bounded", "out of descriptors"])
def test_few_descriptors(start_gateway: Start, links: ExitStack, bound: str) -> None:
    """Also with a bound that is too large, the gateway neither stops nor fills its log."""
    gateway = start_gateway(
        prelude="import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))",
        max_connections=bound,
        max_connections_per_address=bound,
    )
    for _ in range(400):
        opened(links, gateway.port, HALF)
    for seed in (6, 7):
        with httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", timeout=60) as client:
            assert client.get("/healthz").status_code == 200
            files = {"files": ("a", nifti_bytes(seed=seed))}
            assert client.post("/v1/scans", files=files).status_code == 201
    assert gateway.log.stat().st_size < 50_000
