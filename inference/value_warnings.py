"""Warnings about a scan's values: no numbers, nothing to see, or another unit than the model's."""

from collections.abc import Iterator

import numpy as np

from imaging.counted import counted
from imaging.intensity import Normalisation
from imaging.preparation.normalise import Normalise
from models.card import ModelCard
from models.card_parts import Channel
from models.doubt import Doubt, DoubtKind, Remark

_LEAST_USED = 0.1
"""Part of the range of values that a model clips to which a scan must fill."""


def value_warnings(measured: Normalisation, channel: Channel, card: ModelCard) -> Iterator[Remark]:
    """`measured`: the statistics of the channel's scan."""
    if measured.nonfinite:
        where = f"of channel {channel.name}"
        voxels = counted(measured.nonfinite, f"voxel {where} was", f"voxels {where} were")
        yield f"{voxels} NaN or infinite."
    lowest, highest = measured.extremes
    if lowest == highest:
        text = f"All voxels of channel {channel.name} have the same value: it shows nothing."
        yield Doubt(DoubtKind.VALUES, text)
        return
    low, high = _read_range(measured, channel, card)
    clipped = high - low  # infinite for a model that does not clip
    used = min(highest, high) - max(lowest, low)
    if np.isfinite(clipped) and used < _LEAST_USED * clipped:
        yield Doubt(
            DoubtKind.VALUES,
            f"The values of channel {channel.name} are {lowest:.4g} to {highest:.4g}, and the "
            f"model reads {low:.4g} to {high:.4g}: the scan may have another unit. Its mask may be "
            "wrong or empty.",
        )


def _read_range(measured: Normalisation, channel: Channel, card: ModelCard) -> tuple[float, float]:
    """The values that are not clipped, in the scan's units."""
    first = next((step for step in card.preparation if isinstance(step, Normalise)), None)
    if first is None:
        return measured.low, measured.high
    scans = [one for one in card.channels if not one.label_values]
    return first.rule_of(scans.index(channel)).read_range
