"""The gateway with a certificate of its own: HTTPS on its port, and nothing else."""

import socket
import ssl
from pathlib import Path

import httpx
import pytest

from tests.support.certificates import Certificates, Pair, presented_sha256
from tests.support.gateway import start
from tests.support.images import nifti_bytes
from tests.support.waiting import until


def is_closed(line: socket.socket) -> bool:
    line.settimeout(0.2)
    try:
        return not line.recv(1)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_the_gateway_speaks_https(certificates: Certificates, tmp_path: Path) -> None:
    """From TLS 1.2, with HSTS; a silent connection is closed; a renewed certificate is used."""
    pair = Pair(tmp_path / "own.pem", tmp_path / "own.key")
    certificates.tessera.copied(pair)
    context = ssl.create_default_context(cafile=certificates.ca)
    files = {"tls_certificate": str(pair.certificate), "tls_key": str(pair.key)}
    gateway = start(tmp_path / "data", tls=context, request_timeout_s="1", **files)
    try:
        answer = gateway.client.get("/healthz")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert gateway.scan(nifti_bytes((64, 64, 64)))
        silent = socket.create_connection(("127.0.0.1", gateway.port))
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{gateway.port}/healthz")
        strangers = ssl.create_default_context(cafile=certificates.foreign_ca)
        with pytest.raises(ssl.SSLCertVerificationError):
            presented_sha256(gateway.port, strangers)
        weak = ssl.create_default_context(cafile=certificates.ca)
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        assert presented_sha256(gateway.port, weak) == certificates.tessera.sha256
        weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
        with pytest.raises(ssl.SSLError):
            presented_sha256(gateway.port, weak)
        certificates.pacs.copied(pair)
        assert presented_sha256(gateway.port, context) == certificates.pacs.sha256
        pair.key.write_text("half")
        assert presented_sha256(gateway.port, context) == certificates.pacs.sha256
        assert gateway.client.get("/healthz").is_success
        until(lambda: is_closed(silent))
        silent.close()
    finally:
        gateway.stop()
    log = gateway.log.read_text()
    assert "without TLS (it does not use TLS)" in log
    assert "TESSERA_TLS_KEY: the file holds no private key" in log
    assert "Traceback" not in log


def test_a_missing_file_ends_the_start(tmp_path: Path) -> None:
    none = str(tmp_path / "none.pem")
    with pytest.raises(AssertionError, match="TESSERA_TLS_CERTIFICATE: the file does not exist"):
        start(tmp_path / "data", tls_certificate=none, tls_key=none)
