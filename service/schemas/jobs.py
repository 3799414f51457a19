"""Jobs and batches."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from imaging.given_mask import DEFAULT_MARGIN_MM, MAX_MARGIN_MM, MaskUse
from inference.runtime_registry import Precision
from jobs.job import JobState
from jobs.job_filter import Verdict
from jobs.second_reading import ReadingState
from models.card_parts import ModelName
from service.resources.format_names import StoredFormatName
from service.schemas.fields import Device, Identifier, Line, Wire
from service.schemas.problem import Problem
from service.schemas.second_readings import SecondReadingIn


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
    second_reading: SecondReadingIn | None = None
    """Puts the job up for a second reading; needs the permission `readings:manage`."""

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


class UnusualSizeOut(Wire):
    """A label whose size differs from that in masks of the same model that were accepted, or a
    label that the network is less sure of than in these."""

    label: int
    """Value of the label in the mask."""
    name: str
    size: float
    """In `unit`; 0: the label is missing."""
    unit: str
    """`ml` for a volume, `mm2` or `px` for an image. `share`: `size` is the share of the label's
    voxels that the network is not sure of, as `unsure_share` in the report."""
    usual: float
    """Median of the size in accepted masks, in `unit`."""
    ratio: float
    """How many times the usual size it is."""
    masks: int
    """How many accepted masks have the label."""


class ReadingProgressOut(Wire):
    """How far a second reading is; GET /v1/jobs/{id}/second-reading says more."""

    state: ReadingState
    """`open`: readings are missing. `adjudicate`: they differ, and another reader must decide.
    `complete`: the job has its verdict."""
    given: int
    """Number of readings that were given."""
    readers: int
    """Number of readings that are wanted."""


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
    subject: str | None
    """Pseudonym of the patient of the first scan; null if the scan states no patient."""
    study_date: date | None
    """Date of its study; null if it is not known."""
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
    """The verdict of the latest review, or of the second reading once it is complete."""
    reviewer: str | None
    """The name in the review that gave the verdict; null without a review or a name."""
    review: str | None
    """Id of the newest review that counts; null without one, and while readings are missing."""
    assignee: str | None
    """Name of the reader who is to judge it; null if it is nobody in particular."""
    second_reading: ReadingProgressOut | None
    """How far the second reading is; null without one."""
    warnings: int
    """Number of warnings in the report."""
    doubts: int
    """Number of `doubts` in the report: reasons why the mask may be wrong."""
    unusual_sizes: list[UnusualSizeOut]
    """The labels whose size, or share that the network is not sure of, differs most from that in
    the newest 200 accepted masks of the same model, version and project, at most ten; the one that
    differs most comes first. Empty until 20 masks are accepted."""
    mask_format: StoredFormatName | None
    """Format of GET .../mask without `format`; null while there is no mask."""
    uploaded: bool
    """Whether the mask was uploaded with the scan: no model of this installation made it, and
    `uploaded` of the report has its labels."""
    uploaded_name: str | None
    """File name of an uploaded mask, or its series; null for other jobs, or if it is not known."""
    uploaded_by: str | None
    """The name in reviews of who uploaded the mask; null as above, and without accounts."""


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
    """The name in the review that gave the verdict."""
    assignees: dict[str, int]
    """The reader who is to judge it, where one is named."""
    readings: dict[ReadingState, int]
    """State of the second reading, of jobs that have one."""


class BatchReadingIn(SecondReadingIn):
    """Which jobs of a batch are put up for a second reading, and how they are read."""

    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the jobs, chosen at random; at least one."""
    seed: int = 0
    """Another seed chooses other jobs."""


class BatchIn(Wire):
    """Several jobs that are created together."""

    name: Annotated[Line, Field(max_length=200)] = ""
    jobs: Annotated[list[JobIn], Field(min_length=1, max_length=10_000)]
    second_reading: BatchReadingIn | None = None
    """Puts a share of the jobs up for a second reading; needs the permission `readings:manage`."""


class BatchOut(Wire):
    """A batch: how many of its jobs are in which state."""

    id: str
    name: str
    created_at: datetime
    jobs: list[str]
    states: dict[JobState, int]
    fraction: float
