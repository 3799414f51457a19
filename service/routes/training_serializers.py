"""Trainings as the schemas of the wire."""

from dataclasses import asdict

from imaging.errors import Unavailable
from jobs.training import Training, TrainingResult
from service.http import errors
from service.routes.times import time_of, time_or_none
from service.schemas import (
    TrainingOut,
    TrainingPreviewOut,
    TrainingProgressOut,
    TrainingResultOut,
)
from service.use_cases.training_orders import TrainingPreview
from service.use_cases.training_status import TrainingStatus

NO_WORKER = Unavailable(
    "No running worker can train.",
    expected="A running worker with the extra train, and with TESSERA_TRAINING=true.",
    hint="Install the extra for a worker on a processor (pip install 'tessera-seg[train]'), and "
    "start it again. A training waits until there is one.",
)


def training_out(status: TrainingStatus) -> TrainingOut:
    """A training, and whether a worker can run it."""
    training = status.training
    return TrainingOut(
        id=training.id,
        state=training.state,
        model=training.model,
        model_version=training.model_version,
        new_version=training.options.version,
        steps=training.options.steps,
        requested_by=training.requested_by,
        attempt=training.attempt,
        progress=TrainingProgressOut(**asdict(training.progress)),
        waiting_for=training.waiting_for,
        no_worker=status.no_worker,
        created_at=time_of(training.created_at),
        started_at=time_or_none(training.started_at),
        finished_at=time_or_none(training.finished_at),
        error=errors.stored(training.error) if training.error else None,
        result=None if training.result is None else _result_out(training, training.result),
        published_at=time_or_none(training.published_at),
        publish_error=errors.stored(training.publish_error) if training.publish_error else None,
    )


def training_preview_out(
    preview: TrainingPreview, running: TrainingStatus | None, *, any_worker: bool
) -> TrainingPreviewOut:
    """What a training would learn from; `any_worker`: a running worker can train."""
    masks = preview.masks
    return TrainingPreviewOut(
        model=preview.card.full_name,
        accepted=masks.accepted,
        corrected=masks.corrected,
        training_cases=masks.training_cases,
        training_subjects=masks.training_subjects,
        held_out_cases=masks.held_out_cases,
        held_out_subjects=masks.held_out_subjects,
        left_out=dict(masks.left_out or {}),
        trainable=preview.trainable,
        problem=None if preview.problem is None else errors.problem_of(preview.problem),
        worker_problem=None if any_worker else errors.problem_of(NO_WORKER),
        running=None if running is None else training_out(running),
    )


def _result_out(training: Training, result: TrainingResult) -> TrainingResultOut:
    name = training.model.partition("@")[0]
    return TrainingResultOut(
        model=f"{name}@{result.version}", is_worse=result.is_worse, **asdict(result)
    )
