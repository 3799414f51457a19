"""One POST: total time, no redirects, no private addresses, whatever the receiver does."""

import socket
import ssl
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from service.resources.webhook_endpoint import WebhookEndpoint
from service.webhooks import http_post
from service.webhooks.http_post import EndpointUnavailable, post
from tests.support.ports import free_port
from tests.support.programs import run
from tests.support.slow_peer import slow_peer
from tests.support.webhook_receiver import receiver, status

MadeEndpoint = Callable[..., WebhookEndpoint]


def test_the_body_and_headers_arrive(endpoint_at: MadeEndpoint) -> None:
    with receiver(status(202)) as remote:
        endpoint = endpoint_at(0, url=f"http://127.0.0.1:{remote.port}/hook/a?key=1")
        assert post(endpoint, b'{"a": 1}', {"webhook-id": "m"}) == 202
    (request,) = remote.requests
    assert (request.path, request.body) == ("/hook/a?key=1", b'{"a": 1}')
    assert request.headers["webhook-id"] == "m"
    assert request.headers["host"] == f"127.0.0.1:{remote.port}"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308, 404, 500])
def test_a_redirect_is_an_answer_like_others(endpoint_at: MadeEndpoint, code: int) -> None:
    with receiver() as other:
        target = status(code, Location=f"http://127.0.0.1:{other.port}/")
        with receiver(target) as remote:
            assert post(endpoint_at(remote.port), b"{}", {}) == code
        assert len(remote.requests) == 1
        assert other.requests == []


DRIPS = {
    "nothing": (b"", b""),
    "status line": (b"HTTP/1.1 2", b"0" * 10_000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-A: 1\r\n" * 10_000),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
}


@pytest.mark.parametrize("drip", DRIPS)
def test_a_slow_receiver_is_left_in_time(endpoint_at: MadeEndpoint, drip: str) -> None:
    start, rest = DRIPS[drip]
    if drip == "nothing":
        rest, every_s = b"x", 600.0
    else:
        every_s = 0.02
    with slow_peer(start, rest, every_s) as peer:
        began = time.monotonic()
        with pytest.raises(EndpointUnavailable, match=r"did not answer within 0\.5 s"):
            post(endpoint_at(peer.port, timeout_s=0.5), b"{}", {})
        assert time.monotonic() - began < 60
        peer.stop_dripping()


@pytest.mark.parametrize(
    "answer", [b"", b"220 mail.example.org ESMTP\r\n", b"HTTP/1.1 abc\r\n\r\n", b"X" * 100_000]
)
def test_what_is_no_http_is_named(endpoint_at: MadeEndpoint, answer: bytes) -> None:
    with slow_peer(answer, b"") as peer, pytest.raises(EndpointUnavailable) as caught:
        post(endpoint_at(peer.port), b"{}", {})
    assert "did not answer with HTTP" in caught.value.detail
    assert "mail" not in str(caught.value)


def test_an_endless_body_is_not_read(endpoint_at: MadeEndpoint) -> None:
    sent = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"x" * 65536)
                sent += 65536
        except OSError:
            handler.close_connection = True

    with receiver(endless) as remote:
        assert post(endpoint_at(remote.port), b"{}", {}) == 200
    assert sent < 64 << 20


def test_nobody_listens(endpoint_at: MadeEndpoint) -> None:
    with pytest.raises(EndpointUnavailable, match="refuses connections"):
        post(endpoint_at(free_port()), b"{}", {})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
def test_a_private_address_is_not_connected_to(endpoint_at: MadeEndpoint, host: str) -> None:
    """Given an endpoint that is not marked private, in several notations of loopback."""
    with receiver() as remote:
        endpoint = endpoint_at(0, url=f"https://{host}:{remote.port}/", private=False)
        with pytest.raises(EndpointUnavailable, match="no public address") as caught:
            post(endpoint, b"{}", {})
        assert "private = true" in caught.value.hint
    assert remote.requests == []


def test_the_checked_address_is_the_one_connected_to(
    endpoint_at: MadeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a name whose address changes after its look-up: there is no second look-up."""
    lookups: list[str] = []

    def rebinding(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        lookups.append(host)
        address = "127.0.0.1" if len(lookups) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    with receiver() as remote:
        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        assert post(endpoint_at(0, url=f"http://ris.test:{remote.port}/"), b"{}", {}) == 204
    assert lookups == ["ris.test"]
    assert remote.requests[0].headers["host"] == f"ris.test:{remote.port}"


def test_proxies_of_the_environment_are_not_used(
    endpoint_at: MadeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver() as proxy, receiver() as remote:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert post(endpoint_at(remote.port), b"{}", {}) == 204
    assert proxy.requests == []


def _certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """A self-signed certificate for this address, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = f"subjectAltName=IP:{address}"
    files = ("-keyout", str(key), "-out", str(certificate))
    run([*command.split(), "-subj", "/CN=receiver", "-addext", names, *files])
    return certificate, key


@pytest.mark.process
@pytest.mark.parametrize(
    ("address", "trusted"), [("127.0.0.1", True), ("10.9.8.7", True), ("127.0.0.1", False)]
)
def test_the_certificate_is_verified(
    endpoint_at: MadeEndpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    trusted: bool,
) -> None:
    """Given a certificate of this host, of another host, and of nobody that is trusted."""
    certificate, key = _certificate(tmp_path, address)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    http_post._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with receiver() as remote:
        server = remote._server
        server.socket = context.wrap_socket(server.socket, server_side=True)
        endpoint = endpoint_at(0, url=f"https://127.0.0.1:{remote.port}/hook")
        if trusted and address == "127.0.0.1":
            assert post(endpoint, b"{}", {}) == 204
            assert remote.requests[0].headers["host"] == f"127.0.0.1:{remote.port}"
        else:
            with pytest.raises(EndpointUnavailable, match="certificate is not valid"):
                post(endpoint, b"{}", {})
            assert remote.requests == []
    http_post._tls.cache_clear()
