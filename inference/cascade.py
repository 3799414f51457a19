"""Cascades: channels that the mask of another model fills, before the network itself runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadModel, NotFound
from imaging.scan import Scan
from inference.model_result import EarlierMask
from inference.options import RunOptions
from inference.run_context import RunContext
from models.card import ModelCard
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
            channel.name: _earlier(model.card, str(channel.made_by), registry)
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
        for stage, (channel, model) in enumerate(self.earlier.items()):
            inputs = {one.name: scans[one.name] for one in model.card.requested_channels}
            mask = segment(inputs, model, own, _part(context, stage, stages))
            complete[channel] = label_map(mask, scans[model.card.channels[0].name])
        return complete, _part(context, stages - 1, stages)


def label_map(mask: NDArray[Any], scan: Scan) -> Scan:
    """A mask of a scan as a label map on its grid."""

    def read(box: Box) -> NDArray[Any]:
        return mask[box.slices][np.newaxis]

    shape = (1, *mask.shape)
    return replace(scan, shape=shape, dtype=mask.dtype, reader=read, padding=None, warnings=())


def _part(context: RunContext, stage: int, stages: int) -> RunContext:
    """Progress of one of several runs, as a part of all."""
    if stages == 1:
        return context

    def on_tile(done: int, total: int) -> None:
        context.on_tile(stage * total + done, stages * total)

    return replace(context, on_tile=on_tile)


def _earlier(card: ModelCard, name: str, registry: Registry) -> Model:
    try:
        earlier = registry.get(name)
    except NotFound as error:
        raise BadModel(
            f"{card.name} needs the mask of the model {name}, which is not available.",
            expected="Both models on every machine that runs jobs.",
            hint=f"Add {name}, or give a mask for the channel in the request.",
        ) from error
    own = {channel.name for channel in card.requested_channels}
    needed = {channel.name for channel in earlier.card.requested_channels}
    first = card.channels[0].name
    if not needed <= own or earlier.card.channels[0].name != first:
        raise BadModel(
            f"{name}, whose mask {card.name} needs, takes the scans {', '.join(sorted(needed))}.",
            expected=f"Some of: {', '.join(sorted(own))}, {first} first.",
            hint="Give the channels of both cards the same names.",
        )
    if any(channel.made_by for channel in earlier.card.channels):
        raise BadModel(
            f"{name}, whose mask {card.name} needs, itself needs the mask of another model.",
            expected="A cascade of two models.",
            hint="Give a mask for the channel in the request.",
        )
    return earlier
