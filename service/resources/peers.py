"""Peers: the DICOM systems that scans come from and results go to, and how they fail."""

import os
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from imaging.errors import BadRequest, Unavailable
from jobs.settings import AE_TITLE

PeerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class PeerUnavailable(Unavailable):
    """The peer does not answer, or is overloaded; another attempt may succeed."""


class PeerTooSlow(PeerUnavailable):
    """The peer's answer was not complete in time."""


class PeerRefused(BadRequest):
    """The peer answered with a refusal that another attempt will not change."""


class ObjectRefused(PeerRefused):
    """The peer does not store this kind of object, and may store another kind."""


class Peer(BaseModel):
    """A `[[peer]]` table: searched and fetched from by DICOMweb; sent to by DICOMweb or C-STORE."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: PeerName
    dicomweb: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    """Root of the DICOMweb service, such as http://127.0.0.1:8042/dicom-web."""
    username_env: str | None = None
    """Names of environment variables that hold user name and password, which keeps them out of
    the file."""
    password_env: str | None = None
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    ae_title: Annotated[str, Field(pattern=AE_TITLE)] | None = None
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
        if (self.username_env is None) != (self.password_env is None):
            raise ValueError("username_env and password_env must be given together")
        for name in (self.username_env, self.password_env):
            if name is not None and name not in os.environ:
                raise ValueError(f"the environment variable {name} is not set")
        return self

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User name and password, or None."""
        if self.username_env is None or self.password_env is None:
            return None
        return os.environ[self.username_env], os.environ[self.password_env]
