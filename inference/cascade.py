"""Cascades: channels that the mask of another model fills, before the network itself runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.scan import Scan
from inference.model_result import EarlierMask
from inference.needed_model import needed_model
from inference.options import RunOptions
from inference.run_context import RunContext, stage
from models.registry import Model, Registry

Segment = Callable[[Mapping[str, Scan], Model, RunOptions, RunContext], NDArray[Any]]
"""The mask of scans by a model, on the grid of its first channel."""


@dataclass(frozen=True, slots=True)
class Cascade:
    """The models of one run: those that fill channels, then the requested one."""

    model: Model
    earlier: Mapping[str, Model]
    """Channel -> the model whose mask fills it."""

    @classmethod
    def of(cls, model: Model, scans: Mapping[str, Scan], registry: Registry) -> "Cascade":
        """The models that have to run, given scans for some channels. Raises BadModel where one of
        them is not there, or cannot run on the same scans."""
        missing = [c for c in model.card.channels if c.made_by and c.name not in scans]
        earlier = {
            channel.name: needed_model(model.card, str(channel.made_by), registry)
            for channel in missing
        }
        return cls(model, earlier)

    @property
    def masks(self) -> tuple[EarlierMask, ...]:
        """What is filled, for the report."""
        return tuple(
            EarlierMask(channel, model.card.name, model.card.checksum)
            for channel, model in self.earlier.items()
        )

    def filled(
        self,
        scans: Mapping[str, Scan],
        segment: Segment,
        options: RunOptions,
        context: RunContext,
    ) -> tuple[dict[str, Scan], RunContext]:
        """The scans of all channels, and the context for the requested model's own run."""
        stages, complete = 1 + len(self.earlier), dict(scans)
        own = replace(options, tile=None, mask=None)
        for number, (channel, model) in enumerate(self.earlier.items()):
            inputs = {one.name: scans[one.name] for one in model.card.requested_channels}
            mask = segment(inputs, model, own, stage(context, number, stages))
            complete[channel] = label_map(mask, scans[model.card.channels[0].name])
        return complete, stage(context, stages - 1, stages)


def label_map(mask: NDArray[Any], scan: Scan) -> Scan:
    """A mask of a scan as a label map on its grid."""

    def read(box: Box) -> NDArray[Any]:
        return mask[box.slices][np.newaxis]

    shape = (1, *mask.shape)
    return replace(scan, shape=shape, dtype=mask.dtype, reader=read, padding=None, warnings=())
