"""What the server tells and takes, as dataclasses.

A test compares them with the OpenAPI description of the gateway. Formats, devices and precisions
are text, because a server may know more of them than this client.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from tessera_client.correction_types import LabelChange
from tessera_client.reading_types import ReadingOptions, ReadingProgress, Verdict

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
"""The states of a job; the last three are final."""
Source = str | PathLike[str] | Sequence[str | PathLike[str]]
"""A scan on this machine: a file, a folder (DICOM series, OME-Zarr), or the files of a series."""

FINAL: tuple[JobState, ...] = ("succeeded", "failed", "cancelled")
"""The states that a job does not leave by itself."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several scans in an upload."""

    name: str
    """Name for people, such as `MR series 3`."""
    slices: int
    """Number of slices."""
    rows: int
    """Rows of a slice, in pixels."""
    columns: int
    """Columns of a slice, in pixels."""
    series: str | None = None
    """SeriesInstanceUID; None where the file is not DICOM."""
    stack: int | None = None
    """Number of the volume in the series, from 1."""
    volume: int | None = None
    """Number of the part in the file, from 1."""
    modality: str = ""
    """Modality of a DICOM series, such as `MR`."""
    localizer: bool = False
    """Whether it is a localizer (scout)."""
    positioned: bool = True
    """False for a DICOM image without a position in the patient."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as RFC 9457 problem details."""

    title: str
    """Title of the kind of problem."""
    status: int
    """HTTP status."""
    detail: str
    """What is wrong."""
    type: str = "about:blank"
    """Kind of the problem; stable between versions."""
    expected: str = ""
    """What was expected."""
    hint: str = ""
    """What to do."""
    instance: str | None = None
    """Id of an unexpected error, which is also in the server's log."""
    choices: tuple[Choice, ...] | None = None
    """The scans of an upload that holds several."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which DICOM series, or which part of a file, becomes a scan, and how."""

    series: str | None = None
    """SeriesInstanceUID."""
    stack: int | None = None
    """Number of the volume in the series, from 1."""
    volume: int | None = None
    """Number of the time point, frame, component or page in the file, from 1."""
    resample: bool = False
    """Whether tilted or unevenly spaced slices are resampled."""
    deidentify: bool = False
    """Whether DICOM is de-identified before it is stored."""


@dataclass(frozen=True, slots=True)
class Window:
    """A window of grey values that a DICOM file states, in the units of the voxels."""

    centre: float
    """Value in the middle of the grey scale."""
    width: float
    """Range of values from black to white."""
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
    """VOI LUT Function (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    explanation: str
    """What the file calls it; may be empty."""
    slices: Literal["all", "most", "middle"]
    """Which slices state it: all, most of them, or, where none is more common, the middle one."""


@dataclass(frozen=True, slots=True)
class UploadedMask:
    """A DICOM Segmentation of an upload: a mask that is stored as a finished job, or a problem."""

    labels: tuple[str, ...]
    """Names of its labels."""
    job: str | None
    """Id of the job that holds it."""
    scan: str | None
    """Id of its scan."""
    problem: Problem | None
    """Why it was refused."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A stored scan."""

    id: str
    """Id of the scan."""
    name: str
    """Name of the file or series."""
    format: str
    """Name of the format, such as `nifti`."""
    dimension: Literal[2, 3]
    """2 for an image, 3 for a volume."""
    shape: tuple[int, ...]
    """(c, i, j, k) or (c, row, column)."""
    dtype: str
    """Type of the voxels, as numpy names it."""
    spacing_mm: tuple[float, ...] | None
    """Distances between voxels in mm; None if unknown."""
    affine: tuple[tuple[float, ...], ...]
    """4 x 4: voxel to RAS+ mm."""
    bytes: int
    """Size of the stored file."""
    sha256: str
    """SHA-256 of the stored file, in hexadecimal."""
    warnings: tuple[str, ...]
    """What is unusual in the file."""
    created_at: datetime
    """When it was stored."""
    series: str | None = None
    """SeriesInstanceUID of a DICOM scan."""
    modality: str | None = None
    """DICOM modality, such as CT; None if the file states none."""
    window: Window | None = None
    """The window that a viewer starts with; None if the file states none."""
    windows: tuple[Window, ...] = ()
    """All windows that a DICOM file states, `window` first."""
    inverted: bool = False
    """Whether a viewer draws the smallest value white."""
    value_unit: str = ""
    """Unit of the values: HU for CT; empty if it is not known."""
    subject: str | None = None
    """Pseudonym of the patient of a DICOM scan."""
    series_number: int | None = None
    """SeriesNumber of a DICOM scan."""
    study_date: str | None = None
    """Date of a DICOM study, YYYY-MM-DD; None if de-identification removed it."""
    study: str | None = None
    """StudyInstanceUID of a DICOM scan."""
    frame_of_reference: str | None = None
    """FrameOfReferenceUID of a DICOM scan."""
    masks: tuple[UploadedMask, ...] = ()
    """DICOM Segmentations that came with it; only in the response to an upload."""


