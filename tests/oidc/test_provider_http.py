"""HTTP to a provider that misbehaves, or whose certificate is from an authority of its own."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from imaging.errors import BadRequest
from service.resources.oidc import provider_http
from service.resources.oidc.problems import ProviderUnavailable
from service.resources.oidc.provider_http import MAX_BYTES, ProviderHttp
from tests.support.certificates import Authority, Pair

pytestmark = pytest.mark.process  # openssl makes certificates


class Answers(BaseHTTPRequestHandler):
    """Each path is a way to answer."""

    def do_GET(self) -> None:
        status = 302 if self.path == "/redirect" else 200
        self.send_response(status)
        self.send_header("Location", "/good")
        self.end_headers()
        if self.path == "/good":
            self.wfile.write(b'{"a": 1}')
        elif self.path == "/list":
            self.wfile.write(b"[1]")
        elif self.path == "/long":
            self.wfile.write(b'"' + b"a" * (MAX_BYTES + 1) + b'"')
        elif self.path == "/slow":
            for _ in range(20):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.1)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving(pair: Pair | None = None) -> Iterator[str]:
    """The address of a server; with TLS if there is a certificate."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"{'http' if pair is None else 'https'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_answers_that_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    http = ProviderHttp(None)
    with serving() as address:
        assert http.get(f"{address}/good") == {"a": 1}
        for path, problem in (
            ("redirect", "status 302"),
            ("list", "no JSON object"),
            ("empty", "no JSON object"),
            ("long", "longer than"),
        ):
            with pytest.raises(ProviderUnavailable, match=problem):
                http.get(f"{address}/{path}")
        monkeypatch.setattr(provider_http, "TIMEOUT_S", 0.3)
        with pytest.raises(ProviderUnavailable, match="takes longer than"):
            http.get(f"{address}/slow")


def test_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "hospital")
    with serving(authority.issue("login")) as address:
        assert ProviderHttp(authority.file).get(f"{address}/good") == {"a": 1}
        with pytest.raises(ProviderUnavailable, match="certificate is not valid"):
            ProviderHttp(None).get(f"{address}/good")
    with pytest.raises(BadRequest, match="TESSERA_OIDC_CA"):
        ProviderHttp(tmp_path / "missing.pem")
