"""The steps of a training's life, and its rows."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from jobs.job import JobState
from jobs.repository.rows import Row
from jobs.repository.schema.worker_tables import trainings
from jobs.repository.steps import Steps
from jobs.training import (
    Training,
    TrainingOptions,
    TrainingPhase,
    TrainingProgress,
    TrainingResult,
)

_SAME = tuple(
    name
    for name in Training.__dataclass_fields__
    if name not in ("options", "state", "progress", "result")
)
_WORKER_LOST: Mapping[str, Any] = {
    "type": "urn:tessera:worker-lost",
    "title": "Worker lost",
    "status": 500,
    "detail": "The worker stopped responding at every attempt.",
    "expected": "A worker that renews its lease until the new model is stored.",
    "hint": "Check whether workers run out of memory or are killed, then start the training again.",
}


def _read(_connection: Connection, rows: Iterable[Row]) -> list[Training]:
    return [training_of(row) for row in rows]


TRAINING_STEPS: Steps[Training] = Steps(
    kind="training",
    table=trainings,
    columns=tuple(trainings.c),
    read=_read,
    lost=_WORKER_LOST,
    no_progress={"progress": asdict(TrainingProgress())},
)


def training_of(row: Row) -> Training:
    """The training of a row."""
    return Training(
        **{name: row[name] for name in _SAME},
        options=TrainingOptions(**row["options"]),
        state=JobState(row["state"]),
        progress=_progress(row["progress"]),
        result=None if row["result"] is None else TrainingResult(**row["result"]),
    )


def row_of(training: Training) -> dict[str, Any]:
    """The row of a new training."""
    return asdict(training)


def _progress(stored: Mapping[str, Any]) -> TrainingProgress:
    phase = stored["phase"]
    return TrainingProgress(**{**stored, "phase": None if phase is None else TrainingPhase(phase)})
