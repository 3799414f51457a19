"""The configuration of a training: a TOML file, validated."""

import tomllib
from math import comb
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from imaging.errors import BadRequest
from imaging.frozen_model import FrozenModel
from imaging.orientation import RAS
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
    """A complete configuration file."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of all random numbers: split, initial weights, examples."""
    card: CardFacts
    """What the card of the exported model states."""
    data: Data
    """Images, labels and validation cases."""
    network: Network
    """The U-Net."""
    augmentation: Augmentation = Field(default_factory=Augmentation)
    """Random changes of the examples."""
    loss: Loss = Field(default_factory=Loss)
    """The loss function."""
    synthesis: Synthesis | None = None
    """Draws the images from the labels, which are then maps of tissues. Empty: images are read."""
    optimisation: Optimisation
    """Optimiser, steps and evaluation."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.data.target == "instances") != (self.card.instances is not None):
            raise ValueError("data.target must be `instances` exactly if the card has `instances`")
        regions = len(self.card.outputs) if self.card.activation == "sigmoid" else 0
        if len(self.data.regions) != regions:
            raise ValueError(f"data.regions needs {regions} lists, one for each sigmoid output")
        if len(self.optimisation.output) != self.network.dimension:
            raise ValueError("optimisation.output needs one number for each axis")
        degrees = self.augmentation.rotation_degrees
        if isinstance(degrees, tuple) and len(degrees) != comb(self.network.dimension, 2):
            raise ValueError("augmentation.rotation_degrees needs one number, or one per plane")
        if self.data.label_offset and len(self.data.label_offset) != self.network.dimension:
            raise ValueError("data.label_offset needs one number for each axis")
        named = self.data.images if isinstance(self.data.images, dict) else None
        if named is not None and list(named) != [channel.name for channel in self.card.channels]:
            raise ValueError("data.images needs the folders of card.channels, in their order")
        mirrors = self.loss.mirrors
        if len(set(mirrors)) < len(mirrors) or max(mirrors, default=0) >= self.network.dimension:
            raise ValueError("loss.mirrors needs axes of the network, each at most once")
        if self.loss.teachers and self.card.activation == "sigmoid":
            raise ValueError("loss.teachers needs a card with activation softmax")
        return self

    @model_validator(mode="after")
    def _card_and_network(self) -> Self:
        """Checks what the export would refuse, before hours of training."""
        inputs, outputs = self.card.components, len(self.card.outputs)
        if inputs != self.network.in_channels:
            raise ValueError(f"network.in_channels needs {inputs}, the components of card.channels")
        if outputs != self.network.out_channels:
            raise ValueError(f"network.out_channels needs {outputs}, one for each of card.outputs")
        if self.network.logit_offsets and len(self.network.logit_offsets) != outputs:
            raise ValueError(f"network.logit_offsets needs {outputs} numbers, one for each output")
        self.card.check_dimension(self.network.dimension)
        if self.card.orientation != RAS:
            raise ValueError(f"card.orientation needs {RAS}: training turns all scans to it")
        if self.card.preparation:
            raise ValueError("card.preparation is for networks that were trained elsewhere")
        if self.synthesis is not None:
            self._check_synthesis(self.synthesis)
        return self

    def _check_synthesis(self, synthesis: Synthesis) -> None:
        if self.network.dimension != 3 or self.card.components != 1:
            raise ValueError("synthesis draws volumes with one channel only")
        if synthesis.common and not synthesis.contrasts:
            raise ValueError("synthesis.common needs synthesis.contrasts")
        if synthesis.thicken and not (synthesis.cortex and synthesis.around):
            raise ValueError("synthesis.thicken needs synthesis.cortex and synthesis.around")
        if self.loss.weighted or self.data.target == "instances":
            raise ValueError("synthesis supports neither instances nor weighted voxels")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a TOML file; raises BadRequest, which names every invalid field."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text()))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            detail = "The training configuration cannot be read as TOML."
            raise _invalid(detail) from error
        except ValidationError as error:
            faults = (
                f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()
            )
            raise _invalid(
                f"The training configuration is not valid: {'; '.join(faults)}."
            ) from error


def _invalid(detail: str) -> BadRequest:
    return BadRequest(
        detail,
        expected="A TOML file as docs/how-to/train.md describes.",
        hint="Correct these fields, or start from a file in models/training/configs.",
    )
