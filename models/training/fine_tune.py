"""Continues the training of an installed model on a data set of judged masks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


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
    learning_rate: float = 1e-4
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
        """Whether the new model has a lower mean Dice than its parent on the held-out cases."""
        return self.after["dice"] < self.before["dice"]


Progress = Callable[[FineTuneProgress], None]


def fine_tune(
    parent: Path,
    data: Path,
    out: Path,
    options: FineTuneOptions | None = None,
    on_progress: Progress = lambda _progress: None,
) -> FineTuned:
    """Trains the network of the folder `parent` further on the data set in `data`.

    `parent`: a folder with model.onnx and card.json, of a network that Tessera trained, or the
    output folder of a training. `data`: what `tessera dataset export` wrote. `out`: receives the
    state of the training and, at the end, the folder `model`. The process may be killed at any
    time: the next call with the same arguments continues, and gives the same weights.

    Nothing is published: the caller adds `FineTuned.folder` to the registry. `on_progress` is
    called often, and ends the fine-tuning by raising. Raises BadRequest where the model cannot be
    fine-tuned or the data set does not fit it, StorageFull where `out` is full.
    """
    raise NotImplementedError
