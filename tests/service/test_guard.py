"""Who may call: Host, Origin, CORS, the binding; and what every answer carries."""

import socket

import pytest

from imaging.errors import BadRequest
from jobs.settings import Settings
from service.http.origin_guard import OriginGuard
from service.listen_addresses import check_listen_addresses
from tests.support.answers import check_problem
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes

FRIEND = "https://viewer.example.org"


def _ask(gateway: Gateway, lines: str) -> str:
    """The status line that a hand-written request head gets."""
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as link:
        link.sendall(lines.encode("latin-1"))
        return link.makefile("rb").readline().decode()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_foreign_host(gateway: Gateway, host: str) -> None:
    """A site that points its own name at 127.0.0.1 gets nothing (DNS rebinding)."""
    answer = gateway.client.get("/v1/scans", headers={"Host": host})
    check_problem(answer, 421, "evil")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "[::1]:8000", "[::1]"]
)
def test_own_host(gateway: Gateway, host: str) -> None:
    assert gateway.client.get("/v1/scans", headers={"Host": host}).status_code == 200


def test_no_host_or_two(gateway: Gateway) -> None:
    assert " 421 " in _ask(gateway, "GET /v1/scans HTTP/1.0\r\n\r\n")
    two = "GET /v1/scans HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert " 400 " in _ask(gateway, two) or " 421 " in _ask(gateway, two)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost.evil.example",
        "http://[",
        "file://",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_foreign_origin(gateway: Gateway, origin: str, method: str) -> None:
    """A page of another site can make the browser send this; nothing of it takes effect."""
    kept = gateway.kept()
    files = {"files": ("a", nifti_bytes(seed=99))} if method == "POST" else None
    answer = gateway.client.request(method, "/v1/scans", files=files, headers={"Origin": origin})
    check_problem(answer, 403, "evil")
    assert "access-control-allow-origin" not in answer.headers
    assert gateway.kept() == kept


def test_own_origin(gateway: Gateway) -> None:
    for host in (f"127.0.0.1:{gateway.port}", f"localhost:{gateway.port}"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert gateway.client.get("/v1/models", headers=headers).status_code == 200


def test_default_ports_are_the_same_origin() -> None:
    """Browsers leave :80 and :443 out, and a proxy may take TLS off."""
    door = OriginGuard(lambda *_: None, ["scans.example.org"], [])  # type: ignore[arg-type]
    assert door._is_allowed("https://scans.example.org", "scans.example.org:443")
    assert door._is_allowed("https://scans.example.org", "scans.example.org")
    assert not door._is_allowed("https://scans.example.org:8443", "scans.example.org")
    assert door._is_allowed("http://[fe80::80]", "[fe80::80]:80")
    assert not door._is_allowed("http://[fe80::80]", "[fe80:]")


def test_cors_is_an_allow_list(start_gateway: Start) -> None:
    gateway = start_gateway(allowed_origins=FRIEND, allowed_hosts="127.0.0.1,scans.example.org")
    asks = {"Origin": FRIEND, "Access-Control-Request-Method": "POST"}
    preflight = gateway.client.options("/v1/jobs", headers=asks)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == FRIEND
    real = gateway.client.get("/v1/models", headers={"Origin": FRIEND})
    assert real.headers["access-control-allow-origin"] == FRIEND
    check_problem(gateway.client.get("/v1/models", headers={"Origin": FRIEND + ".evil"}), 403)
    assert gateway.client.get("/healthz", headers={"Host": "scans.example.org"}).status_code == 200
    check_problem(gateway.client.get("/healthz", headers={"Host": "localhost"}), 421)


@pytest.mark.parametrize("path", ["/", "/docs", "/v1/models", "/v1/jobs/none", "/nothing"])
def test_every_answer_is_safe(gateway: Gateway, path: str) -> None:
    headers = gateway.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "server" not in headers
    policy = headers["content-security-policy"]
    assert "http" not in policy, "nothing may be loaded from elsewhere"
    assert "*" not in policy
    if path != "/":
        assert "script-src" not in policy
    if path.startswith("/v1"):
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org", ""])
def test_binding_beyond_loopback(host: str) -> None:
    """Without users it is refused, unless whoever starts it says that something stands in front."""
    with pytest.raises(BadRequest, match="TESSERA_BEHIND_PROXY"):
        check_listen_addresses(Settings(host=host))
    check_listen_addresses(Settings(host=host, behind_proxy=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_binding_to_loopback(host: str) -> None:
    check_listen_addresses(Settings(host=host))


def test_refused_binding_never_listens(start_gateway: Start) -> None:
    with pytest.raises(AssertionError, match="Error: TESSERA_HOST is reachable"):
        start_gateway(host="0.0.0.0")


def test_early_answer_reaches_a_client_that_still_sends(gateway: Gateway) -> None:
    """The answer to a body that is too large is not lost with the connection."""
    for _ in range(5):
        answer = gateway.upload(bytes(40 << 20))
        check_problem(answer, 413)
        assert answer.headers["connection"] == "close"


def test_waiting_client_is_refused_before_it_sends(gateway: Gateway) -> None:
    """A client that waits for leave to send gets the refusal instead, and need not send at all."""
    head = (
        "POST /v1/scans HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
        f"boundary=x\r\nContent-Length: {10**12}\r\nExpect: 100-continue\r\n\r\n"
    )
    assert " 413 " in _ask(gateway, head)


def test_methods_that_a_route_does_not_take(gateway: Gateway) -> None:
    answer = gateway.client.put("/v1/scans")
    check_problem(answer, 405)
    assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]
    check_problem(gateway.client.get("/v1/nothing"), 404)
    check_problem(gateway.client.get("/v1/scans/%2e%2e%2f%2e%2e%2fetc"), 404)
