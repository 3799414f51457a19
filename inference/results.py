"""From a network's outputs to labels on the scan's grid, in the order that the card states."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imaging.axis_taps import AxisTaps
from imaging.box import Box
from inference.labels import Decision, decide, labels_of, probabilities
from inference.network_input import NetworkInput
from inference.way_to_scan import taps_to_scan
from models.card import ModelCard


@dataclass(frozen=True, slots=True)
class ResultGrid:
    """Chooses labels on the scan's grid."""

    card: ModelCard
    axes: tuple[AxisTaps, ...]
    """From the network's grid to the scan's."""

    @classmethod
    def of(cls, subject: NetworkInput, card: ModelCard) -> Self:
        """The way back of one subject."""
        return cls(card, taps_to_scan(subject, nearest=card.results.resample == "labels"))

    @property
    def grid(self) -> tuple[int, ...]:
        """The network's grid."""
        return tuple(axis.n_in for axis in self.axes)

    @property
    def box(self) -> Box:
        """The part of the scan's grid that has results; all other labels are 0."""
        return Box(tuple(axis.start for axis in self.axes), tuple(axis.stop for axis in self.axes))

    @property
    def interpolated(self) -> bool:
        """Whether results differ from the network's outputs in more than their place."""
        return not all(axis.moves_only for axis in self.axes)

    def needed(self, box: Box) -> Box:
        """The box of the network's grid that the labels in `box` depend on."""
        spans = zip(self.axes, box.start, box.stop, strict=True)
        return Box(*zip(*(axis.needed(a, b) for axis, a, b in spans), strict=True))

    def values(self, logits: NDArray[np.float32]) -> NDArray[Any]:
        """What is interpolated, of logits (outputs, *spatial): (any, *spatial)."""
        if self._kind == "labels":
            return labels_of(logits, self.card)[np.newaxis]
        return probabilities(logits, self.card) if self._kind == "probabilities" else logits

    def onto(self, values: NDArray[Any], values_box: Box, box: Box) -> NDArray[Any]:
        """(any, *box.shape): `values` in `values_box` of the network's grid, which contains
        `needed(box)`, on the scan's grid; the same to the bit whatever the box."""
        coarsest_first = sorted(range(len(self.axes)), key=lambda a: -self._ratio(a))
        for a in coarsest_first:
            rows = box.start[a], box.stop[a]
            values = self.axes[a].apply(values, a + 1, rows, values_box.start[a])
        return values

    def decide(self, values: NDArray[Any]) -> Decision:
        """The labels of what `onto` returns."""
        if self._kind == "labels":
            return Decision(np.asarray(values[0]))
        if self.card.windows is not None and self.card.windows.sums == "float16":
            values = values.astype(np.float16).astype(np.float32)
        return decide(values, self.card, activated=self._kind == "probabilities")

    @property
    def _kind(self) -> str:
        """As the card states, or logits where nothing is interpolated: the labels are the same."""
        return self.card.results.resample if self.interpolated else "logits"

    def _ratio(self, axis: int) -> float:
        """Voxels of the network's grid per result."""
        taps = self.axes[axis]
        return taps.n_in / max(1, taps.stop - taps.start)