@dataclass(frozen=True, slots=True)
class RefusedScan:
    """A series of an upload that cannot become a scan."""

    name: str
    """Name for people."""
    problem: Problem
    """Why."""


@dataclass(frozen=True, slots=True)
class Upload:
    """All scans of an upload, and the series that cannot become a scan."""

    scans: tuple[Scan, ...]
    """The stored scans."""
    refused: tuple[RefusedScan, ...]
    """The series that were refused."""
    masks: tuple[UploadedMask, ...] = ()
    """DICOM Segmentations of the upload."""


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How to run a job."""

    device: str = "auto"
    """Runtime, such as `cpu` or `cuda`."""
    precision: str = "auto"
    """`auto` or `fp32`."""
    tile: tuple[int, ...] | None = None
    """Largest tile that the network may read, for all axes or for each."""
    mask: str | None = None
    """Use of the scan named `mask`: `crop` or `start`."""
    margin_mm: float = 10.0
    """Margin around the labels of the mask with `crop`, in mm."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """One segmentation: `scan`, or `scans` by channel for a model with several channels."""

    model: str
    """Name of the model."""
    scan: str | None = None
    """Id of the scan."""
    scans: Mapping[str, str] | None = None
    """Channel -> id of its scan."""
    priority: int = 5
    """0 to 9; 9 is the highest."""
    options: JobOptions = JobOptions()
    """How to run it."""
    second_reading: ReadingOptions | None = None
    """Puts the job up for a second reading."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How many tiles of a job are finished."""

    tiles_done: int
    """Number of finished tiles."""
    tiles_total: int
    """Number of all tiles; 0 until it is known."""
    fraction: float = 0.0
    """Share of finished tiles, 0 to 1."""
    preparing: bool = False
    """Whether the network is being prepared on the worker's machine."""


@dataclass(frozen=True, slots=True)
class UnusualSize:
    """A label whose size differs from that in masks of the same model that were accepted, or that
    the network is less sure of than in these."""

    label: int
    """Value of the label in the mask."""
    name: str
    """Its name."""
    size: float
    """In `unit`; 0: the label is missing."""
    unit: str
    """`ml` for a volume, `mm2` or `px` for an image; `share`: `size` is the share of the label's
    voxels that the network is not sure of."""
    usual: float
    """Median of the size in accepted masks, in `unit`."""
    ratio: float
    """How many times the usual size it is."""
    masks: int
    """How many accepted masks have the label."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job: its state, progress and place in the queue."""

    id: str
    """Id of the job."""
    state: JobState
    """Its state."""
    model: str
    """Name of the model."""
    model_version: str
    """Version of the model."""
    scans: dict[str, str]
    """Channel -> scan id."""
    scan_name: str
    """Name of the first scan."""
    priority: int
    """0 to 9; 9 is the highest."""
    options: JobOptions
    """How it runs."""
    batch: str | None
    """Id of its batch."""
    attempt: int
    """Number of the attempt, from 1."""
    progress: Progress
    """How far it is."""
    place_in_queue: int | None
    """1 is next; None once the job runs."""
    eta: datetime | None
    """Estimated end; None without measurements."""
    created_at: datetime
    """When it was created."""
    started_at: datetime | None
    """When a worker began."""
    finished_at: datetime | None
    """When it ended."""
    error: Problem | None
    """Why it failed."""
    verdict: Verdict | None
    """The verdict of the latest review."""
    mask_format: str | None
    """Format in which the mask is stored; None while there is no mask."""
    queue: str = ""
    """The queue that it waits in; empty from an older server."""
    no_worker: bool = False
    """Whether it waits although no running worker serves its queue."""
    waiting_for: str | None = None
    """The part of the installation that it waits for because it is unavailable; None: none."""
    modality: str | None = None
    """DICOM modality of the first scan; None if it is unknown."""
    subject: str | None = None
    """Pseudonym of the patient of the first scan; None if it states no patient."""
    study_date: str | None = None
    """Date of its study, YYYY-MM-DD; None if it is not known."""
    reviewer: str | None = None
    """Name in the latest review; None without a review or a name."""
    warnings: int = 0
    """Number of warnings in the report; 0 from an older server."""
    second_reading: ReadingProgress | None = None
    """How far the second reading is; None without one."""
    uploaded: bool = False
    """Whether its mask was uploaded with the scan, so that no model ran."""
    uploaded_name: str | None = None
    """File name of an uploaded mask, or its series; None for other jobs, or if it is not known."""
    uploaded_by: str | None = None
    """Name in reviews of who uploaded the mask; None as above, and without accounts."""
    review: str | None = None
    """Id of the newest review that counts; None without one."""
    assignee: str | None = None
    """Name of the reader who is to judge it; None if it is nobody in particular."""
    doubts: int = 0
    """Number of reasons in the report to doubt the mask."""
    unusual_sizes: tuple[UnusualSize, ...] = ()
    """Labels whose size differs from that in accepted masks of the same model."""

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self.state in FINAL


