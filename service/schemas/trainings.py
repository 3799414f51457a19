"""Trainings: models that are fine-tuned with accepted and corrected masks."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from jobs.job import JobState
from jobs.training import TrainingPhase
from models.card_parts import ModelName
from service.schemas.fields import Identifier, Wire
from service.schemas.problem import Problem

TrainingId = Annotated[Identifier, Field(description="Id of the training.")]
MOST_STEPS = 100_000


class TrainingIn(Wire):
    """A training to start."""

    model: ModelName
    """The model that is trained further. It stays as it is."""
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = None
    """Number of steps; null: the usual number."""


class TrainingProgressOut(Wire):
    """How far a training is."""

    phase: TrainingPhase | None
    """What it does; null before it begins."""
    step: int
    """Steps, or cases, that are done in this phase."""
    total: int
    """All steps, or cases, of this phase; 0: not known yet."""
    loss: float | None
    """Mean loss of the last steps."""
    seconds_left: float | None
    """Estimated duration until the end of the phase."""
    continued_from: int | None
    """Step of the checkpoint from which this attempt continues; 0: from the beginning, because
    there is none on its machine; null: not known yet."""


class TrainingResultOut(Wire):
    """The new model beside its parent, both measured on the same held-out cases."""

    model: str
    """Name by which jobs choose the new model once it is published."""
    version: str
    sha256: str
    """Checksum of its network."""
    training_cases: int
    held_out_cases: int
    before: dict[str, float]
    """Figures of the parent: `dice` (mean of the labels), `dice_1` (of label 1), ..."""
    after: dict[str, float]
    """Figures of the new model."""
    is_worse: bool
    """Whether the mean Dice is lower than that of the parent. Such a model is published only on
    request."""


class TrainingOut(Wire):
    """A training: its state, its progress and its result."""

    id: str
    state: JobState
    model: str
    """The parent."""
    model_version: str
    new_version: str
    """Version of the new model."""
    steps: int | None
    """Requested number of steps; null: the usual number."""
    requested_by: str
    """Who started it: the name of the account, or of the caller."""
    attempt: int
    """How often the training has begun since it was created or retried. An attempt that ended
    because a part was unavailable, or a worker was stopped, is not counted."""
    progress: TrainingProgressOut
    waiting_for: str | None
    """The part of the installation that it waits for because it is unavailable."""
    no_worker: bool
    """Whether it waits although no running worker can train."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: Problem | None
    result: TrainingResultOut | None
    """Null until it has succeeded."""
    published_at: datetime | None
    """Since when jobs can choose the new model; null: they cannot."""
    publish_error: Problem | None
    """Why the new model could not be published."""


class TrainingPage(Wire):
    """One page of trainings, newest first."""

    trainings: list[TrainingOut]
    next_cursor: str | None = None


class TrainingPreviewOut(Wire):
    """What a training of a model would learn from."""

    model: str
    accepted: int
    """Accepted masks that would be used: the newest verdict on each scan, of all versions of the
    model with the same labels."""
    corrected: int
    """Corrected masks that would be used."""
    training_cases: int
    """Masks to learn from,"""
    training_subjects: int
    """and their subjects."""
    held_out_cases: int
    """Masks of other subjects, on which both models are measured,"""
    held_out_subjects: int
    """and their subjects."""
    left_out: dict[str, int]
    """Reason -> number of judged masks that are left out for it."""
    trainable: bool
    """Whether the model can be trained once enough masks are judged: Tessera trained its
    network."""
    problem: Problem | None
    """Why no training can start: too few masks, or a model that cannot be trained; null: one can
    start."""
    worker_problem: Problem | None
    """Why a training would wait: no running worker can train; null: one can."""
    running: TrainingOut | None
    """A training of the model that has not ended."""
