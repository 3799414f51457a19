"""Which certificate a peer must present, by fingerprint, name or subject."""

import hashlib
import ssl
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "countryName": "C",
}
"""Names of attributes in Python, and in RFC 4514."""

Fingerprint = Annotated[
    str,
    Field(pattern=r"^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$"),
    AfterValidator(lambda text: text.replace(":", "").lower()),
]
"""SHA-256 of a certificate in hexadecimal digits, with or without colons."""


@dataclass(frozen=True, slots=True)
class PresentedCertificate:
    """A certificate that the other side presented, and that was verified."""

    sha256: str
    """In small hexadecimal digits."""
    subject: frozenset[tuple[str, str]]
    """Attributes by their short names, such as CN."""
    names: frozenset[str]
    """Subject alternative names: DNS names in small letters, IP addresses, and others."""

    @classmethod
    def of(cls, connection: object) -> Self | None:
        """The certificate of the other side; None without TLS, or if it presented none."""
        if not isinstance(connection, ssl.SSLSocket):
            return None
        encoded = connection.getpeercert(binary_form=True)
        facts: dict[str, Any] = connection.getpeercert() or {}
        if not encoded or not facts:
            return None
        return cls(
            hashlib.sha256(encoded).hexdigest(),
            frozenset(
                (_SHORT.get(name, name), value)
                for relative in facts.get("subject", ())
                for name, value in relative
            ),
            frozenset(str(value).lower() for _, value in facts.get("subjectAltName", ())),
        )


class CertificateSubject(BaseModel):
    """Attributes of a subject (RFC 4514); those that are given must be in the certificate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    CN: str | None = None
    O: str | None = None  # noqa: E741 - its name in RFC 4514
    OU: str | None = None
    L: str | None = None
    ST: str | None = None
    C: str | None = None

    @property
    def attributes(self) -> frozenset[tuple[str, str]]:
        """Those that are given, by their names."""
        return frozenset(self.model_dump(exclude_none=True).items())


class CertificateKeys(BaseModel):
    """Keys of the routing table that say which certificate a system presents.

    All that are given must match.
    """

    model_config = ConfigDict(frozen=True)

    certificate_sha256: Annotated[
        tuple[Fingerprint, ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    ] = ()
    """One or several certificates, such as the present and the next one."""
    certificate_name: str | None = None
    """A subject alternative name: a DNS name or an IP address."""
    certificate_subject: CertificateSubject | None = None

    @property
    def names_certificate(self) -> bool:
        """Whether any of them is given."""
        return bool(
            self.certificate_sha256
            or self.certificate_name
            or (self.certificate_subject and self.certificate_subject.attributes)
        )

    def mismatch(self, presented: PresentedCertificate | None) -> str:
        """Why this is not the certificate, without its content; "" if it is."""
        if presented is None:
            return "it presents no certificate"
        if self.certificate_sha256 and presented.sha256 not in self.certificate_sha256:
            return f"its certificate has another SHA-256, {presented.sha256}"
        if self.certificate_name and self.certificate_name.lower() not in presented.names:
            return f"its certificate (SHA-256 {presented.sha256}) has another name"
        subject = self.certificate_subject
        if subject is not None and not subject.attributes <= presented.subject:
            return f"its certificate (SHA-256 {presented.sha256}) has another subject"
        return ""
