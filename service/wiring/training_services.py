"""Services that order trainings, follow them and publish their models."""

from service.use_cases.publications import Publications
from service.use_cases.training_orders import TrainingOrders
from service.use_cases.training_status import TrainingChanges, TrainingStatuses, TrainingWatcher
from service.wiring.parts import Parts
from service.wiring.services import Services


def add_trainings(parts: Parts, services: Services) -> None:
    """Adds what fine-tunes models."""
    rows = parts.repository
    statuses = TrainingStatuses(rows.trainings, rows.workers)
    services.add(
        statuses,
        TrainingWatcher(TrainingChanges(statuses)),
        TrainingOrders(
            rows.trainings, rows.judged_jobs, parts.models, parts.settings.training_max_steps
        ),
        Publications(
            trainings=rows.trainings,
            registry=parts.registry,
            blobs=parts.blobs,
            scratch=parts.scratch,
            models_folder=parts.settings.added_models,
            shared=parts.settings.models is not None,
        ),
    )
