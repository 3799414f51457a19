"""Runs the trainings that wait in the database, beside a worker's jobs."""

import logging
import shutil
import threading

from imaging.errors import TesseraError
from jobs.repository import Trainings
from workers.training_attempt import TrainingAttempt, TrainingTools

log = logging.getLogger(__name__)

_LOOK_S = 1.0
"""How often a worker looks for a training, in seconds."""


class TrainingLoop:
    """A thread that runs one training at a time.

    No message announces a training: a worker holds one message at a time, and it is for the next
    job. Trainings are few, so the thread asks the database.
    """

    def __init__(self, trainings: Trainings, worker: str, tools: TrainingTools) -> None:
        """`worker`: stands in the rows of its trainings."""
        self._trainings, self._worker, self._tools = trainings, worker, tools
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trainings", daemon=True)

    def start(self) -> None:
        """Starts the thread; `stop` ends it."""
        self._thread.start()

    def stop(self) -> None:
        """Returns when the running training has gone back to the queue."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        reported = ""
        while not self._over.wait(_LOOK_S) and not self._stops():
            problem = self._look()
            if problem and problem != reported:  # logged once, not every second
                log.warning("no training can be claimed: %s", problem)
            reported = problem

    def _look(self) -> str:
        """Runs a training if one waits; the reason if that is not known."""
        tools = self._tools
        tools.breaker.wait(self._stops)
        if self._stops():
            return ""
        try:
            self._remove_leftovers()
            training = tools.leases.claim_next(self._worker, tools.settings.lease_s)
        except TesseraError as error:
            return str(error)
        except Exception as error:
            log.exception("unexpected error before a training")
            return type(error).__name__
        if training is not None:
            TrainingAttempt(training, tools).run()
        return ""

    def _remove_leftovers(self) -> None:
        """Removes the folders of trainings that ended elsewhere, or were cancelled."""
        root = self._tools.settings.trainings
        folders = {folder.name: folder for folder in root.iterdir()} if root.is_dir() else {}
        if not folders:
            return
        known = self._trainings.many(folders)
        for name in folders.keys() - {one.id for one in known if not one.state.final}:
            log.info("training %s: its files are removed", name)
            shutil.rmtree(folders[name], ignore_errors=True)

    def _stops(self) -> bool:
        return self._over.is_set() or self._tools.shutdown.requested
