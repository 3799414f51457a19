"""What users need to know about a model, whatever its networks are."""

from typing import Self

from pydantic import model_validator

from imaging.frozen_model import FrozenModel
from imaging.mask_description import MaskDescription
from models.card_parts import Channel, Instances, Label, Name, Within


class ModelFacts(FrozenModel):
    """What a model segments, in which scans, and what its masks mean."""

    name: Name
    """Unique name: 1 to 64 lower-case letters, digits, `.`, `_` and `-`."""
    version: str = "1"
    """Version of the model, as its author counts."""
    title: str
    """Short title for lists."""
    description: str = ""
    """What the model segments, in which scans."""
    channels: tuple[Channel, ...]
    """Input scans, in the order of the network's input channels."""
    labels: tuple[Label, ...]
    """Label values of the mask; each value once."""
    instances: Instances | None = None
    """Numbers single objects instead of writing label values. Empty: label values."""
    within: Within | None = None
    """The box in which the model runs, which a coarse model finds first. The mask is 0 outside of
    it, and empty where the coarse model finds nothing. A request that crops to a mask of its own
    replaces the box. Empty: the model runs on the whole scan."""
    licence: str
    """Licence of the weights, as an SPDX identifier where there is one."""
    data: str = ""
    """Data that the model was trained on, with its licence."""
    split: str = ""
    """How cases were divided into training and validation."""
    limits: str = ""
    """Where the model is known or expected to fail."""
    intended_use: str = "Research use only; not for clinical use."
    """What the model may be used for."""

    @model_validator(mode="after")
    def _channels_and_labels(self) -> Self:
        if not self.channels or len({c.name for c in self.channels}) < len(self.channels):
            raise ValueError("channels need at least one entry, each name once")
        if self.channels[0].label_values:
            raise ValueError("the first channel must be a scan: it has the grid of the mask")
        if any(channel.made_by == self.name for channel in self.channels):
            raise ValueError("a model cannot fill its own channel")
        if self.within is not None and self.within.model == self.name:
            raise ValueError("a model cannot find its own box")
        if len({label.value for label in self.labels}) < len(self.labels):
            raise ValueError("each label value may appear once")
        return self

    @property
    def full_name(self) -> str:
        """The name by which jobs choose the model: `NAME`, or `NAME@VERSION` if it is a later
        version of another one."""
        return self.name

    @property
    def requested_channels(self) -> tuple[Channel, ...]:
        """The channels that a request supplies: all but those that another model fills."""
        return tuple(channel for channel in self.channels if channel.made_by is None)

    @property
    def needed_models(self) -> frozenset[str]:
        """Names of the models that run before this one: for channels, and for the box."""
        fillers = {channel.made_by for channel in self.channels if channel.made_by is not None}
        return frozenset(fillers | ({self.within.model} if self.within else set()))

    def mask_description(self, *, supplied: bool = False) -> MaskDescription:
        """What the values of this model's masks mean; `supplied`: of a mask with its labels that a
        user supplied, so that no network made it."""
        return MaskDescription(
            segments=tuple(label.segment for label in self.labels),
            algorithm=self.name,
            version=self.version,
            instances=self.instances is not None,
            supplied=supplied,
        )
