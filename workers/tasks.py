"""What a worker does with a job's id: claim it, run it, store the mask; safe to run twice."""

import logging
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from imaging.errors import JobLost, Unavailable
from inference.cancellation import CancelToken
from inference.options import RunOptions
from inference.run_context import RunContext
from inference.segmentation_output import SegmentationOutput
from jobs.job import Job
from workers.bench import Bench
from workers.group import taken_along
from workers.lease import Lease
from workers.problems import problem_of, transient
from workers.stop import ShutdownError

log = logging.getLogger(__name__)

_RETRY_S = 0.5


def segment(bench: Bench, job_id: str) -> None:
    """Takes the job through, or a more urgent one, and small ones like it at the same time.

    Never raises for a job's sake. The messages of those taken along find nothing to do.
    """
    job = bench.repository.leases.claim_next(job_id, bench.name, bench.settings.lease_s)
    if job is None:
        log.info("job %s: dropped, it is taken, over or cancelled, and nothing waits", job_id)
        return
    group = [job, *taken_along(bench, job)]
    if len(group) == 1:
        _take(bench, job)
        return
    with ThreadPoolExecutor(len(group)) as side_by_side:
        list(side_by_side.map(partial(_take, bench), group))


def _take(bench: Bench, job: Job) -> None:
    log.info("job %s: attempt %d begins", job.id, job.attempt)
    try:
        finished = _run(bench, job)
    except Exception as error:  # noqa: BLE001 - whatever it is, the job's project is told
        _settle(bench, job, error)
    else:
        log.info("job %s: %s", job.id, "succeeded" if finished else "refused, it was lost")


def _run(bench: Bench, job: Job) -> bool:
    """Makes and stores the mask; False where the job was lost at the last moment."""
    token = bench.stop.token()
    with ExitStack() as stack:
        lease = stack.enter_context(Lease(bench.repository.leases, job, bench.settings, token))
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=bench.scratch))
        outcome = _mask(bench, job, lease, token, Path(folder))
        token.check()
        mask = bench.blobs.put(outcome.mask, move=True)
        preview = bench.blobs.put(outcome.preview, move=True)
        return _patient(bench, lease.end) and _patient(
            bench,
            lambda: bench.repository.leases.finish(
                job.id,
                job.fence,
                mask_sha256=mask,
                mask_format=outcome.mask_format,
                preview_sha256=preview,
                report=outcome.report,
            ),
        )


def _mask(
    bench: Bench, job: Job, lease: Lease, token: CancelToken, folder: Path
) -> SegmentationOutput:
    def on_tile(done: int, total: int) -> None:
        lease.on_tile(done, total)
        if done < total:
            bench.stop.check()

    options = RunOptions(job.options.device, job.options.precision, job.options.tile)
    with ExitStack() as stack:
        scans = {
            channel: stack.enter_context(
                bench.blobs.local(bench.repository.scans.get(job.project, scan).sha256)
            )
            for channel, scan in job.scans.items()
        }
        return bench.engine.segment(
            scans, job.model, folder, options, RunContext(on_tile, token), job.model_sha256
        )


def _settle(bench: Bench, job: Job, error: Exception) -> None:
    """Leaves the job where its error belongs: queued again, failed, or to its new holder."""
    repository, fence = bench.repository, job.fence
    if isinstance(error, (ShutdownError, JobLost)):
        back = bench.stop.asked and _patient(
            bench, lambda: repository.leases.release(job.id, fence)
        )
        log.info("job %s: %s", job.id, "given back" if back else "stopped, it was lost")
        return
    problem = problem_of(error)
    log.warning("job %s: %s", job.id, problem["detail"])
    if transient(error):
        attempts = bench.settings.max_attempts
        _patient(bench, lambda: repository.leases.requeue(job.id, fence, problem, attempts))
    else:
        _patient(bench, lambda: repository.leases.fail(job.id, fence, problem))


def _patient(bench: Bench, step: Callable[[], bool]) -> bool:
    """Takes the step as soon as the database is there, for a lease at most: then it is lost."""
    until = time.monotonic() + bench.settings.lease_s
    while True:
        try:
            return step()
        except Unavailable as error:
            if time.monotonic() > until:
                log.warning("given up: %s", error)
                return False
            time.sleep(_RETRY_S)
