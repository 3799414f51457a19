"""Recovers what brokers and workers lose: the database alone says what is to be done.

Every gateway and every worker runs one. A broker that restarted empty, a message that died with
its worker, a gateway that was killed between storing and sending: the job's row tells of all of
them, and compare-and-set lets one sweeper act.
"""

import logging
import threading

from imaging.errors import TesseraError
from jobs.job import Job
from jobs.queue import QUEUES, Queue
from jobs.repository import Repository
from jobs.settings import Settings

log = logging.getLogger(__name__)


def dispatch(
    repository: Repository, queue: Queue, job: Job, older_than_s: float | None = None
) -> bool:
    """Sends the job's message unless somebody else just did; raises Unavailable.

    It is marked before it is sent, so that of several senders one sends; a sender killed between
    the two leaves a mark without a message, which the sweeper finds after a lease.
    """
    if not repository.mark_sent(job.id, job.attempt, older_than_s):
        return False
    try:
        queue.send(job)
    except TesseraError:
        repository.mark_unsent(job.id, job.attempt)
        raise
    return True


class Sweeper:
    """A thread that every `settings.sweep_s` takes back what died and sends what waits unsent."""

    def __init__(self, repository: Repository, queue: Queue, settings: Settings) -> None:
        self._repository = repository
        self._queue = queue
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
        for job in self._repository.take_back(self._settings.attempts):
            log.warning("job %s: its worker was lost; now %s", job.id, job.state)
        unsent = self._repository.unsent(self._settings.lease_s)
        for name in QUEUES:
            self._send([job for job in unsent if job.queue == name], name)

    def _send(self, unsent: list[Job], name: str) -> None:
        never = [job for job in unsent if job.sent_at is None]
        stale = [job for job in unsent if job.sent_at is not None]
        for job in never:
            dispatch(self._repository, self._queue, job)
        # In a long queue old messages are the rule. Only as many as the broker lacks are sent.
        for job in stale[: self._missing(name)] if stale else []:
            if dispatch(self._repository, self._queue, job, self._settings.lease_s):
                log.warning("job %s: its message was lost, another is sent", job.id)

    def _missing(self, name: str) -> int | None:
        """Messages that this queue should hold and does not; None, all, where it cannot tell."""
        due = self._repository.sent(name)
        waiting = self._queue.waiting(name)
        return None if waiting is None else max(0, due - waiting)

    def _run(self) -> None:
        trouble = ""
        while not self._stop.wait(self._settings.sweep_s):
            now = self._try()
            if now != trouble:  # said once, not every second
                log.warning("the sweeper waits: %s", now) if now else log.info("it sweeps again")
            trouble = now

    def _try(self) -> str:
        """One round; what kept it from its end, if anything."""
        try:
            self.sweep()
        except TesseraError as error:
            return str(error)
        except Exception as error:
            log.exception("a fault in the sweeper")
            return type(error).__name__
        return ""
