"""Where a training's examples come from: windows of cases, or images drawn from label maps."""

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
    """An endless supply, and what is never learnt from."""

    held_out: list[Case]

    def draw(self, random: Generator) -> Example:
        """The next one, by `random` alone."""


def open_examples(config: TrainingConfig, root: Path, halo: int) -> Examples:
    """Reads the data that the configuration names; BadRequest where it does not serve."""
    if config.synthesis is not None:
        return Drawn(config, root)
    return Windows(config, root, halo)


class Windows:
    """Windows of cases, each turned, bent, scaled and recoloured."""

    def __init__(self, config: TrainingConfig, root: Path, halo: int) -> None:
        self._config, self._halo = config, halo
        cases = read_cases(config.data, root, config.card)
        _suit(cases, config)
        self._training, self.held_out = split(cases, config.data, config.seed)
        if config.loss.weighted:
            self._training = [weighted(case, config.data, config.loss) for case in self._training]
        odds = [_odds(case, config.data.colour_weight) for case in self._training]
        self._odds = np.array(odds) / np.sum(odds)

    def draw(self, random: Generator) -> Example:
        """As `Examples.draw`."""
        case = self._training[random.choice(len(self._training), p=self._odds)]
        config = self._config
        found = example(case, config.optimisation.output, self._halo, config.augmentation, random)
        if config.data.target == "labels":
            return found
        parts = classes(found.classes.numpy().astype(np.int32))
        return found._replace(classes=torch.from_numpy(parts.astype(np.int64)))


def _suit(cases: Sequence[Case], config: TrainingConfig) -> None:
    """Raises BadRequest where the cases are not of the network's dimension, or of other classes."""
    axes, outputs = config.network.dimension, config.network.out_channels
    if found := {case.label.ndim for case in cases} - {axes}:
        raise BadRequest(
            f"A case has {found.pop()} axes.",
            expected=f"Images of {axes} axes, as the network has.",
            hint="Mend `dimension` in the configuration, or name other data.",
        )
    if config.data.target == "instances" or config.card.activation == "sigmoid":
        return
    if (highest := max(int(case.label.max()) for case in cases)) >= outputs:
        raise BadRequest(
            f"The labels hold the class {highest}.",
            expected=f"Classes below {outputs}, one for each output of the network.",
            hint="Say with `classes` in [data] which values of the files are which class.",
        )


def _odds(case: Case, colour: float) -> float:
    grey = all(np.array_equal(case.image[0], other) for other in case.image[1:])
    return 1.0 if grey else colour
