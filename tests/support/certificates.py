"""Authorities and certificates for TLS, made with the program `openssl`."""

import hashlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import run

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @property
    def sha256(self) -> str:
        encoded = ssl.PEM_cert_to_DER_cert(self.certificate.read_text())
        return hashlib.sha256(encoded).hexdigest()

    def keys(self) -> dict[str, Any]:
        """As arguments of `Peer`."""
        return {"certificate_file": self.certificate, "key_file": self.key}

    def copied(self, other: "Pair") -> None:
        """Takes the place of another pair, as a renewed certificate does."""
        other.certificate.write_bytes(self.certificate.read_bytes())
        other.key.write_bytes(self.key.read_bytes())


def presented_sha256(port: int, context: ssl.SSLContext) -> str:
    """SHA-256 of the certificate that a port of this machine presents to a new connection."""
    with (
        socket.create_connection(("127.0.0.1", port)) as line,
        context.wrap_socket(line, server_hostname="127.0.0.1") as secured,
    ):
        return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()


class Authority:
    """Signs certificates that are valid for 127.0.0.1 and localhost."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self.file, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        usage = ("-addext", "keyUsage=critical,keyCertSign")
        files = ("-keyout", self._key, "-out", self.file)
        run(["openssl", "req", "-x509", *_KEY, *files, "-subj", f"/CN={name}", *usage])

    def issue(self, name: str, days: int = 2, host: str = "localhost") -> Pair:
        """A pair with the subject O=Hospital, CN=`name`; expired if `days` is negative."""
        base = self._folder / f"{self._name}-{name}"
        pair = Pair(base.with_suffix(".pem"), base.with_suffix(".key"))
        request, extensions = base.with_suffix(".csr"), base.with_suffix(".ext")
        address = ",IP:127.0.0.1" if host == "localhost" else ""
        extensions.write_text(
            f"subjectAltName=DNS:{host}{address}\nbasicConstraints=CA:FALSE\n"
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        subject = ("-subj", f"/O=Hospital/CN={name}")
        run(["openssl", "req", "-new", *_KEY, "-keyout", pair.key, "-out", request, *subject])
        signed_by = ("-CA", self.file, "-CAkey", self._key, "-days", days)
        result = ("-extfile", extensions, "-out", pair.certificate)
        run(["openssl", "x509", "-req", "-in", request, *signed_by, *result])
        return pair


class Certificates:
    """One authority with what it signed, and a stranger."""

    def __init__(self, folder: Path) -> None:
        authority, stranger = Authority(folder, "authority"), Authority(folder, "stranger")
        self.ca, self.foreign_ca = authority.file, stranger.file
        self.tessera = authority.issue("tessera")
        self.pacs = authority.issue("pacs")
        self.expired = authority.issue("expired", days=-1)
        self.elsewhere = authority.issue("elsewhere", host="elsewhere.example")
        self.foreign = stranger.issue("foreign")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates that all tests of a process share, and do not change."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
