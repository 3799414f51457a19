"""Jobs and batches."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from imaging.given_mask import DEFAULT_MARGIN_MM, MAX_MARGIN_MM, MaskUse
from inference.runtime_registry import Precision
from jobs.job import JobState
from jobs.job_filter import Verdict
from service.resources.format_names import StoredFormatName
from service.schemas.fields import Device, Identifier, ModelName, Text, Wire
from service.schemas.problem import Problem


class OptionsIn(Wire):
    """How to run a job; `tile` is the largest tile per axis that the network may read.

    `mask` uses a label map that was uploaded as a scan, and that `scans` names under `mask`, beside
    the scans of the channels. It must be on the grid of the first channel's scan. `crop`: only the
    bounding box of its labels and a margin are segmented. `start`: it is the result, which a
    reviewer then corrects; no network runs.
    """

    device: Device = "auto"
    precision: Precision = "auto"
    tile: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    mask: MaskUse | None = None
    margin_mm: Annotated[float, Field(ge=0, le=MAX_MARGIN_MM)] = DEFAULT_MARGIN_MM
    """Margin around the box with `crop`; in pixels for an image without a pixel size."""


class JobIn(Wire):
    """One segmentation: `scan`, or `scans` by channel name for a model with several channels."""

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


class ProgressOut(Wire):
    """How many tiles of a job are finished."""

    tiles_done: int
    tiles_total: int
    fraction: float
    """Share of finished tiles, 0 to 1."""
    preparing: bool
    """Whether the job waits until its network is compiled, measured and checked on the worker's
    machine. This happens once for each model and machine, and takes seconds."""


class JobOut(Wire):
    """A job: its state, progress and place in the queue."""

    id: str
    state: JobState
    model: str
    model_version: str
    scans: dict[str, str]
    """Channel name -> scan id, first channel first."""
    scan_name: str
    """File name of the first scan, for the worklist."""
    modality: str | None
    """DICOM modality of the first scan, such as CT; null if it is unknown."""
    priority: int
    options: OptionsIn
    batch: str | None
    attempt: int
    """How often the job's own work has begun since it was created or retried. An attempt that ended
    because a part was unavailable, or a worker was stopped, is not counted."""
    progress: ProgressOut
    waiting_for: str | None
    """The part of the installation that the job, or all workers of its queue, wait for because it
    is unavailable: `the object store`, `the database` or `the disk`. The job continues when the
    part is available again; the wait is no attempt. Null if the job waits for none."""
    queue: str
    """The queue that the job waits in: `any` for jobs that every worker can run, otherwise the
    hardware that its device needs."""
    place_in_queue: int | None
    """Place in its queue, 1 is next; null once the job runs."""
    no_worker: bool
    """Whether the job waits although no running worker serves its queue."""
    eta: datetime | None
    """Estimated end, from measured throughput; null if there are no measurements yet, or no worker
    that serves the job's queue."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: Problem | None
    verdict: Literal["accepted", "corrected", "rejected"] | None
    """The verdict of the latest review."""
    reviewer: str | None
    """The name in the latest review; null without a review or a name."""
    warnings: int
    """Number of warnings in the report."""
    mask_format: StoredFormatName | None
    """Format of GET .../mask without `format`; null while there is no mask."""
    uploaded: bool
    """Whether the mask was uploaded with the scan: no model of this installation made it, and
    `uploaded` of the report has its labels."""


class JobPage(Wire):
    """One page of the worklist."""

    jobs: list[JobOut]
    next_cursor: str | None = None


class JobCountsOut(Wire):
    """How many jobs match a filter, in total and by what they have in common."""

    total: int
    states: dict[JobState, int]
    verdicts: dict[Verdict, int]
    """`to_review`: the job has succeeded, and has no verdict."""
    models: dict[str, int]
    modalities: dict[str, int]
    """DICOM modality of the first scan, where it is known."""
    reviewers: dict[str, int]
    """The name in the latest review."""


class BatchIn(Wire):
    """Several jobs that are created together."""

    name: Annotated[Text, Field(max_length=200)] = ""
    jobs: Annotated[list[JobIn], Field(min_length=1, max_length=10_000)]


class BatchOut(Wire):
    """A batch: how many of its jobs are in which state."""

    id: str
    name: str
    created_at: datetime
    jobs: list[str]
    states: dict[JobState, int]
    fraction: float
