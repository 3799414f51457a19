"""Other systems: what they have, what is fetched, what is sent."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from service.schemas.fields import UID, Deliverable, Identifier, Wire
from service.schemas.problem import Problem


class PeerOut(Wire):
    """Another system that scans come from and results go to."""

    name: str
    search: bool
    """It can be searched and pulled from (DICOMweb)."""
    send: Literal["stow-rs", "c-store"]


class SeriesOut(Wire):
    """What a peer tells of a series; each by its attribute's keyword, empty where it does not."""

    StudyInstanceUID: str
    SeriesInstanceUID: str
    PatientID: str
    PatientName: str
    StudyDate: str
    StudyDescription: str
    Modality: str
    SeriesDescription: str
    SeriesNumber: str
    BodyPartExamined: str
    NumberOfSeriesRelatedInstances: int | None


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
    """What of a job is to be sent, and to which peers; what was sent or failed goes again."""

    to: Annotated[list[Identifier], Field(min_length=1, max_length=20)]
    formats: Annotated[list[Deliverable], Field(min_length=1)] = ["dicom-seg"]  # noqa: RUF012 - pydantic copies it


class DeliveryOut(Wire):
    id: str
    job: str
    to: str
    format: str
    state: Literal["waiting", "sent", "failed"]
    attempts: int
    created_at: datetime
    due_at: datetime | None
    """When it is tried next; None where it is not, or waits for its job."""
    finished_at: datetime | None
    error: Problem | None
    """Why it failed, or what the last attempt met."""
