"""The source of training examples: windows of cases, or images drawn from label maps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.random import Generator

from imaging.errors import BadRequest
from models.training.augment import Example, example
from models.training.config import TrainingConfig
from models.training.data import Case, classes, read_cases, split, weighted
from models.training.synthesis import Drawn


class Examples(Protocol):
    """An endless source of training examples, and the validation cases."""

    held_out: list[Case]
    """Validation cases, which are never used for training."""

    def draw(self, random: Generator) -> Example:
        """The next example; depends only on `random`."""


def open_examples(config: TrainingConfig, root: Path, halo: int) -> Examples:
    """Reads the configuration's data; raises BadRequest if it cannot be used."""
    if config.synthesis is not None:
        return Drawn(config, root)
    cases = read_cases(config.data, root, config.card)
    return Windows(config, *split(cases, config.data, config.seed), halo)


class Windows:
    """Windows of cases, each rotated, deformed, scaled and changed in intensity."""

    def __init__(
        self,
        config: TrainingConfig,
        training: Sequence[Case],
        held_out: Sequence[Case],
        halo: int,
    ) -> None:
        self._config, self._halo = config, halo
        _check_cases([*training, *held_out], config)
        self._training, self.held_out = list(training), list(held_out)
        if config.loss.weighted:
            self._training = [weighted(case, config.data, config.loss) for case in self._training]
        odds = [_odds(case, config.data.colour_weight) for case in self._training]
        self._odds = np.array(odds) / np.sum(odds)

    def draw(self, random: Generator) -> Example:
        """Implements `Examples.draw`."""
        case = self._training[random.choice(len(self._training), p=self._odds)]
        config = self._config
        share = config.optimisation.on_labels
        where = case.labelled if share and random.random() < share else None
        output, change = config.optimisation.output, config.augmentation
        drawn = example(case, output, self._halo, change, random, where)
        if config.data.target == "labels":
            return drawn
        parts = classes(drawn.classes.numpy().astype(np.int32))
        return drawn._replace(classes=torch.from_numpy(parts.astype(np.int64)))


def _check_cases(cases: Sequence[Case], config: TrainingConfig) -> None:
    """Raises BadRequest if a case has another dimension or other classes than the network."""
    axes, outputs = config.network.dimension, config.network.out_channels
    if others := {case.label.ndim for case in cases} - {axes}:
        raise BadRequest(
            f"A case has {others.pop()} axes.",
            expected=f"Images with {axes} axes, as the network has.",
            hint="Correct `dimension` in the configuration, or choose other data.",
        )
    if config.data.target == "instances" or config.card.activation == "sigmoid":
        return
    if (highest := max(int(case.label.max()) for case in cases)) >= outputs:
        raise BadRequest(
            f"The labels contain the class {highest}.",
            expected=f"Classes below {outputs}, one for each output of the network.",
            hint="Assign the values of the label files to classes with `classes` in [data].",
        )


def _odds(case: Case, colour: float) -> float:
    grey = all(np.array_equal(case.image[0], other) for other in case.image[1:])
    return 1.0 if grey else colour
