"""Leases of trainings: how workers claim them and store the new models."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select

from jobs.job import JobEvent, JobState
from jobs.repository.schema.table_parts import in_state
from jobs.repository.schema.worker_tables import trainings
from jobs.repository.training_steps import TRAINING_STEPS
from jobs.repository.work_leases import WorkLeases
from jobs.training import Training, TrainingProgress, TrainingResult

_OTHERS = trainings.alias("others")
_OF_PROJECT = _OTHERS.c.project == trainings.c.project
_RUNNING = select(func.count()).where(_OF_PROJECT, in_state(_OTHERS, JobState.RUNNING))
_LAST_START = select(func.coalesce(func.max(_OTHERS.c.started_at), 0.0)).where(_OF_PROJECT)
_TURNS = (_RUNNING.scalar_subquery(), _LAST_START.scalar_subquery())


class TrainingLeases(WorkLeases[Training, TrainingProgress]):
    """The worker's side of a training's life."""

    _steps = TRAINING_STEPS

    def claim_next(self, worker: str, lease_s: float) -> Training | None:
        """queued -> running for the next training that waits; None if there is none.

        Projects take turns: next is the one with the fewest running trainings, of those the one
        whose last training began first, of those the one with the oldest training. A training that
        was requeued with an error waits one lease.
        """
        waits = in_state(trainings, JobState.QUEUED)
        query = select(trainings.c.id).where(waits, self._rested(lease_s))
        query = query.order_by(*_TURNS, trainings.c.seq).limit(1)
        with self._database.read() as connection:  # mostly there is none: take no write lock
            if connection.execute(query).first() is None:
                return None
        with self._database.write() as connection:
            locked = query.with_for_update(skip_locked=True)
            first = connection.execute(locked).scalar_one_or_none()
            claimed = self._claim(connection, trainings.c.id == first, worker, lease_s)
            return claimed[0] if claimed else None

    def finish(
        self, training_id: str, fence: int, *, result: TrainingResult, model_blob: str
    ) -> bool:
        """running -> succeeded with the new model; False if the caller lost the training.

        A model that is not worse than its parent is to be published.
        """
        return self._end(
            training_id,
            fence,
            JobEvent.FINISH,
            result=asdict(result),
            model_blob=model_blob,
            publish=not result.is_worse,
        )

    def _columns_of(self, progress: TrainingProgress) -> dict[str, Any]:
        return {"progress": asdict(progress)}
