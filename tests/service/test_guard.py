"""Who may call: Host, Origin, CORS, the binding; and what every answer carries."""

import re
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


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "127.0.0.1.evil.example", "localhost.evil", ""),
        *("127.0.0.1:80@evil.example", "localhost@evil.example", "evil.example@localhost"),
        *("localhost:evil", "localhost:80:80", "localhost:65536", "localhost:-1", "localhost:8e1"),
        *("localhost evil.example", "localhost,evil.example", "localhost/evil", "localhost?evil"),
        *("localhost#evil", "[::1]evil.example", "[::1]@evil.example", "[::1", "::1", ":80"),
        *("localhost.", "localhost%00.evil", "xn--localhost", "localhost\\evil.example"),
    ],
)
def test_foreign_host(gateway: Gateway, host: str) -> None:
    """A site that points its own name at 127.0.0.1 gets nothing (DNS rebinding)."""
    answer = gateway.client.get("/v1/scans", headers={"Host": host})
    check_problem(answer, 421, "evil")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "[::1]:8000", "[::1]", "localhost:"]
)
def test_own_host(gateway: Gateway, host: str) -> None:
    assert gateway.client.get("/v1/scans", headers={"Host": host}).status_code == 200


def test_no_host_or_two(gateway: Gateway) -> None:
    assert " 421 " in _ask(gateway, "GET /v1/scans HTTP/1.0\r\n\r\n")
    two = "GET /v1/scans HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert " 400 " in _ask(gateway, two) or " 421 " in _ask(gateway, two)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://localhost/v1/models?x=1", 200),
        ("HTTP://127.0.0.1:80/v1/models", 200),
        ("http://evil.example/v1/models", 421),
        ("http://localhost@evil.example/v1/models", 421),
        ("http:///v1/models", 421),
        ("http://localhost:80@evil.example", 421),
        ("ftp://localhost/v1/models", 404),
        ("*", 404),
    ],
)
def test_host_in_the_request_target(gateway: Gateway, target: str, status: int) -> None:
    """It counts instead of the Host header (RFC 9112, 3.2.2)."""
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert f" {status} " in _ask(gateway, head)


SECOND = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    ("version", "headers"),
    [
        ("1.1", ("Content-Length: 5", "Transfer-Encoding: chunked")),
        ("1.1", ("Transfer-Encoding: chunked", "Content-Length: 5")),
        ("1.1", ("Content-Length: 0", "Transfer-Encoding: Chunked")),
        ("1.0", ("Transfer-Encoding: chunked",)),
        ("1.1", ("Content-Length: 5", "Content-Length: 6")),
        ("1.1", ("Content-Length: 5, 6",)),
        ("1.1", ("Content-Length: +5",)),
        ("1.1", ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")),
        ("1.1", ("Transfer-Encoding: gzip, chunked",)),
        ("1.1", ("Transfer-Encoding: xchunked",)),
        ("1.1", ("Transfer-Encoding : chunked",)),
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/nothing", "/"])
def test_ambiguous_end_of_a_request(
    gateway: Gateway, path: str, version: str, headers: tuple[str, ...]
) -> None:
    """Refused and closed: what follows is never taken for a second request (RFC 9112, 6.3)."""
    lines = "\r\n".join((f"POST {path} HTTP/{version}", "Host: localhost", *headers))
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as link:
        link.sendall(f"{lines}\r\n\r\n0\r\n\r\n{SECOND}".encode())
        answer = link.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 400 "), answer
    assert " 200 " not in answer, answer


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


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_embeds_or_links(gateway: Gateway, site: str) -> None:
    """Given no Origin: nothing is embedded, and no link fetches from a peer or renews a session."""
    image = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
    frame = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    link = frame | {"Sec-Fetch-Dest": "document"}
    series = "/monai-label/datastore/image?image=1.2.3"
    peer = "/v1/peers/x"
    for path in (series, "/monai-label/session/x", f"{peer}/series", f"{peer}/health"):
        for headers in (image, frame, link):
            check_problem(gateway.client.get(path, headers=headers), 403)
        check_problem(gateway.client.get(path), 404)
        check_problem(gateway.client.get(path, headers={"Sec-Fetch-Site": "same-origin"}), 404)
    check_problem(gateway.client.get("/v1/models", headers=image), 403)
    assert gateway.client.get("/", headers=link).status_code == 200


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


def test_methods_of_every_address(gateway: Gateway) -> None:
    """Allow lists them all, whichever route the address belongs to; OPTIONS is told them, too."""
    described = gateway.client.get("/openapi.json").json()["paths"]
    for path, operations in {**described, "/docs": {"get"}, "/": {"get"}}.items():
        url = re.sub(r"\{\w+\}", "0d9a2f6c1f4b4c0e8f4f5b7a9d3c2e11", path)
        methods = {method.upper() for method in operations} | {"OPTIONS"}
        methods |= {"HEAD"} & ({"HEAD"} if "GET" in methods else set())
        answer = gateway.client.request("PROPFIND", url)
        check_problem(answer, 405)
        if path in ("/v1/scans/pull", "/v1/scans/uploaded"):  # which could be the id of a scan
            methods |= {"GET", "HEAD", "DELETE"}
        assert set(answer.headers["allow"].split(", ")) == methods, path
        options = gateway.client.options(url)
        assert (options.status_code, options.content) == (204, b"")
        assert options.headers["allow"] == answer.headers["allow"]
    check_problem(gateway.client.options("/v1/nothing"), 404)
    check_problem(gateway.client.get("/v1/nothing"), 404)
    check_problem(gateway.client.get("/v1/scans/%2e%2e%2f%2e%2e%2fetc"), 404)


@pytest.mark.parametrize("path", ["/", "/v1/models", "/healthz", "/docs", "/v1/jobs/none"])
def test_head_has_the_headers_of_get(gateway: Gateway, path: str) -> None:
    get, head = gateway.client.get(path), gateway.client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    kept = ("content-type", "content-length", "cache-control", "etag")
    assert [head.headers.get(name) for name in kept] == [get.headers.get(name) for name in kept]
    assert gateway.client.get(path).content == get.content, "the connection can be used again"


def test_head_of_a_file_and_of_an_endless_stream(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes(seed=71))
    job = gateway.job(scan=scan, model="hippocampus-mri-3d")["id"]
    for path, kind in (
        (f"/v1/scans/{scan}/volume", "application/x-nifti"),
        (f"/v1/jobs/{job}/events", "text/event-stream"),
    ):
        answer = gateway.client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"].startswith(kind)
