"""PEM files of certificates and keys, and what is wrong with them in words."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import BadRequest

_CERTIFICATE, _KEY = b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY-----"
_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")
_TOO_WEAK = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")


@dataclass(frozen=True, slots=True)
class PemFile:
    """A file, and the setting or the key of the routing table that names it."""

    path: Path
    name: str

    def read(self, what: bytes, kind: str) -> None:
        """Raises BadRequest unless the file can be read and holds the PEM line `what`."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError as error:
            raise self._problem("does not exist", kind) from error
        except OSError as error:
            raise self._problem("cannot be read", kind) from error
        if what not in content:
            raise self._problem(f"holds no {kind}", kind)
        if b"ENCRYPTED" in content and what is _KEY:
            raise self._problem("is protected by a password", f"{kind} without a password")

    def _problem(self, problem: str, kind: str) -> BadRequest:
        return BadRequest(
            f"{self.name}: the file {problem}.",
            expected=f"A file with a {kind} in PEM form that the gateway may read.",
            hint=f"Correct {self.name}, or the file and its permissions.",
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate, followed by intermediate ones where there are any, and its private key."""

    certificate: PemFile
    key: PemFile

    def load_into(self, context: ssl.SSLContext) -> None:
        """Raises BadRequest if a file is missing or not what it should be, or the key does not
        fit."""
        self.certificate.read(_CERTIFICATE, "certificate")
        self.key.read(_KEY, "private key")
        try:
            context.load_cert_chain(self.certificate.path, self.key.path)
        except OSError as error:  # as ssl.SSLError is
            raise self._problem(str(getattr(error, "reason", ""))) from error

    def _problem(self, reason: str) -> BadRequest:
        names = f"{self.certificate.name} and {self.key.name}"
        if reason in _MISMATCHES:
            return BadRequest(
                f"{names}: the key does not fit the certificate.",
                expected="The private key for which the certificate was issued.",
                hint="Set both to files of the same pair.",
            )
        if reason in _TOO_WEAK:
            return BadRequest(
                f"{names}: the certificate is too weak.",
                expected="An RSA key of 2048 bits or more, or an elliptic curve of 256 bits, and "
                "SHA-256 (RFC 9325, 4.5).",
                hint="Have another certificate issued.",
            )
        return BadRequest(
            f"{names}: the files cannot be used.",
            expected="A certificate and its private key in PEM form.",
            hint="Verify both with `openssl x509 -in FILE` and `openssl pkey -in FILE`.",
        )


def load_authorities(context: ssl.SSLContext, file: PemFile) -> None:
    """Trusts the certificates of the file; raises BadRequest if it is missing or holds none."""
    file.read(_CERTIFICATE, "certificate")
    try:
        context.load_verify_locations(file.path)
    except OSError as error:
        raise BadRequest(
            f"{file.name}: the certificates of authorities cannot be used.",
            expected="Certificates in PEM form.",
            hint="Verify the file with `openssl x509 -in FILE`.",
        ) from error
