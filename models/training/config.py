"""What a training is asked to do: a TOML file, checked."""

import tomllib
from math import comb
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from imaging.errors import BadRequest
from imaging.frozen_model import FrozenModel
from models.card_facts import CardFacts
from models.training.tables import (
    Augmentation,
    Data,
    Loss,
    Network,
    Optimisation,
    Synthesis,
)


class TrainingConfig(FrozenModel):
    """A whole configuration file."""

    seed: Annotated[int, Field(ge=0)] = 0
    card: CardFacts
    data: Data
    network: Network
    augmentation: Augmentation = Augmentation()
    loss: Loss = Loss()
    synthesis: Synthesis | None = None
    """Where there is one, images are drawn from the labels, which are maps of tissues."""
    optimisation: Optimisation

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.data.target == "instances") != (self.card.instances is not None):
            raise ValueError("data.target is `instances` where the card has `instances`, only")
        wanted = len(self.card.outputs) if self.card.activation == "sigmoid" else 0
        if len(self.data.regions) != wanted:
            raise ValueError(f"data.regions needs {wanted} lists, one for each sigmoid output")
        if len(self.optimisation.output) != self.network.dimension:
            raise ValueError("optimisation.output needs one number for each axis")
        turns = self.augmentation.rotation_degrees
        if isinstance(turns, tuple) and len(turns) != comb(self.network.dimension, 2):
            raise ValueError("augmentation.rotation_degrees needs one number, or one a plane")
        if self.data.label_offset and len(self.data.label_offset) != self.network.dimension:
            raise ValueError("data.label_offset needs one number for each axis")
        mirrors = self.loss.mirrors
        if len(set(mirrors)) < len(mirrors) or max(mirrors, default=0) >= self.network.dimension:
            raise ValueError("loss.mirrors names axes of the network, each once")
        if self.loss.teachers and self.card.activation == "sigmoid":
            raise ValueError("loss.teachers are for networks of softmax outputs")
        return self

    @model_validator(mode="after")
    def _card_and_network(self) -> Self:
        """What an export would refuse, before hours of training and not after."""
        given, outputs = self.card.components, len(self.card.outputs)
        if given != self.network.in_channels:
            raise ValueError(f"network.in_channels needs {given}, the components of card.channels")
        if outputs != self.network.out_channels:
            raise ValueError(f"network.out_channels needs {outputs}, one for each of card.outputs")
        if self.network.logit_offsets and len(self.network.logit_offsets) != outputs:
            raise ValueError(f"network.logit_offsets needs {outputs} numbers, one for each output")
        self.card.check_dimension(self.network.dimension)
        if self.synthesis is not None:
            self._drawn(self.synthesis)
        return self

    def _drawn(self, synthesis: Synthesis) -> None:
        if self.network.dimension != 3 or self.card.components != 1:
            raise ValueError("synthesis draws volumes of one channel")
        if synthesis.common and not synthesis.contrasts:
            raise ValueError("synthesis.common needs synthesis.contrasts")
        if synthesis.thicken and not (synthesis.cortex and synthesis.around):
            raise ValueError("synthesis.thicken needs synthesis.cortex and synthesis.around")
        if self.loss.weighted or self.data.target == "instances":
            raise ValueError("synthesis knows neither objects nor weights of voxels")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a TOML file; raises BadRequest that names every field at fault."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text()))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            detail = "The training configuration cannot be read as TOML."
            raise _refusal(detail) from error
        except ValidationError as error:
            faults = (
                f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()
            )
            raise _refusal(
                f"The training configuration is not sound: {'; '.join(faults)}."
            ) from error


def _refusal(detail: str) -> BadRequest:
    return BadRequest(
        detail,
        expected="A TOML file as docs/models.md describes.",
        hint="Start from a file of models/training/configs.",
    )
