"""From a network's outputs to labels on the scan's grid, in the order that the card states."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.resample import Axis, needed_box, resample_box
from inference.labels import labels_of, probabilities
from models.card import ModelCard


@dataclass(frozen=True, slots=True)
class ResultGrid:
    """Chooses labels on a grid other than the network's."""

    card: ModelCard
    axes: tuple[Axis, ...]
    """From the network's grid to the grid of the labels."""

    @property
    def resampled(self) -> bool:
        """Whether the grids differ."""
        return any(axis.n_in != axis.n_out for axis in self.axes)

    def needed(self, box: Box) -> Box:
        """The box of the network's grid that the labels in `box` depend on."""
        return needed_box(self.axes, box)

    def values(self, logits: NDArray[np.float32]) -> NDArray[Any]:
        """What is interpolated, of logits (outputs, *spatial): (any, *spatial)."""
        if self._kind == "labels":
            return labels_of(logits, self.card)[np.newaxis]
        return probabilities(logits, self.card) if self._kind == "probabilities" else logits

    def onto(self, values: NDArray[Any], values_box: Box, box: Box) -> NDArray[Any]:
        """(any, *box.shape): `values` in `values_box` of the network's grid, which contains
        `needed(box)`, on the labels' grid; the same to the bit whatever the box."""
        if self._kind == "labels":
            return _nearest(values, values_box, self.axes, box)
        return resample_box(values, values_box, self.axes, box)

    def labels(self, values: NDArray[Any]) -> NDArray[Any]:
        """(*spatial) labels, of what `onto` returns."""
        if self._kind == "labels":
            return np.asarray(values[0])
        return labels_of(values, self.card, activated=self._kind == "probabilities")

    @property
    def _kind(self) -> str:
        """As the card states, or logits where nothing is interpolated: the labels are the same."""
        return self.card.results.resample if self.resampled else "logits"


def _nearest(values: NDArray[Any], values_box: Box, axes: Sequence[Axis], box: Box) -> NDArray[Any]:
    """The values of the nearest voxel for each voxel of `box`."""
    spans = zip(axes, box.start, box.stop, values_box.start, strict=True)
    for number, (axis, start, stop, first) in enumerate(spans):
        nearest = np.floor(axis.centres(start, stop) + 0.5).astype(np.intp)
        values = np.take(values, np.clip(nearest, 0, axis.n_in - 1) - first, number + 1)
    return values
