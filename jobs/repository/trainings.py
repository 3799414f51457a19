"""Trainings: stored, read, cancelled, retried, and marked as published."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, and_, insert, or_, select, update

from imaging.errors import Conflict, NotFound
from jobs.job import JobEvent, JobState, after
from jobs.repository.database import Database
from jobs.repository.pages import newest_first
from jobs.repository.schema.table_parts import in_state
from jobs.repository.schema.worker_tables import trainings
from jobs.repository.steps import UNHELD
from jobs.repository.training_steps import TRAINING_STEPS, row_of, training_of
from jobs.training import Training, next_version

_OPEN = (JobState.QUEUED, JobState.RUNNING)


class Trainings:
    """The trainings of all projects, as users see them; `TrainingLeases` has the worker's side."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, training: Training, installed: Collection[str] = ()) -> Training:
        """Stores a training and chooses the version of the new model: one that neither is in
        `installed` nor belongs to another training.

        Raises Conflict while the project has another one of the same model that has not ended:
        both would learn from the same masks.
        """
        name = training.model.partition("@")[0]
        same = or_(trainings.c.model == name, trainings.c.model.startswith(f"{name}@"))
        with self._database.write() as connection:
            self._database.lock(connection, f"trainings of {name}")
            others = connection.execute(select(trainings.c.options).where(same)).scalars()
            taken = {*installed, *(options["version"] for options in others)}
            version = next_version(training.model_version, taken)
            training = replace(training, options=replace(training.options, version=version))
            unfinished = _unfinished(training.project, training.model)
            if connection.execute(select(trainings.c.id).where(unfinished)).first() is not None:
                raise Conflict(
                    f"{training.model} is being trained already.",
                    expected="At most one training of a model at a time.",
                    hint="Wait until it has ended, or cancel it.",
                )
            connection.execute(insert(trainings).values(row_of(training)))
        return training

    def get(self, project: str, training_id: str) -> Training:
        """The project's training; raises NotFound."""
        query = (trainings.c.id == training_id) & (trainings.c.project == project)
        for training in self._read(query):
            return training
        raise _no_training()

    def many(self, ids: Collection[str]) -> list[Training]:
        """Those of these trainings that exist, of any project."""
        return self._read(trainings.c.id.in_(ids))

    def unfinished_of(self, project: str, model: str) -> Training | None:
        """The project's training of this model that has not ended."""
        return next(iter(self._read(_unfinished(project, model))), None)

    def page(
        self, project: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[Training], str | None]:
        """A page of the project's trainings, newest first, and the cursor of the next page."""
        query = select(trainings).where(trainings.c.project == project)
        with self._database.read() as connection:
            rows, following = newest_first(connection, query, trainings, cursor, limit)
        return [training_of(row) for row in rows], following

    def cancel(self, project: str, training_id: str) -> Training:
        """queued or running -> cancelled, at once; raises NotFound, or Conflict if it has ended."""
        with self._database.write() as connection:
            query = TRAINING_STEPS.step(JobEvent.CANCEL, _mine(project, training_id))
            query = query.values(finished_at=self._database.now, **TRAINING_STEPS.ended)
            return _changed(connection, project, training_id, JobEvent.CANCEL, query)

    def retry(self, project: str, training_id: str) -> Training:
        """failed or cancelled -> queued, with all its attempts; raises NotFound or Conflict."""
        values = {**UNHELD, **TRAINING_STEPS.not_started, "attempt": 0, "sent_at": None}
        with self._database.write() as connection:
            query = TRAINING_STEPS.step(JobEvent.RETRY, _mine(project, training_id))
            query = query.values(finished_at=None, error=None, **values)
            return _changed(connection, project, training_id, JobEvent.RETRY, query)

    def to_be_published(self) -> list[Training]:
        """Those of all projects whose model is to be published, the oldest first."""
        return self._read(and_(trainings.c.publish, *_UNPUBLISHED))

    def request_publication(self, project: str, training_id: str) -> Training:
        """Its model is to be published, even if it is worse than its parent.

        Raises NotFound, and Conflict if there is no model.
        """
        training = self.get(project, training_id)
        if training.model_blob is None:
            raise Conflict(
                f"The training is {training.state} and has no new model.",
                expected="A training that has succeeded.",
                hint="Wait until it has ended, or start it again.",
            )
        self._mark(training_id, publish=True, publish_error=None)
        return self.get(project, training_id)

    def mark_published(self, training_id: str) -> None:
        """Jobs can choose its model from now on."""
        self._mark(training_id, published_at=self._database.now, publish_error=None)

    def mark_unpublished(self, training_id: str, error: Mapping[str, Any]) -> None:
        """Its model could not be published; it is not tried again until somebody requests it."""
        self._mark(training_id, publish=False, publish_error=dict(error))

    def _mark(self, training_id: str, **values: Any) -> None:
        mine = and_(trainings.c.id == training_id, *_UNPUBLISHED)
        with self._database.write() as connection:
            connection.execute(update(trainings).where(mine).values(**values))

    def _read(self, which: ColumnElement[bool]) -> list[Training]:
        with self._database.read() as connection:
            rows = connection.execute(select(trainings).where(which).order_by(trainings.c.seq))
            return [training_of(row) for row in rows.mappings()]


_UNPUBLISHED = (in_state(trainings, JobState.SUCCEEDED), trainings.c.published_at.is_(None))


def _unfinished(project: str, model: str) -> ColumnElement[bool]:
    same = and_(trainings.c.project == project, trainings.c.model == model)
    return and_(same, trainings.c.state.in_(_OPEN))


def _mine(project: str, training_id: str) -> ColumnElement[bool]:
    return and_(trainings.c.id == training_id, trainings.c.project == project)


def _changed(
    connection: Connection, project: str, training_id: str, event: JobEvent, query: Update
) -> Training:
    """Executes a step that a user requested; raises the error that explains a refusal."""
    if changed := TRAINING_STEPS.changed(connection, query):
        return changed[0]
    current = select(trainings.c.state).where(_mine(project, training_id))
    state = connection.execute(current).scalar_one_or_none()
    if state is None:
        raise _no_training()
    after(JobState(state), event, "training")
    raise Conflict(
        "The training's state changed during this request.",
        hint="Read the training's state, then send the request again.",
    )


def _no_training() -> NotFound:
    return NotFound("There is no such training.", hint="List them with GET /v1/trainings.")
