"""Recovers what brokers and workers lose: the database alone says what is to be done.

Every gateway and every worker runs one. A broker that restarted empty, a message that died with
its worker, a gateway that was killed between storing and sending: the job's row tells of all of
them, and compare-and-set lets one sweeper act.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from imaging.errors import TesseraError
from jobs.collector import Collector
from jobs.job import Job
from jobs.queue import Queue
from jobs.repository import Repository
from jobs.settings import Settings

log = logging.getLogger(__name__)

_AT_ONCE = 100


def dispatch(
    repository: Repository, queue: Queue, job: Job, older_than_s: float | None = None
) -> bool:
    """Sends the job's message unless somebody else just did; raises Unavailable."""
    return dispatch_all(repository, queue, [job], older_than_s) == 1


def dispatch_all(
    repository: Repository, queue: Queue, jobs: Sequence[Job], older_than_s: float | None = None
) -> int:
    """Sends those messages that nobody else just sent, and says how many; raises Unavailable.

    They are marked before they are sent, so that of several senders one sends; a sender killed
    between the two leaves marks without messages, which the sweeper finds after a lease.
    """
    sent = 0
    for start in range(0, len(jobs), _AT_ONCE):
        part = jobs[start : start + _AT_ONCE]
        mine = repository.messages.mark_sent([job.id for job in part], older_than_s)
        ours = [job for job in part if job.id in mine]
        for position, job in enumerate(ours):
            try:
                queue.send(job)
            except TesseraError:
                for unsent in ours[position:]:
                    repository.messages.mark_unsent(unsent.id, unsent.attempt)
                raise
        sent += len(ours)
    return sent


class Sweeper:
    """A thread that every `settings.sweep_s` takes back what died and sends what waits unsent.

    Twice in a grace period it also has the collector delete the blobs that nothing names.
    """

    def __init__(
        self, repository: Repository, queue: Queue, collector: Collector, settings: Settings
    ) -> None:
        self._repository = repository
        self._queue = queue
        self._collector = collector
        self._collect_at = time.monotonic()
        self._settings = settings
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins; `stop` ends it."""
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when the round that runs is over."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def sweep(self) -> None:
        """One round; raises Unavailable where database or broker are away."""
        for job in self._repository.leases.take_back(self._settings.attempts):
            log.warning("job %s: its worker was lost; now %s", job.id, job.state)
        dispatch_all(self._repository, self._queue, self._repository.messages.unsent())
        for name in self._queue.names:
            self._send_again(name)

    def _send_again(self, name: str) -> None:
        """In a long queue old messages are the rule: only as many as the broker lacks are sent."""
        lease_s = self._settings.lease_s
        if not self._repository.messages.stale(name, lease_s, limit=1):
            return
        due, waiting = self._repository.messages.count_sent(name), self._queue.waiting(name)
        missing = due if waiting is None else due - waiting
        if missing <= 0:
            return
        stale = self._repository.messages.stale(name, lease_s, limit=missing)
        sent = dispatch_all(self._repository, self._queue, stale, lease_s)
        log.warning("queue %s: %d messages were lost, as many are sent", name, sent)

    def _run(self) -> None:
        trouble = ""
        while not self._stop.wait(self._settings.sweep_s):
            now = "; ".join(filter(None, map(_trouble, (self.sweep, self._collect))))
            if now != trouble:  # said once, not every second
                log.warning("the sweeper waits: %s", now) if now else log.info("it sweeps again")
            trouble = now

    def _collect(self) -> None:
        """Goes through the store if that is due, whether or not it was there the last time."""
        now = time.monotonic()
        if now < self._collect_at:
            return
        self._collect_at = now + self._settings.blob_grace_s / 2
        gone = 0
        for count in self._collector.collect():
            gone += count
            if self._stop.is_set():
                return
        if gone:
            log.info("%d files that nothing named are deleted", gone)


def _trouble(work: Callable[[], None]) -> str:
    """Does it; what kept it from its end, if anything."""
    try:
        work()
    except TesseraError as error:
        return str(error)
    except Exception as error:
        log.exception("a fault in the sweeper")
        return type(error).__name__
    return ""
