"""A model that is made of other models: its parts, whose labels are painted into one mask.

Networks of several nnU-Net data sets are combined in this way by TotalSegmentator: every part
paints its labels in the order of the parts, so that a later part wins over an earlier one
(`nnUNet_predict_image` in totalsegmentator/nnunet.py, github.com/wasserth/TotalSegmentator).
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from imaging.frozen_model import FrozenModel
from imaging.postprocessing.step import LabelValue
from models.card_file import load_card, save_card
from models.card_parts import ModelName, Name, Within


class PaintedLabel(FrozenModel):
    """A label of a part, and what it becomes in the mask of the whole."""

    label: LabelValue
    """Its value in the part's own masks."""
    value: LabelValue
    """Its value in the masks of the whole. Several parts may paint the same value."""
    name: str = ""
    """Its name in the whole. Empty: the name that the part's card gives it."""


class Part(FrozenModel):
    """A model whose labels are painted."""

    model: ModelName
    """Name of the model. It has a network of its own."""
    labels: Annotated[tuple[PaintedLabel, ...], Field(min_length=1)]
    """The labels that are painted. Others of the part's labels are left out."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({painted.label for painted in self.labels}) < len(self.labels):
            raise ValueError(f"each label of {self.model} may be painted once")
        return self


class Combination(FrozenModel):
    """The card of a model without a network of its own. All that it does not state is that of its
    parts: channels, colours and codes of labels, licence, data, limits and intended use."""

    name: Name
    """Unique name: 1 to 64 lower-case letters, digits, `.`, `_` and `-`."""
    version: str
    """Version of the model, as its author counts."""
    title: str
    """Short title for lists."""
    description: str = ""
    """What the model segments, in which scans."""
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    """The models, each once, in the order in which they are painted: where two of them have a
    label at the same voxel, the later one wins."""
    within: Within | None = None
    """The box in which all parts run, which a coarse model finds first. Empty: the whole scan."""

    @model_validator(mode="after")
    def _other_models(self) -> Self:
        names = [part.model for part in self.parts]
        if len(set(names)) < len(names):
            raise ValueError("each model may be a part once")
        if self.name in names or (self.within is not None and self.within.model == self.name):
            raise ValueError("a model cannot be a part of itself, or find its own box")
        return self

    @property
    def full_name(self) -> str:
        """The name by which jobs choose the model."""
        return self.name

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads card.json; raises BadModel, which names every invalid field."""
        return load_card(cls, path)

    def save(self, path: Path) -> None:
        """Writes card.json, indented, without fields that have their default."""
        save_card(self, path)
