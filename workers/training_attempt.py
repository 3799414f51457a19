"""One attempt of a training by a worker that has claimed it."""

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from imaging.errors import JobLost
from inference.cancellation import CancelToken
from jobs.blobs import Blobs
from jobs.log_format import log_fields
from jobs.repository import Held, TrainingLeases
from jobs.settings import Settings
from jobs.training import Training, TrainingPhase, TrainingProgress, TrainingResult
from jobs.training_reports import MODEL, request_of
from workers.attempt_end import AttemptEnd
from workers.breaker import Breaker
from workers.lease import Lease
from workers.lease_keeper import LeaseKeeper
from workers.shutdown import Shutdown
from workers.training_process import TrainingProcess

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainingTools:
    """What a worker trains with."""

    command: Sequence[str]
    """The command that trains; see `TrainingProcess`."""
    leases: TrainingLeases
    keeper: LeaseKeeper
    blobs: Blobs
    settings: Settings
    shutdown: Shutdown
    breaker: Breaker


class TrainingAttempt:
    """Trains in another process, and stores the new model.

    The folder of the training stays when the attempt ends without a result, so that the next one
    on this machine continues from the checkpoint in it.
    """

    def __init__(self, training: Training, tools: TrainingTools) -> None:
        self._training, self._tools = training, tools
        self._folder = tools.settings.trainings / training.id
        self._token = CancelToken()
        title, held = f"training {training.id}", Held(training.id, training.fence)
        self._lease = Lease(
            title, held, tools.leases, tools.settings, self._token, training.progress
        )
        self._end = AttemptEnd(
            title, held, tools.leases, tools.settings, tools.shutdown, tools.breaker
        )

    def run(self) -> None:
        """Trains, and reports the end as far as the training is still this worker's; raises
        nothing."""
        with log_fields(training=self._training.id):
            try:
                with self._tools.keeper.keeping(self._lease):
                    self._run()
            except Exception as error:  # noqa: BLE001 - every error is reported to the project
                self._end.settle(error)

    def _run(self) -> None:
        training, leases = self._training, self._tools.leases
        log.info("training %s: attempt %d begins", training.id, training.attempt + 1)
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = self._tools.settings
        request_of(training, settings.training_steps, settings.threads).save(self._folder)
        if not self._insisted(partial(leases.begin, *self._lease.held)):
            raise JobLost("The training was lost before its own work began.")
        self._lease.begin()
        process = TrainingProcess(self._tools.command, self._folder)
        result = process.run(self._lease.report, self._stops)
        reported = self._lease.progress
        self._lease.report(
            TrainingProgress(TrainingPhase.STORING, continued_from=reported.continued_from)
        )
        self._store(result)

    def _store(self, result: TrainingResult) -> None:
        tools = self._tools
        packed = Path(shutil.make_archive(str(self._folder / MODEL), "zip", self._folder / MODEL))
        blob = self._insisted(partial(tools.blobs.put, packed, move=True))
        tools.keeper.leave(self._lease)
        finish = partial(tools.leases.finish, *self._lease.held, result=result, model_blob=blob)
        finished = not self._token.cancelled and self._end.reported(finish)
        end = "succeeded" if finished else "lost; its model is dropped"
        log.info("training %s: %s", self._training.id, end)
        if finished:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _insisted(self, step: Callable[[], T]) -> T:
        """The result of the step, which is repeated while a part is unavailable."""
        return self._tools.breaker.insist(step, self._stops)

    def _stops(self) -> bool:
        return self._token.cancelled or self._tools.shutdown.requested
