"""What a worker does with the id of a job: claim it, segment, store the mask; safe to run twice."""

import logging
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import JobLost, Unavailable
from inference.run_context import RunContext
from inference.segmentation_output import SegmentationOutput
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.repository import Leases
from jobs.settings import Settings
from workers.job_claims import JobClaims
from workers.job_problem import is_transient, problem_of
from workers.job_segmenter import JobSegmenter
from workers.lease import Lease
from workers.preparation import Preparation
from workers.shutdown import Shutdown, ShutdownError

log = logging.getLogger(__name__)

_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs one job at a time, or a few small ones together."""

    claims: JobClaims
    segmenter: JobSegmenter
    leases: Leases
    blobs: Blobs
    settings: Settings
    shutdown: Shutdown
    scratch: Path
    """Folder for temporary files."""
    preparation: Preparation

    def run(self, job_id: str) -> None:
        """Runs the job, or a more urgent one, and small images like it at the same time.

        A failing job raises nothing. The messages of the other jobs of its group find nothing left
        to do.
        """
        group = self.claims.next_group(job_id)
        if not group:
            log.info("job %s: dropped; it is claimed or finished, and no other waits", job_id)
            return
        with self.preparation.making_way(group[0].model):
            if len(group) == 1:
                self._attempt(group[0])
                return
            with ThreadPoolExecutor(len(group)) as executor:
                list(executor.map(self._attempt, group))

    def _attempt(self, job: Job) -> None:
        log.info("job %s: attempt %d begins", job.id, job.attempt)
        try:
            finished = self._segment_and_store(job)
        except Exception as error:  # noqa: BLE001 - every error is reported to the job's project
            self._settle(job, error)
        else:
            log.info("job %s: %s", job.id, "succeeded" if finished else "lost; its mask is dropped")

    def _segment_and_store(self, job: Job) -> bool:
        """False where the job was lost before its mask was accepted."""
        token = self.shutdown.token()
        with ExitStack() as stack:
            lease = stack.enter_context(Lease(self.leases, job, self.settings, token))
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=self.scratch))
            context = RunContext(
                self._on_tile(lease), token, on_preparing=self._on_preparing(lease)
            )
            output = self.segmenter.segment(job, Path(folder), context)
            if output.fallback:
                log.warning("job %s: %s", job.id, output.fallback)
            token.check()
            mask = self.blobs.put(output.mask, move=True)
            preview = self.blobs.put(output.preview, move=True)
            return self._when_available(lease.end) and self._when_available(
                lambda: self._finish(job, output, mask, preview)
            )

    def _on_tile(self, lease: Lease) -> Callable[[int, int], None]:
        def on_tile(done: int, total: int) -> None:
            lease.on_tile(done, total)
            if done < total:
                self.shutdown.check()

        return on_tile

    def _on_preparing(self, lease: Lease) -> Callable[[bool], None]:
        def on_preparing(preparing: bool) -> None:
            lease.on_preparing(preparing)
            if preparing:
                self.shutdown.check()

        return on_preparing

    def _finish(self, job: Job, output: SegmentationOutput, mask: str, preview: str) -> bool:
        return self.leases.finish(
            job.id,
            job.fence,
            mask_sha256=mask,
            mask_format=output.mask_format,
            preview_sha256=preview,
            report=output.report,
        )

    def _settle(self, job: Job, error: Exception) -> None:
        """Requeues or fails the job, or leaves it to the worker that holds it now."""
        fence = job.fence
        if isinstance(error, (ShutdownError, JobLost)):
            released = self.shutdown.requested and self._when_available(
                lambda: self.leases.release(job.id, fence)
            )
            log.info("job %s: %s", job.id, "released" if released else "stopped; it was lost")
            return
        problem = problem_of(error)
        log.warning("job %s: %s", job.id, problem["detail"])
        if is_transient(error):
            attempts = self.settings.max_attempts
            self._when_available(lambda: self.leases.requeue(job.id, fence, problem, attempts))
        else:
            self._when_available(lambda: self.leases.fail(job.id, fence, problem))

    def _when_available(self, step: Callable[[], bool]) -> bool:
        """Retries while the database is unavailable, for one lease; the job is lost after that."""
        until = time.monotonic() + self.settings.lease_s
        while True:
            try:
                return step()
            except Unavailable as error:
                if time.monotonic() > until:
                    log.warning("given up: %s", error)
                    return False
                time.sleep(_RETRY_S)
