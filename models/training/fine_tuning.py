"""What a fine-tuning is told, tells on its way, and results in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from models.comparison import is_worse


class Phase(StrEnum):
    """What a fine-tuning does at the moment, in this order."""

    READING = "reading"
    TRAINING = "training"
    EVALUATING = "evaluating"
    EXPORTING = "exporting"
    VERIFYING = "verifying"


@dataclass(frozen=True, slots=True)
class FineTuneProgress:
    """How far a fine-tuning is."""

    phase: Phase
    step: int
    """Cases that were read or evaluated, or steps of the training."""
    total: int
    loss: float | None = None
    """Mean of the last steps; None outside of the training."""
    seconds_left: float | None = None
    """Of this phase, estimated; None: not known yet."""


@dataclass(frozen=True, slots=True)
class FineTuneOptions:
    """What a user may choose. The rest follows from the parent's card."""

    steps: int = 300
    """Number of training steps."""
    learning_rate: float = 3e-4
    """Highest learning rate of the cycle."""
    seed: int = 0
    version: str = ""
    """Version of the new model; empty: the number after the parent's."""
    threads: int = 0
    """CPU threads; 0: torch's default."""
    device: str = "auto"
    """auto, cpu or cuda."""


@dataclass(frozen=True, slots=True)
class FineTuned:
    """The result of a fine-tuning."""

    folder: Path
    """model.onnx and card.json, for `Registry.add`."""
    name: str
    version: str
    cases: int
    """Number of held-out cases on which both were measured."""
    before: dict[str, float] = field(default_factory=dict)
    """Mean Dice of the parent on the held-out cases: `dice`, and `dice_N` of label N."""
    after: dict[str, float] = field(default_factory=dict)
    """As `before`, of the new model."""

    @property
    def is_worse(self) -> bool:
        """Whether the new model is worse than its parent on the held-out cases."""
        return is_worse(self.before, self.after)


Progress = Callable[[FineTuneProgress], None]
