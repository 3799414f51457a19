"""One attempt of a job by a worker that has claimed it: its scans are fetched, its mask is computed
and stored."""

import logging
import math
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imaging.errors import JobLost
from inference.run_context import RunContext
from inference.segmentation_output import SegmentationOutput
from jobs import tracing
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.log_format import log_fields
from jobs.repository import Leases
from jobs.settings import Settings
from workers.attempt_end import AttemptEnd
from workers.breaker import Breaker
from workers.job_claims import are_small
from workers.job_lease import JobLease
from workers.job_segmenter import FetchedScans, JobSegmenter
from workers.job_spans import attempt_spans, note_outcome, note_run
from workers.lease_keeper import LeaseKeeper
from workers.shutdown import Shutdown

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a worker does its jobs with."""

    segmenter: JobSegmenter
    leases: Leases
    keeper: LeaseKeeper
    blobs: Blobs
    settings: Settings
    shutdown: Shutdown
    breaker: Breaker
    scratch: Path
    """Folder for temporary files."""


class JobAttempt:
    """An attempt in three stages, which may run in different threads, one after another.

        fetch      scans on this machine
        compute    the attempt is counted; mask, preview and report in a folder
        store      mask and preview in the store, the end of the job in the database

    The job's lease is kept from the beginning until it ends. A stage that fails ends the attempt
    and reports why, as far as the job is still this worker's; it raises nothing, and the stages
    that follow do nothing.
    """

    def __init__(self, job: Job, tools: Tools) -> None:
        self.job = job
        self.seconds: float | None = None
        """How long the computation took; None: it has not ended, or failed."""
        self._tools = tools
        self._token = tools.shutdown.token()
        self._lease = JobLease(job, tools.leases, tools.settings, self._token)
        self._end = AttemptEnd(
            f"job {job.id}",
            self._lease.held,
            tools.leases,
            tools.settings,
            tools.shutdown,
            tools.breaker,
        )
        self._context = copy_context()
        self._noted, self._open, self._scans_open = ExitStack(), ExitStack(), ExitStack()
        self._folder = tools.scratch
        self._scans: FetchedScans | None = None
        self._output: SegmentationOutput | None = None

    @property
    def voxels(self) -> int:
        """Of its scans; 0 until they are fetched."""
        return self._scans.voxels if self._scans else 0

    @property
    def is_small(self) -> bool:
        """Whether it is computed beside others like it; False until its scans are fetched."""
        return self._scans is not None and are_small(self._scans.shapes)

    def fetch(self) -> None:
        """Gets the scans."""
        self._do(self._fetch)

    def compute(self) -> None:
        """Segments the scans."""
        if self._scans is not None:
            self._do(partial(self._compute, self._scans))

    def store(self) -> None:
        """Stores the mask and ends the job."""
        if self._output is not None:
            self._do(partial(self._store, self._output))

    def _do(self, stage: Callable[[], None]) -> None:
        """In the attempt's own context, whichever thread it is: its log lines and spans."""
        self._context.run(self._reporting, stage)

    def _reporting(self, stage: Callable[[], None]) -> None:
        try:
            try:
                stage()
            except Exception:
                self._scans = self._output = None
                with self._open:
                    self._scans_open.close()
                raise
        except Exception as error:  # noqa: BLE001 - every error is reported to the job's project
            with self._noted:
                note_outcome(*self._end.settle(error))

    def _fetch(self) -> None:
        job = self.job
        fields = {"job": job.id, **({"batch": job.batch} if job.batch else {})}
        self._noted.enter_context(log_fields(**fields))
        self._noted.enter_context(attempt_spans(job))
        log.info("job %s: attempt %d begins", job.id, job.attempt + 1)
        self._open.enter_context(self._tools.keeper.keeping(self._lease))
        temporary = tempfile.TemporaryDirectory(dir=self._tools.scratch)
        self._folder = Path(self._open.enter_context(temporary))
        with tracing.step("fetch scans"):
            self._scans = self._tools.segmenter.fetch(job, self._scans_open)

    def _compute(self, scans: FetchedScans) -> None:
        context = RunContext(
            self._on_tile, self._token, on_preparing=self._on_preparing, step=tracing.step
        )
        with self._scans_open:
            self._begin()
            output = self._tools.segmenter.segment(self.job, scans, self._folder, context)
        if output.fallback:
            log.warning("job %s: %s", self.job.id, output.fallback)
        note_run(output.report)
        self._token.check()
        self._output, self.seconds = output, self._lease.seconds

    def _begin(self) -> None:
        self._tools.shutdown.check(math.inf)
        begin = partial(self._tools.leases.begin, self.job.id, self.job.fence)
        if not self._tools.breaker.insist(begin, self._stops):
            raise JobLost("The job was lost before its own work began.")
        self._lease.begin()

    def _store(self, output: SegmentationOutput) -> None:
        with self._open:
            with tracing.step("store mask"):
                size = output.mask.stat().st_size
                mask, preview = self._put(output.mask), self._put(output.preview)
            with tracing.step("report result"):
                self._tools.keeper.leave(self._lease)
                finished = not self._lease.is_lost and self._end.reported(
                    partial(self._finish, output, mask, size, preview)
                )
        end = "succeeded" if finished else "lost; its mask is dropped"
        log.info("job %s: %s", self.job.id, end)
        note_outcome("succeeded" if finished else "lost")
        self._noted.close()

    def _put(self, path: Path) -> str:
        """The name of the file in the store.

        While the store is unavailable, the job keeps its result, but not longer than it took to
        compute: another worker may reach the store.
        """
        lease = self._lease
        until_s = lease.seconds + max(lease.seconds, self._tools.settings.lease_s)

        def gives_up() -> bool:
            return self._stops() or lease.is_lost or lease.seconds > until_s

        put = partial(self._tools.blobs.put, path, move=True)
        return self._tools.breaker.insist(put, gives_up, lease.on_waiting)

    def _finish(self, output: SegmentationOutput, mask: str, size: int, preview: str) -> bool:
        return self._tools.leases.finish(
            self.job.id,
            self.job.fence,
            mask_sha256=mask,
            mask_format=output.mask_format,
            mask_bytes=size,
            preview_sha256=preview,
            report=output.report,
            tiles=self._lease.progress.tiles_total,
        )

    def _on_tile(self, done: int, total: int) -> None:
        self._lease.on_tile(done, total)
        if done < total:
            remaining_s = self._lease.seconds * (total / done - 1) if done else math.inf
            self._tools.shutdown.check(remaining_s)

    def _on_preparing(self, preparing: bool) -> None:
        self._lease.on_preparing(preparing)
        if preparing:
            self._tools.shutdown.check(math.inf)

    def _stops(self) -> bool:
        return self._tools.shutdown.requested
