"""Training orders: what a training would learn from, and its start."""

import time
from dataclasses import dataclass
from uuid import uuid4

from imaging.errors import BadRequest, TesseraError
from jobs.repository import JudgedJobs, Trainings
from jobs.training import Training, TrainingOptions
from models.any_card import AnyCard
from models.data_set.outlook import Outlook, outlook
from models.data_set.versions import versions_of
from models.registry import AnyModel, Model
from service.resources.usable_models import UsableModels
from service.use_cases.judged_cases import judged_case_of


@dataclass(frozen=True, slots=True)
class TrainingPreview:
    """What a training of a model would learn from."""

    card: AnyCard
    masks: Outlook
    trainable: bool
    """Whether the model can be trained, once enough masks are judged."""
    problem: TesseraError | None
    """Why no training can start; None: one can."""
    running: Training | None
    """A training of the model that has not ended."""


@dataclass(frozen=True, slots=True)
class TrainingOrders:
    """Previews and places trainings."""

    trainings: Trainings
    judged: JudgedJobs
    models: UsableModels
    most_steps: int
    """Largest number of steps of a training."""

    def preview(self, project: str, name: str) -> TrainingPreview:
        """What a training of the model would learn from; raises NotFound and BadModel."""
        model = self.models.get(project, name)
        cards = versions_of(model.card, [one.card for one in self.models.all(project)])
        names, checksums = [card.full_name for card in cards], {card.checksum for card in cards}
        judged = map(judged_case_of, self.judged.of_models(project, names))
        masks = outlook(judged, model.card, checksums)
        unfit = not_trainable(model)
        return TrainingPreview(
            card=model.card,
            masks=masks,
            trainable=unfit is None,
            problem=unfit or masks.problem,
            running=self.trainings.unfinished_of(project, name),
        )

    def place(self, project: str, name: str, options: TrainingOptions, by: str) -> Training:
        """Stores a training of the model.

        Raises NotFound, BadRequest where the model cannot be trained, there are too few masks or
        the steps are too many, Conflict while another training of it has not ended.
        """
        self._check_steps(options)
        preview = self.preview(project, name)
        if preview.problem is not None:
            raise preview.problem
        card = preview.card
        training = Training(
            id=uuid4().hex,
            project=project,
            model=name,
            model_version=card.version,
            model_sha256=card.checksum,
            created_at=time.time(),
            requested_by=by,
            options=options,
        )
        installed = [model.card.version for model in self.models.registry.versions(card.name)]
        return self.trainings.add(training, installed)

    def retry(self, project: str, training_id: str) -> Training:
        """Queues a failed or cancelled training again.

        Raises NotFound also where the project may no longer use the model, BadRequest where its
        steps are too many by now, and Conflict.
        """
        training = self.trainings.get(project, training_id)
        self.models.get(project, training.model)
        self._check_steps(training.options)
        return self.trainings.retry(project, training_id)

    def _check_steps(self, options: TrainingOptions) -> None:
        if (options.steps or 0) > self.most_steps:
            raise BadRequest(
                f"{options.steps:,} steps are too many: the trainings of others would wait.",
                expected=f"At most {self.most_steps:,} steps.",
                hint="Train with fewer steps, or again from the version that they give. Who runs "
                "the service sets the limit with TESSERA_TRAINING_MAX_STEPS.",
            )


def not_trainable(model: AnyModel) -> BadRequest | None:
    """The error for a model whose network Tessera did not train; None for any other."""
    if isinstance(model, Model) and model.card.training is not None:
        return None
    return BadRequest(
        f"{model.card.full_name} cannot be trained further here.",
        expected="A model with a network that Tessera trained, whose card has `training`.",
        hint="Train a network of your own with the exported masks: `tessera dataset export`.",
    )
