"""A job and its life, as data.

        claim            finish
queued -------> running --------> succeeded
  ^ |             | | |
  | | cancel      | | +--fail----> failed ----+
  | +------------ | |                         |
  |   cancelled <-+ |                         |
  |       |  cancel |                         |
  |       +---------|---retry-----------------+
  +requeue, release-+          (requeue at the last attempt: give_up -> failed)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from imaging.errors import Conflict


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Nothing happens any more unless someone asks for a retry."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class JobEvent(StrEnum):
    """What can happen to a job."""

    CLAIM = "claim"
    """A worker takes it: the attempt is counted and the lease begins."""
    FINISH = "finish"
    FAIL = "fail"
    """It cannot succeed (bad input, bad model); not tried again."""
    CANCEL = "cancel"
    REQUEUE = "requeue"
    """The lease expired, or a service was unavailable, and attempts remain."""
    GIVE_UP = "give_up"
    """The same at the last attempt."""
    RELEASE = "release"
    """A worker that shuts down gives it back; the attempt is not counted."""
    RETRY = "retry"
    """Someone asks for another run; attempts count from nought again."""


TRANSITIONS: Mapping[tuple[JobState, JobEvent], JobState] = {
    (JobState.QUEUED, JobEvent.CLAIM): JobState.RUNNING,
    (JobState.QUEUED, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.RUNNING, JobEvent.FINISH): JobState.SUCCEEDED,
    (JobState.RUNNING, JobEvent.FAIL): JobState.FAILED,
    (JobState.RUNNING, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.RUNNING, JobEvent.REQUEUE): JobState.QUEUED,
    (JobState.RUNNING, JobEvent.GIVE_UP): JobState.FAILED,
    (JobState.RUNNING, JobEvent.RELEASE): JobState.QUEUED,
    (JobState.FAILED, JobEvent.RETRY): JobState.QUEUED,
    (JobState.CANCELLED, JobEvent.RETRY): JobState.QUEUED,
}
"""Every legal step; any other (state, event) pair is refused."""


def after(state: JobState, event: JobEvent) -> JobState:
    """The state that follows; raises Conflict where the step is not legal."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        able = ", ".join(s for s, e in TRANSITIONS if e == event)
        raise Conflict(
            f"The job is {state}.",
            expected=f"To {event} it must be {able}.",
            hint="Look at the job's state first.",
        ) from None


def sources(event: JobEvent) -> tuple[JobState, ...]:
    """The states from which `event` is legal, for a compare-and-set."""
    return tuple(s for s, e in TRANSITIONS if e == event)


@dataclass(frozen=True, slots=True)
class Options:
    """How a job is to be run; part of what makes two jobs the same."""

    device: str = "auto"
    """auto, or the name of a runtime."""
    precision: str = "auto"
    """auto or fp32."""
    tile: tuple[int, ...] | None = None
    """At most this per axis, rounded down to a legal size."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running job is: `tiles_done` of `tiles_total` (0 of 0: not planned yet)."""

    tiles_done: int = 0
    tiles_total: int = 0


@dataclass(frozen=True, slots=True)
class StoredScan:
    """A scan that somebody uploaded. `sha256` names its blob; `id` is random and its project's."""

    id: str
    project: str
    sha256: str
    name: str
    """The upload's file name: the project's data, never logged."""
    format: str
    shape: tuple[int, ...]
    """(c, i, j, k) or (c, row, column)."""
    dtype: str
    spacing_mm: tuple[float, ...] | None
    affine: tuple[tuple[float, ...], ...]
    bytes: int
    warnings: tuple[str, ...]
    created_at: float
    series: str | None = None
    """SeriesInstanceUID of a DICOM scan."""


@dataclass(frozen=True, slots=True)
class Job:
    """One segmentation: what was asked, and where it stands. Times are seconds since the epoch."""

    id: str
    project: str
    scans: Mapping[str, str]
    """Channel name -> scan id, in the card's order."""
    model: str
    model_version: str
    model_sha256: str
    options: Options
    priority: int
    """0..9, 9 first."""
    queue: str
    state: JobState
    attempt: int
    """Attempts since the last retry, the running one included."""
    created_at: float
    fence: int = 0
    """Counts every claim and never goes back: it tells an earlier holder from a later one."""
    batch: str | None = None
    worker: str | None = None
    lease_until: float | None = None
    sent_at: float | None = None
    """When a message was last given to the broker; None: it waits to be sent."""
    started_at: float | None = None
    finished_at: float | None = None
    progress: Progress = Progress()
    mask_sha256: str | None = None
    """Blob of the mask; `mask_format`: nifti, png or ome-tiff."""
    mask_format: str | None = None
    preview_sha256: str | None = None
    error: Mapping[str, Any] | None = None
    """An RFC 9457 problem: title, detail, expected, hint."""
    verdict: str | None = None
    """Of the latest review."""

    @property
    def grid_scan(self) -> str:
        """Id of the scan on whose grid the mask lies: the first channel's."""
        return next(iter(self.scans.values()))


@dataclass(frozen=True, slots=True)
class Review:
    """What a reader says of a mask."""

    id: str
    job: str | None
    """None: a mask drawn by hand on `scan`, which no job's mask was the start of."""
    verdict: str
    """accepted, corrected or rejected."""
    comment: str
    reviewer: str
    created_at: float
    mask_sha256: str | None = None
    """Blob of a corrected mask, in `mask_format`."""
    mask_format: str | None = None
    scan: str | None = None
    """The scan on whose grid the corrected mask lies."""
    tag: str | None = None
    """What clients of the MONAI Label surface call the mask; `final` where a reader is done."""
    info: Mapping[str, Any] | None = None
    """What such a client keeps with it: the names of its labels, for one."""


@dataclass(frozen=True, slots=True)
class ImageName:
    """A name by which clients of the MONAI Label surface know a scan; a session's name expires."""

    project: str
    name: str
    scan: str
    created_at: float
    used_at: float
    expiry_s: float | None = None
    """A session that is not used for so long ends; None: no session."""
    brought: bool = False
    """The scan came with this session, and goes with it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that were asked for together."""

    id: str
    project: str
    name: str
    created_at: float
    jobs: tuple[str, ...] = ()
    states: Mapping[JobState, int] = field(default_factory=dict)