@dataclass(frozen=True, slots=True)
class Batch:
    """Several jobs that were created together."""

    id: str
    """Id of the batch."""
    name: str
    """Its name."""
    created_at: datetime
    """When it was created."""
    jobs: tuple[str, ...]
    """Ids of its jobs."""
    states: dict[str, int]
    """State -> number of jobs."""
    fraction: float
    """Share of jobs that have ended, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a model's masks."""

    value: int
    """Value of its voxels."""
    name: str
    """Its name."""
    color: str
    """#rrggbb"""


@dataclass(frozen=True, slots=True)
class Model:
    """A model's main facts, and its complete card."""

    name: str
    """Name to request it by."""
    version: str
    """Its version."""
    title: str
    """Name for people."""
    description: str
    """What it segments."""
    dimension: Literal[2, 3]
    """2 for images, 3 for volumes."""
    channels: tuple[str, ...]
    """Channels that a job needs a scan for."""
    labels: tuple[Label, ...]
    """Labels of its masks."""
    instances: bool
    """Whether the mask holds object numbers instead of label values."""
    exact: bool
    """Whether the mask does not depend on the tiles."""
    licence: str
    """Licence of the network."""
    intended_use: str
    """What it may be used for."""
    card: dict[str, Any] = field(default_factory=dict)
    """The complete card."""


@dataclass(frozen=True, slots=True)
class ReaderMeasurement:
    """What a reviewer measured in the job's first scan."""

    id: str
    """Any id that the caller chooses, once in a review."""
    kind: str
    """length, angle, rectangle, ellipse or probe; the API describes the points of each."""
    points: tuple[tuple[float, ...], ...]
    """RAS+ mm in a volume; (column, row, 0) in an image."""
    label: str = ""
    """Name that the reviewer gave it."""
    size: float | None = None
    """Length, angle or area, which the service computes; None for a probe."""
    unit: str = ""
    """Unit of the size: mm, mm2, px, px2 or degrees."""


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's verdict on a mask."""

    id: str
    """Id of the review."""
    job: str
    """Id of the job."""
    verdict: Verdict
    """The verdict."""
    comment: str
    """Comment of the reviewer."""
    reviewer: str
    """Name of the reviewer."""
    created_at: datetime
    """When it was added."""
    mask_format: str | None
    """Format of the corrected mask; None if there is none."""
    reasons: tuple[str, ...] = ()
    """Why the mask is rejected, such as `missed-part`."""
    withdrawn_at: datetime | None = None
    """When the reviewer withdrew it, so that it no longer counts."""
    role: str | None = None
    """`reading`, `surplus` or `adjudication` in a second reading; None without one."""
    measurements: tuple[ReaderMeasurement, ...] = ()
    """What the reviewer measured in the scan."""
    base: str | None = None
    """Id of the review whose corrected mask was corrected further; None: the job's own mask was, or
    it is not known."""
    seconds: float | None = None
    """How long the reviewer worked on the corrected mask; None if it is not known."""
    changes: tuple[LabelChange, ...] = ()
    """How the corrected mask differs from its base; empty if it is not known."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What became of the assignment of one job."""

    job: str
    """Id of the job."""
    outcome: str
    """`done`, `changed` or `not-found`."""


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of one job in a batch of reviews."""

    job: str
    """Id of the job."""
    outcome: str
    """`done`, or why it was left out: `newer-review`, `reviewed`, `doubted`, `second-reading`,
    `draft`, `unfinished` or `not-found`."""
    review: str | None
    """Id of its new review; None if it was left out."""


@dataclass(frozen=True, slots=True)
class BatchReview:
    """What became of a verdict on many jobs."""

    id: str
    """For its withdrawal."""
    results: tuple[BatchOutcome, ...]
    """In the order of the request."""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format, and what it is used for."""

    name: str
    """Name in requests."""
    title: str
    """Name for people."""
    endings: tuple[str, ...]
    """Endings of file names."""
    media_type: str
    """Media type."""
    scan_dimensions: tuple[int, ...]
    """Scans that can be uploaded in it: 2 for images, 3 for volumes."""
    mask_dimensions: tuple[int, ...]
    """Masks that can be downloaded in it, by the dimension of their scan."""
    report: bool
    """Whether reports can be downloaded in it."""
    scan_format: str | None
    """The format that the scan must have; None: any."""
    delivery: str | None
    """Whether it can be sent to a PACS: `default`, `on request` or None."""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the server can serve."""

    status: Literal["ok", "unavailable"]
    """`ok` if all parts are."""
    parts: dict[str, str] = field(default_factory=dict)
    """Part -> `ok`, or what is wrong with it."""
    version: str = ""
    """Of the gateway; empty where it does not say so."""
    workers: dict[str, int] = field(default_factory=dict)
    """Version -> its running workers. There are several versions during a rolling update."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The results of `segment`."""

    job: Job
    """The finished job."""
    mask: Path
    """The mask, in the geometry of the scan."""
    preview: Path
    """An image (PNG) of the mask over the scan."""
    report_file: Path
    """The report as a JSON file."""
    report: dict[str, Any]
    """The report: model, tiling, times, measurements, warnings."""
