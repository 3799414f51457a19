"""Peers: the DICOM systems that scans come from and results go to, and how they fail."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from imaging.errors import BadRequest, Unavailable
from jobs.settings import AE_TITLE
from service.resources.for_projects import ForProjects
from service.resources.peer_login import PeerLogin
from service.resources.peer_tls import PeerTls
from service.tls.certificates import CertificateKeys

PeerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
AeTitle = Annotated[str, Field(pattern=AE_TITLE)]


class PeerUnavailable(Unavailable):
    """The peer does not answer, or is overloaded; another attempt may succeed."""


class PeerTooSlow(PeerUnavailable):
    """The peer's answer was not complete in time."""


class PeerRefused(BadRequest):
    """The peer answered with a refusal that another attempt will not change."""


class OtherImages(PeerRefused):
    """The peer answered with another study or series than it was asked for."""


class ObjectRefused(PeerRefused):
    """The peer does not store this kind of object, and may store another kind."""


class Peer(ForProjects, PeerTls, PeerLogin):
    """A `[[peer]]` table: searched and fetched from by DICOMweb; sent to by DICOMweb or C-STORE."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PeerName
    dicomweb: Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")] | None = None
    """Root of the DICOMweb service, such as http://127.0.0.1:8042/dicom-web."""
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    ae_title: AeTitle | None = None
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    storage_commitment: bool = False
    """Whether the peer is asked to confirm that it keeps an object, after it was sent."""
    corrected_masks: bool = False
    """Whether a mask that a reader corrected is sent to the peer by itself, in the formats in which
    the job's own results are."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if len({self.host is None, self.port is None, self.ae_title is None}) != 1:
            raise ValueError("host, port and ae_title must be given together")
        if self.dicomweb is None and self.host is None:
            raise ValueError("give dicomweb, or host, port and ae_title, or both")
        if self.storage_commitment and self.host is None:
            raise ValueError("storage_commitment needs host, port and ae_title")
        return self

    @model_validator(mode="after")
    def _secured(self) -> Self:
        https = self.dicomweb is not None and self.dicomweb.startswith("https://")
        if self.tls and self.host is None:
            raise ValueError("tls needs host, port and ae_title; for DICOMweb, write https://")
        if (self.ca_file or self.certificate_file) and not (self.tls or https):
            raise ValueError("ca_file and certificate_file need tls = true, or https in dicomweb")
        if self.names_certificate and self.ae_title is None:
            raise ValueError("certificate_sha256, _name and _subject need ae_title")
        if self.has_login and self.dicomweb is None:
            raise ValueError("user name, password and token are for dicomweb")
        return self


class Sender(CertificateKeys):
    """A `[[sender]]` table: a system that only sends to us, known by its certificate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ae_title: AeTitle

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.names_certificate:
            raise ValueError("give certificate_sha256, certificate_name or certificate_subject")
        return self
