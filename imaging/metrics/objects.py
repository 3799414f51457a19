"""How well numbered objects are detected, separated and outlined."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.metrics.contingency import contingency

THRESHOLDS = tuple(n / 100 for n in range(50, 95, 5))
"""0.5, 0.55, ... 0.9. The list of the Data Science Bowl 2018 ended at 0.95."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Objects of a reference and of a prediction, and the overlap of each pair that intersects."""

    reference_objects: int
    predicted_objects: int
    iou: NDArray[np.float64]
    """Intersection over union, for each pair of objects with a common voxel."""
    covered: NDArray[np.float64]
    """The fraction of the pair's reference object that its predicted object covers."""

    @classmethod
    def of(cls, predicted: NDArray[Any], reference: NDArray[Any]) -> "Matches":
        """From two label maps of the same shape; 0 is background, any other value an object."""
        table = contingency(reference, predicted)
        reference_sizes, predicted_sizes = (
            np.asarray(table.sum(axis=axis)).ravel() for axis in (1, 0)
        )
        pairs = table.tocoo()
        both = (pairs.coords[0] > 0) & (pairs.coords[1] > 0)
        common = pairs.data[both].astype(np.float64)
        first, second = (
            reference_sizes[pairs.coords[0][both]],
            predicted_sizes[pairs.coords[1][both]],
        )
        return cls(
            int(np.count_nonzero(reference_sizes[1:])),
            int(np.count_nonzero(predicted_sizes[1:])),
            iou=common / (first + second - common),
            covered=common / first,
        )

    def average_precision(self, thresholds: Sequence[float] = THRESHOLDS) -> tuple[float, ...]:
        """TP / (TP + FP + FN) for each threshold; 1 if neither has an object.

        As in the Data Science Bowl 2018, a pair matches if its IoU is above the threshold. Above
        0.5 an object matches at most one other, so no assignment is needed. Raises ValueError for
        a threshold below 0.5.
        """
        if min(thresholds) < 0.5:
            raise ValueError("below an IoU of 0.5 an object may match several others")
        objects = self.reference_objects + self.predicted_objects
        hits = [int((self.iou > threshold).sum()) for threshold in thresholds]
        return tuple(hit / (objects - hit) if objects else 1.0 for hit in hits)

    def seg(self) -> float | None:
        """SEG of the Cell Tracking Challenge; None if the reference has no object.

        The mean over the reference objects of the Jaccard index with the object that covers more
        than half of it, or 0 if there is none (Maska et al. 2014,
        doi:10.1093/bioinformatics/btu080).
        """
        if not self.reference_objects:
            return None
        return float(self.iou[self.covered > 0.5].sum() / self.reference_objects)
