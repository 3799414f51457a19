"""What a worker does with the id of a job: claim it and run it; safe to run twice."""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from imaging.errors import Unavailable
from workers.breaker import Breaker
from workers.job_attempt import JobAttempt, Tools
from workers.job_claims import JobClaims
from workers.preparation import Preparation
from workers.short_jobs import ShortJobs

log = logging.getLogger(__name__)


class JobRunner:
    """Computes one job at a time, or a few small ones together.

    While it computes short jobs, it fetches the scans of the next ones and stores the masks of
    those before:

        caller    fetch A | fetch B   | fetch C        | ...
        compute           | A         | B              | C ...
        store                         | A      |       | B ...

    At most one group of jobs is claimed ahead. None is while a longer job runs: another worker
    could run it at once.

    The failure of a part of the installation (store, database, disk) is not the job's: the job goes
    back to the queue uncounted, and the worker claims no other until the part can serve again. It
    holds its message for that time, so that the broker gives it no other.
    """

    def __init__(self, claims: JobClaims, tools: Tools, preparation: Preparation) -> None:
        self.claims, self.tools, self.preparation = claims, tools, preparation
        self._short = ShortJobs()
        self._held: set[JobAttempt] = set()
        self._computing = ThreadPoolExecutor(1, "compute")
        self._storing = ThreadPoolExecutor(thread_name_prefix="store")
        self._computed: Future[None] | None = None
        """The last computation."""
        self._stored: list[Future[None]] = []

    @property
    def breaker(self) -> Breaker:
        """Holds it back while a part is unavailable."""
        return self.tools.breaker

    def hangs(self) -> bool:
        """Whether one of its jobs makes no progress."""
        return any(attempt.hangs for attempt in tuple(self._held))

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
        self._held.update(attempts)
        for attempt in attempts:
            attempt.fetch()
        self._start(attempts)
        return True

    def close(self) -> None:
        """Returns when its jobs have ended; it can run no others afterwards."""
        self._computing.shutdown()
        self._storing.shutdown()

    def _start(self, attempts: Sequence[JobAttempt]) -> None:
        """Starts the computation as soon as the one before has ended. Jobs that are not short are
        alone, until their masks are stored."""
        are_short = all(self._short.includes(one.job, one.voxels) for one in attempts)
        self._wait_until_computed()
        if not are_short:
            self._wait_until_stored()
        self._computed = self._computing.submit(self._compute, attempts)
        if not are_short:
            self._wait_until_computed()
            self._wait_until_stored()

    def _compute(self, attempts: Sequence[JobAttempt]) -> None:
        with self.preparation.making_way(attempts[0].job.model):
            if len(attempts) == 1:
                self._compute_one(attempts[0])
            else:
                with ThreadPoolExecutor(len(attempts)) as executor:
                    list(executor.map(self._compute_one, attempts))

    def _compute_one(self, attempt: JobAttempt) -> None:
        attempt.compute()
        if attempt.seconds is not None:
            self._short.took(attempt.job, attempt.voxels, attempt.seconds)
        self._stored.append(self._storing.submit(self._store, attempt))

    def _store(self, attempt: JobAttempt) -> None:
        attempt.store()
        self._held.discard(attempt)
        self._wait_for_parts()

    def _wait_until_computed(self) -> None:
        if self._computed is not None:
            self._computed.result()

    def _wait_until_stored(self) -> None:
        for stored in tuple(self._stored):
            stored.result()
            self._stored.remove(stored)

    def _wait_for_parts(self) -> None:
        self.breaker.wait(self._stops)

    def _stops(self) -> bool:
        return self.tools.shutdown.requested
