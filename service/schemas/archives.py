"""DICOM peers, series fetched from them and deliveries to them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from service.resources.format_names import DeliveryFormatName
from service.schemas.fields import UID, Identifier, Wire
from service.schemas.problem import Problem


class PeerOut(Wire):
    """A DICOM system that scans come from and results go to."""

    name: str
    search: bool
    """Whether it can be searched and fetched from (DICOMweb)."""
    send: Literal["stow-rs", "c-store"]


class PullIn(Wire):
    """What to fetch from a peer: a series, or all images of a study."""

    peer: Annotated[Identifier, Field(alias="from")]
    study: UID | None = None
    series: UID | None = None
    resample: bool = False
    deidentify: bool = False

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)

    @model_validator(mode="after")
    def _one_of(self) -> "PullIn":
        if self.study is None and self.series is None:
            raise ValueError("give series, or study, or both")
        return self


class DeliveriesIn(Wire):
    """Which results of a job to send to which peers; deliveries that were sent or failed repeat."""

    to: Annotated[list[Identifier], Field(min_length=1, max_length=20)]
    formats: Annotated[list[DeliveryFormatName], Field(min_length=1)] = ["dicom-seg"]  # noqa: RUF012 - pydantic copies it
    review: Identifier | None = None
    """The review whose corrected mask is sent; null: the job's own mask."""


class DeliveryOut(Wire):
    """One object of a job's results that is sent to one peer."""

    id: str
    job: str
    to: str
    format: str
    state: Literal["waiting", "sent", "failed"]
    attempts: int
    created_at: datetime
    due_at: datetime | None
    """Time of the next attempt; null if there is none, or the job has not finished."""
    finished_at: datetime | None
    error: Problem | None
    """Why the delivery failed, or the error of the last attempt."""
    review: str | None
    """The review whose corrected mask is sent; null: the job's own mask."""
    sent_as: str | None
    """The format that the peer accepted: `dicom-seg` for a `dicom-labelmap` that it does not store;
    null until it is sent."""
    commitment: Literal["due", "requested", "committed", "failed"] | None
    """Whether the peer confirmed that it keeps the object; null: it offers no storage commitment,
    or the object is not sent yet."""
