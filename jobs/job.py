"""A segmentation job: its states, the legal steps between them, and its data.

        claim    begin   finish
queued -------> running --------> succeeded
  ^ |             | | |
  | | cancel      | | +--fail----> failed ----+
  | +------------ | |                         |
  |   cancelled <-+ |                         |
  |       |  cancel |                         |
  |       +---------|---retry-----------------+
  +requeue, release-+          (requeue at the last attempt: give_up -> failed)

`begin` leaves the job running. It divides what a worker does before the job's own work, such as
fetching its scan, from the work itself: an attempt that ends before it is not counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from imaging.errors import Conflict
from imaging.given_mask import DEFAULT_MARGIN_MM, MaskUse

UPLOADED_MASK = "uploaded-mask"
"""Model of a job that holds a mask which was uploaded with its scan. No worker runs such a job."""


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """The job has finished; only a retry changes it."""
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class JobEvent(StrEnum):
    """An event that changes a job's state."""

    CLAIM = "claim"
    """A worker takes the job, and the lease begins."""
    BEGIN = "begin"
    """The scans of the job are there and its own work begins: the attempt is counted."""
    FINISH = "finish"
    FAIL = "fail"
    """The job cannot succeed (bad input, bad model); it is not tried again."""
    CANCEL = "cancel"
    REQUEUE = "requeue"
    """The worker was lost, or an error occurred that may pass, and attempts remain."""
    GIVE_UP = "give_up"
    """As REQUEUE, at the last attempt."""
    RELEASE = "release"
    """The job goes back for a reason that is not its own: its worker shuts down or was killed on
    purpose, or a part of the installation is unavailable. The attempt is not counted."""
    RETRY = "retry"
    """A user requests another run; attempts are counted from zero again."""


TRANSITIONS: Mapping[tuple[JobState, JobEvent], JobState] = {
    (JobState.QUEUED, JobEvent.CLAIM): JobState.RUNNING,
    (JobState.QUEUED, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.RUNNING, JobEvent.BEGIN): JobState.RUNNING,
    (JobState.RUNNING, JobEvent.FINISH): JobState.SUCCEEDED,
    (JobState.RUNNING, JobEvent.FAIL): JobState.FAILED,
    (JobState.RUNNING, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.RUNNING, JobEvent.REQUEUE): JobState.QUEUED,
    (JobState.RUNNING, JobEvent.GIVE_UP): JobState.FAILED,
    (JobState.RUNNING, JobEvent.RELEASE): JobState.QUEUED,
    (JobState.FAILED, JobEvent.RETRY): JobState.QUEUED,
    (JobState.CANCELLED, JobEvent.RETRY): JobState.QUEUED,
}
"""Every legal step. Any other (state, event) pair is refused."""


def after(state: JobState, event: JobEvent, work: str = "job") -> JobState:
    """The state that follows; raises Conflict, which names the `work`, if the step is not legal."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        allowed = ", ".join(s for s, e in TRANSITIONS if e == event)
        raise Conflict(
            f"The {work} is {state}.",
            expected=f"A {work} that is {allowed}: only such a {work} takes the event {event}.",
            hint=f"Read the {work}'s state before you send this request.",
        ) from None


def sources(event: JobEvent) -> tuple[JobState, ...]:
    """The states from which `event` is legal, for a compare-and-set."""
    return tuple(s for s, e in TRANSITIONS if e == event)


@dataclass(frozen=True, slots=True)
class Options:
    """How a job runs. Two requests with different options are different jobs."""

    device: str = "auto"
    """auto, or the name of a runtime."""
    precision: str = "auto"
    """auto or fp32."""
    tile: tuple[int, ...] | None = None
    """Largest tile per axis, rounded down to a legal size; None: chosen by the planner."""
    mask: MaskUse | None = None
    """How the label map `mask` of its scans is used; None: there is none."""
    margin_mm: float = DEFAULT_MARGIN_MM
    """With `crop`: what is segmented around the box of the labels."""

    @property
    def starts_from_mask(self) -> bool:
        """Whether the label map is the result, so that no network runs."""
        return self.mask == "start"


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a job: `tiles_done` of `tiles_total` (0 of 0: not planned yet)."""

    tiles_done: int = 0
    tiles_total: int = 0
    preparing: bool = False
    """The job waits until its network is compiled, measured and checked on its machine."""
    waiting_for: str | None = None
    """The part of the installation that the job, queued or running, waits for: an `errors.Part`."""


@dataclass(frozen=True, slots=True)
class Job:
    """One segmentation: its request and its state. Times are seconds since the epoch."""

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
    """Attempts that began since the last retry, the running one included."""
    created_at: float
    fence: int = 0
    """Number of claims, which never decreases: it identifies the current holder."""
    batch: str | None = None
    worker: str | None = None
    lease_until: float | None = None
    sent_at: float | None = None
    """When a message was last sent to the broker; None: no message was sent yet."""
    started_at: float | None = None
    finished_at: float | None = None
    progress: Progress = Progress()
    mask_sha256: str | None = None
    """Blob of the mask, in `mask_format` (nifti, png or ome-tiff)."""
    mask_format: str | None = None
    preview_sha256: str | None = None
    error: Mapping[str, Any] | None = None
    """An RFC 9457 problem: title, detail, expected, hint."""
    verdict: str | None = None
    """The verdict of the latest review, None without one."""
    traceparent: str | None = None
    """The W3C trace context that its spans continue; None: its request was not traced."""
    uploaded_name: str | None = None
    """File name of an uploaded mask, or its series; None for other jobs, or if it is not known."""
    uploaded_by: str | None = None
    """Who uploaded it, by the name in reviews; None as above, and without accounts."""

    @property
    def uploaded(self) -> bool:
        """Whether its mask was uploaded with the scan, with labels of its own."""
        return (self.model, self.model_sha256) == (UPLOADED_MASK, "")

    @property
    def supplied(self) -> bool:
        """Whether a user supplied its mask, so that no network made it."""
        return self.uploaded or self.options.starts_from_mask

    @property
    def grid_scan(self) -> str:
        """Id of the scan whose grid the mask has: the scan of the first channel."""
        return next(iter(self.scans.values()))
