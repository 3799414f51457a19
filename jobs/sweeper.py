"""Recovers jobs and messages that brokers and workers lost, from the database alone.

Every gateway and every worker runs a sweeper. It finds the messages of a broker that restarted
empty, of a worker that died and of a gateway that was killed between storing a job and sending
its message. All of them show in the job's row, and compare-and-set lets only one sweeper act.
"""

import logging
import threading
import time
from collections.abc import Callable

from imaging.errors import TesseraError
from jobs.blob_collector import BlobCollector
from jobs.dispatch import dispatch
from jobs.queue import Queue
from jobs.repository import Leases, Messages
from jobs.settings import Settings

log = logging.getLogger(__name__)


class Sweeper:
    """A thread that takes back lost jobs and sends missing messages, every sweep interval.

    Twice in a grace period it also runs the blob collector.
    """

    def __init__(
        self,
        leases: Leases,
        messages: Messages,
        queue: Queue,
        collector: BlobCollector,
        settings: Settings,
    ) -> None:
        self._leases = leases
        self._messages = messages
        self._queue = queue
        self._collector = collector
        self._collect_at = time.monotonic()
        self._settings = settings
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
        for job in self._leases.take_back(self._settings.max_attempts):
            log.warning("job %s: its worker was lost; the job is %s", job.id, job.state)
        dispatch(self._messages, self._queue, self._messages.unsent())
        for name in self._queue.names:
            self._resend(name)

    def _resend(self, name: str) -> None:
        """Sends lost messages of a queue again.

        Old messages are normal in a long queue, so no more are sent than the broker lacks.
        """
        lease_s = self._settings.lease_s
        if not self._messages.stale(name, lease_s, limit=1):
            return
        expected, waiting = self._messages.count_sent(name), self._queue.waiting(name)
        missing = expected if waiting is None else expected - waiting
        if missing <= 0:
            return
        stale = self._messages.stale(name, lease_s, limit=missing)
        sent = dispatch(self._messages, self._queue, stale, lease_s)
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
        """Runs the blob collector if it is due, whether or not its last run succeeded."""
        now = time.monotonic()
        if now < self._collect_at:
            return
        self._collect_at = now + self._settings.blob_grace_s / 2
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
