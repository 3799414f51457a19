"""Readiness: whether database, broker, blob store and disk can serve."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import wait
from functools import partial

from imaging.errors import TesseraError
from jobs.blobs import Blobs
from jobs.disk import check_free
from jobs.queue import Queue
from jobs.repository import Repository
from service.resources.scratch import Scratch
from service.resources.shared_call import SharedCall

ANSWER_S = 2.0
"""How long a part may take to answer."""


class Readiness:
    """Checks the parts that the gateway depends on, all at the same time."""

    def __init__(
        self, repository: Repository, queue: Queue, blobs: Blobs, scratch: Scratch
    ) -> None:
        self._repository, self._scratch = repository, scratch
        self.workers: dict[str, int] = {}
        """Version -> its running workers, as of the last check of the database."""
        checks: Mapping[str, Callable[[], None]] = {
            "database": self._check_database,
            "broker": queue.ping,
            "blobs": blobs.ping,
            "disk": self._check_disk,
        }
        self._checks = {
            part: SharedCall(f"readiness-{part}", partial(_outcome, check))
            for part, check in checks.items()
        }

    def check(self) -> dict[str, str]:
        """Part -> `ok`, or what is wrong with it.

        A part that does not answer holds one thread, however often it is asked for.
        """
        running = {part: check.start() for part, check in self._checks.items()}
        wait(running.values(), ANSWER_S)
        return {
            part: found.result() if found.done() else f"No answer within {ANSWER_S:g} s."
            for part, found in running.items()
        }

    def close(self) -> None:
        """Ends the threads; those that wait for an answer end when their part's time is over."""
        for check in self._checks.values():
            check.close()

    def _check_database(self) -> None:
        self._repository.ping()
        running = self._repository.workers.running()
        self.workers = dict(Counter(worker.version for worker in running))

    def _check_disk(self) -> None:
        check_free(self._scratch.folder)


def _outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except TesseraError as error:
        return error.detail
    return "ok"
