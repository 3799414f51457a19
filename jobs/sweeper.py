"""Recovers jobs and messages that brokers and workers lost, from the database alone.

Every gateway and every worker runs a sweeper. It finds the messages of a broker that restarted
empty, of a worker that died and of a gateway that was killed between storing a job and sending
its message. All of them show in the job's row, and compare-and-set lets only one sweeper act.
"""

import logging
import math
import threading
import time
from collections.abc import Callable

from imaging.errors import Part, TesseraError, Unavailable
from jobs.blob_collector import BlobCollector
from jobs.dispatch import dispatch
from jobs.queue import Queue
from jobs.repository import Repository
from jobs.settings import Settings

log = logging.getLogger(__name__)

_ON_THE_WAY_S = 1.0
"""A message that was marked as sent less than this ago may not be in the broker yet."""


class Sweeper:
    """A thread that takes back lost jobs and trainings, and sends missing messages, every sweep
    interval.

    It also removes lost workers, folds counts and tallies, and compares the sizes of new masks with
    the usual ones.

    A message is missed a lease after it was sent, and at once after the connection to the broker
    was opened anew: a broker that restarted may have lost its messages. Twice in a grace period
    the thread also deletes expired drafts and runs the blob collector.

    While the database is unavailable, or the machine is suspended, no worker can renew its lease.
    So after either, no job is taken back for the time of a lease.
    """

    def __init__(
        self,
        repository: Repository,
        queue: Queue,
        collector: BlobCollector,
        settings: Settings,
    ) -> None:
        self._lost_work = (repository.lost_jobs, repository.lost_trainings)
        self._messages = repository.messages
        self._figures = repository.figures
        self._workers = repository.workers
        self._usual_sizes = repository.usual_sizes
        self._drafts = repository.drafts
        self._queue = queue
        self._collector = collector
        self._connections = max(1, queue.connections)
        self._collect_at = time.monotonic()
        self._settings = settings
        self._rests_until, self._round_at = -math.inf, math.inf
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts the thread; `stop` ends it."""
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; returns when the current round is over."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def sweep(self) -> None:
        """Runs one round; raises Unavailable if database or broker are unreachable."""
        try:
            self._sweep()
        except Unavailable as error:
            if error.part is Part.DATABASE:
                self._rest()
            raise

    def _sweep(self) -> None:
        self._take_back()
        for name in self._workers.remove_silent():
            log.warning("worker %s: it does not announce itself any more", name)
        self._figures.fold()
        self._usual_sizes.check()
        dispatch(self._messages, self._queue, self._messages.unsent())
        older_than_s = self._settings.lease_s
        self._queue.ping()
        if self._connections != (connections := self._queue.connections):
            older_than_s = min(older_than_s, _ON_THE_WAY_S)
        for name in self._queue.names:
            self._resend(name, older_than_s)
        self._connections = connections

    def _take_back(self) -> None:
        """Takes back jobs and trainings with an expired lease, unless their workers had no chance
        to renew it."""
        before, self._round_at = self._round_at, time.time()
        limit_s = self._settings.lease_s / 2 + self._settings.sweep_interval_s
        if self._round_at - before > limit_s:
            self._rest()  # this round comes much too late: the whole machine stood still
        if self._round_at < self._rests_until:
            return
        for lost in self._lost_work:
            for work in lost.take_back(self._settings.max_attempts):
                message = "%s %s: its worker was lost; it is %s"
                log.warning(message, lost.kind, work.id, work.state)

    def _rest(self) -> None:
        self._rests_until = time.time() + self._settings.lease_s

    def _resend(self, name: str, older_than_s: float) -> None:
        """Sends lost messages of a queue again, if there are messages older than this.

        Old messages are normal in a long queue, so no more are sent than the broker lacks.
        """
        if not self._messages.has_stale(name, older_than_s):
            return
        expected, waiting = self._messages.count_sent(name), self._queue.waiting(name)
        missing = expected if waiting is None else expected - waiting
        if missing <= 0:
            return
        stale = self._messages.stale(name, older_than_s, limit=missing)
        sent = dispatch(self._messages, self._queue, stale, older_than_s)
        log.warning("queue %s: %d messages were lost and are sent again", name, sent)

    def _run(self) -> None:
        reported = ""
        while not self._stop.wait(self._settings.sweep_interval_s):
            problem = "; ".join(filter(None, map(_problem, (self.sweep, self._collect))))
            if problem != reported:  # logged once, not every second
                if problem:
                    log.warning("the sweeper cannot work: %s", problem)
                else:
                    log.info("the sweeper works again")
            reported = problem

    def _collect(self) -> None:
        """Deletes what has expired, if that is due, whether or not the last run succeeded."""
        now = time.monotonic()
        if now < self._collect_at:
            return
        self._collect_at = now + self._settings.blob_grace_s / 2
        expired = self._drafts.remove_expired(self._settings.draft_keep_s)
        if expired:
            log.info("%d corrections that nobody finished were deleted", expired)
        deleted = 0
        for count in self._collector.collect():
            deleted += count
            if self._stop.is_set():
                return
        if deleted:
            log.info("%d unused files were deleted", deleted)


def _problem(work: Callable[[], None]) -> str:
    """Does the work; the reason if it failed, else an empty string."""
    try:
        work()
    except TesseraError as error:
        return str(error)
    except Exception as error:
        log.exception("unexpected error in the sweeper")
        return type(error).__name__
    return ""
