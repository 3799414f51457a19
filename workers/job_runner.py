"""What a worker does with the id of a job: claim it and run it; safe to run twice."""

import logging
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from imaging.errors import Unavailable
from workers.breaker import Breaker
from workers.job_attempt import JobAttempt, Tools
from workers.job_claims import JobClaims
from workers.preparation import Preparation
from workers.short_jobs import ShortJobs

log = logging.getLogger(__name__)


class JobRunner:
    """Computes one job at a time, or a few small images at the same time.

    While it computes short jobs, it fetches the scans of the next ones and stores the masks of
    those before:

        caller    fetch A | fetch B   | fetch C        | ...
        compute           | A         | B              | C ...
        store                         | A      |       | B ...

    Each small image of the next group begins as soon as one of those before has ended.

    At most one group of jobs is claimed ahead. None is while a longer job runs: another worker
    could run it at once.

    The failure of a part of the installation (store, database, disk) is not the job's: the job goes
    back to the queue uncounted, and the worker claims no other until the part can serve again. It
    holds its message for that time, so that the broker gives it no other.
    """

    def __init__(
        self, claims: JobClaims, tools: Tools, preparation: Preparation, together: int
    ) -> None:
        """`together`: how many small images are computed at the same time."""
        self.claims, self.tools, self.preparation = claims, tools, preparation
        self._short = ShortJobs()
        self._together = together
        self._computing = ThreadPoolExecutor(together, "compute")
        self._storing = ThreadPoolExecutor(thread_name_prefix="store")
        self._computations: list[Future[None]] = []
        """Those of short jobs that may still run."""
        self._stored: list[Future[None]] = []

    @property
    def breaker(self) -> Breaker:
        """Holds it back while a part is unavailable."""
        return self.tools.breaker

    def hangs(self) -> bool:
        """Whether one of its jobs makes no progress."""
        return self.tools.keeper.hangs

    def run(self, job_id: str) -> bool:
        """Runs the job, or a more urgent one, and small images like it at the same time.

        A failing job raises nothing. The messages of the other jobs of its group find nothing left
        to do. Returns when the worker can claim another job; short jobs may still run then. False
        where the worker shuts down and the message was not used.
        """
        self._wait_until_stored()
        self._wait_for_parts()
        if self._stops():
            return False
        try:
            group = self.breaker.insist(lambda: self.claims.next_group(job_id), self._stops)
        except Unavailable:
            return False
        if not group:
            log.info("job %s: dropped; it is claimed or finished, and no other waits", job_id)
            return True
        attempts = [JobAttempt(job, self.tools) for job in group]
        for attempt in attempts:
            attempt.fetch()
        self._start(attempts)
        return True

    def close(self) -> None:
        """Returns when its jobs have ended; it can run no others afterwards."""
        self._computing.shutdown()
        self._storing.shutdown()
        self.tools.keeper.close()

    def _start(self, attempts: Sequence[JobAttempt]) -> None:
        """Starts each computation as soon as there is room for it. Jobs that are not short are
        alone, until their masks are stored."""
        are_short = all(self._short.includes(one.job, one.voxels) for one in attempts)
        if not are_short:
            self._wait_until_ended()
        for attempt in attempts:
            self._wait_for_room(self._together if attempt.is_small else 1)
            self._computations.append(self._computing.submit(self._compute, attempt))
        if not are_short:
            self._wait_until_ended()

    def _compute(self, attempt: JobAttempt) -> None:
        with self.preparation.making_way(attempt.job.model):
            attempt.compute()
        if attempt.seconds is not None:
            self._short.took(attempt.job, attempt.voxels, attempt.seconds)
        self._stored.append(self._storing.submit(self._store, attempt))

    def _store(self, attempt: JobAttempt) -> None:
        attempt.store()
        self._wait_for_parts()

    def _wait_for_room(self, together: int) -> None:
        """Returns when fewer than so many computations run."""
        while len(self._computations) >= together:
            ended, running = wait(self._computations, return_when=FIRST_COMPLETED)
            for computation in ended:
                computation.result()
            self._computations = list(running)

    def _wait_until_ended(self) -> None:
        self._wait_for_room(1)
        self._wait_until_stored()

    def _wait_until_stored(self) -> None:
        for stored in tuple(self._stored):
            stored.result()
            self._stored.remove(stored)

    def _wait_for_parts(self) -> None:
        self.breaker.wait(self._stops)

    def _stops(self) -> bool:
        return self.tools.shutdown.requested
