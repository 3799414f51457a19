"""Keys of a `[[peer]]` table about TLS."""

import ssl
from pathlib import Path
from typing import Self

from pydantic import model_validator

from imaging.errors import BadRequest
from service.tls.certificates import CertificateKeys
from service.tls.contexts import client_context
from service.tls.pem_files import Identity, PemFile


class PeerTls(CertificateKeys):
    """TLS to a peer: DICOM with `tls`, and DICOMweb with an address that begins with https."""

    tls: bool = False
    """Whether the peer's DICOM port speaks TLS."""
    ca_file: Path | None = None
    """Certificates of the authorities that sign the peer's; None: those that the system trusts."""
    certificate_file: Path | None = None
    """Our certificate, for a peer that asks for one."""
    key_file: Path | None = None

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file must be given together")
        if self.ca_file or self.certificate_file:
            try:
                self.tls_context(check_host=False)
            except BadRequest as error:
                raise ValueError(error.detail) from error
        return self

    def tls_context(self, *, check_host: bool = True) -> ssl.SSLContext:
        """For one connection, with the files as they are; raises BadRequest as `client_context`."""
        authorities = PemFile(self.ca_file, "ca_file") if self.ca_file else None
        identity = None
        if self.certificate_file and self.key_file:
            identity = Identity(
                PemFile(self.certificate_file, "certificate_file"),
                PemFile(self.key_file, "key_file"),
            )
        return client_context(authorities, identity, check_host=check_host)
