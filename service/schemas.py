"""What goes over the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field, model_validator

from jobs.job import JobState

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""Free text; PostgreSQL stores no NUL."""
Cursor = Annotated[str | None, Field(pattern=r"^[\x21-\x7e]{1,200}$")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Any text of the caller's own; the same key again gives the same answer.",
    ),
]
UID = Annotated[str, Field(pattern=r"^[0-9][0-9.]{0,63}$")]
Deliverable = Literal["dicom-seg", "dicom-labelmap", "dicom-sr", "dicom-rtstruct"]
Device = Literal["auto", "cpu", "openvino", "cuda", "tensorrt"]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Choice(_Wire):
    """One of several scans in an upload: send it again with its `series` and `stack`."""

    series: str
    """SeriesInstanceUID."""
    stack: int
    """Volume of the series, from 1."""
    name: str
    modality: str
    slices: int
    rows: int
    columns: int
    localizer: bool
    volume: bool
    """False: a picture that does not say where it lies in the patient."""


class Problem(_Wire):
    """RFC 9457 problem details; `detail` says what came, `expected` and `todo` the rest."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    expected: str = ""
    todo: str = ""
    instance: str | None = None
    choices: list[Choice] | None = None
    """Where an upload holds several scans."""


class ScanOut(_Wire):
    """A stored scan. `shape` is (c, i, j, k) or (c, row, column)."""

    id: str
    name: str
    format: str
    dimension: Literal[2, 3]
    shape: tuple[int, ...]
    dtype: str
    spacing_mm: tuple[float, ...] | None
    affine: tuple[tuple[float, ...], ...]
    bytes: int
    sha256: str
    warnings: tuple[str, ...]
    created_at: datetime
    series: str | None = None
    """SeriesInstanceUID of a DICOM scan."""


class RefusedOut(_Wire):
    """One of several scans that could not be taken."""

    name: str
    problem: Problem


class ScansOut(_Wire):
    """All scans of an upload, and what made none."""

    scans: list[ScanOut]
    refused: list[RefusedOut]


class ScanPage(_Wire):
    scans: list[ScanOut]
    next_cursor: str | None = None


class OptionsIn(_Wire):
    """How to run: `tile` is the most per axis that the network may read at once."""

    device: Device = "auto"
    precision: Literal["auto", "fp32"] = "auto"
    tile: tuple[Annotated[int, Field(ge=1)], ...] | None = None


class JobIn(_Wire):
    """One segmentation: `scan`, or `scans` by channel name where the model's card has several."""

    scan: Identifier | None = None
    scans: dict[str, Identifier] | None = None
    model: ModelName
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    options: OptionsIn = OptionsIn()

    @model_validator(mode="after")
    def _one_of(self) -> "JobIn":
        if (self.scan is None) == (self.scans is None):
            raise ValueError("give either scan, or scans by channel")
        return self


class ProgressOut(_Wire):
    tiles_done: int
    tiles_total: int
    fraction: float
    """0..1"""


class JobOut(_Wire):
    id: str
    state: JobState
    model: str
    model_version: str
    scans: dict[str, str]
    """Channel name -> scan id, first channel first."""
    scan_name: str
    """File name of the first scan, for the worklist."""
    priority: int
    options: OptionsIn
    batch: str | None
    attempt: int
    progress: ProgressOut
    place_in_queue: int | None
    """1 is next; None once it runs."""
    eta: datetime | None
    """When it will be done, from measured throughput; None where nothing was measured yet."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: Problem | None
    verdict: Literal["accepted", "corrected", "rejected"] | None
    """Of the latest review."""
    mask_format: Literal["nifti", "png", "ome-tiff"] | None
    """What GET .../mask gives where no format is asked for; None while there is no mask."""


class JobPage(_Wire):
    jobs: list[JobOut]
    next_cursor: str | None = None


class BatchIn(_Wire):
    name: Annotated[Text, Field(max_length=200)] = ""
    jobs: Annotated[list[JobIn], Field(min_length=1, max_length=10_000)]


class BatchOut(_Wire):
    id: str
    name: str
    created_at: datetime
    jobs: list[str]
    states: dict[JobState, int]
    fraction: float


class ReviewIn(_Wire):
    """A reader's verdict on a mask."""

    verdict: Literal["accepted", "rejected"]
    comment: Annotated[Text, Field(max_length=10_000)] = ""
    reviewer: Annotated[Text, Field(max_length=200)] = ""


class ReviewOut(_Wire):
    id: str
    job: str
    verdict: Literal["accepted", "corrected", "rejected"]
    comment: str
    reviewer: str
    created_at: datetime
    mask_format: Literal["nifti", "png", "ome-tiff"] | None
    """Of the corrected mask, which GET .../reviews/{id}/mask gives; None where there is none."""


class PeerOut(_Wire):
    """Another system that scans come from and results go to."""

    name: str
    search: bool
    """It can be searched and pulled from (DICOMweb)."""
    send: Literal["stow-rs", "c-store"]


class SeriesOut(_Wire):
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


class PullIn(_Wire):
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


class DeliveriesIn(_Wire):
    """What of a job is to be sent, and to which peers; what was sent or failed goes again."""

    to: Annotated[list[Identifier], Field(min_length=1, max_length=20)]
    formats: Annotated[list[Deliverable], Field(min_length=1)] = ["dicom-seg"]


class DeliveryOut(_Wire):
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


class LabelOut(_Wire):
    value: int
    name: str
    color: str
    """#rrggbb"""


class ModelOut(_Wire):
    """What a model's card says; `card` is the whole of it."""

    name: str
    version: str
    title: str
    description: str
    dimension: Literal[2, 3]
    channels: list[str]
    labels: list[LabelOut]
    instances: bool
    """The mask numbers objects instead of bearing label values."""
    exact: bool
    licence: str
    intended_use: str
    card: dict[str, Any]


class Health(_Wire):
    status: Literal["ok", "unavailable"]
    parts: dict[str, str] = {}
    """Part -> `ok` or what is wrong with it."""
