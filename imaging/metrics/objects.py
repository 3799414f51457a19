"""How well numbered objects were told apart, found and outlined."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.metrics.contingency import contingency

THRESHOLDS = tuple(n / 100 for n in range(50, 95, 5))
"""0.5, 0.55, ... 0.9. The Data Science Bowl's own list went on to 0.95."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """A reference's objects and those found, and how each pair that touches overlaps."""

    reference_objects: int
    found_objects: int
    iou: NDArray[np.float64]
    """Intersection over union, one for each pair of objects with a voxel in common."""
    covered: NDArray[np.float64]
    """The share of the pair's reference object that its found object covers."""

    @classmethod
    def of(cls, found: NDArray[Any], reference: NDArray[Any]) -> "Matches":
        """From two label maps of one shape; each value above 0 is an object, 0 is background."""
        table = contingency(reference, found)
        theirs, ours = (np.asarray(table.sum(axis=axis)).ravel() for axis in (1, 0))
        pairs = table.tocoo()
        both = (pairs.coords[0] > 0) & (pairs.coords[1] > 0)
        common = pairs.data[both].astype(np.float64)
        large, small = theirs[pairs.coords[0][both]], ours[pairs.coords[1][both]]
        return cls(
            int(np.count_nonzero(theirs[1:])),
            int(np.count_nonzero(ours[1:])),
            iou=common / (large + small - common),
            covered=common / large,
        )

    def average_precision(self, thresholds: Sequence[float] = THRESHOLDS) -> tuple[float, ...]:
        """TP / (TP + FP + FN) for each threshold; 1 where there is no object at all.

        Data Science Bowl 2018: a pair matches where its IoU is above the threshold. Above one half
        no object can match two others, so no assignment needs to be sought; ValueError below.
        """
        if min(thresholds) < 0.5:
            raise ValueError("below an IoU of 0.5 an object may match several others")
        objects = self.reference_objects + self.found_objects
        hits = [int((self.iou > threshold).sum()) for threshold in thresholds]
        return tuple(hit / (objects - hit) if objects else 1.0 for hit in hits)

    def seg(self) -> float | None:
        """The Cell Tracking Challenge's SEG; None where the reference has no object.

        A reference object scores its Jaccard index with the object that covers more than half of
        it, or else 0; the mean over the reference objects (Maska et al. 2014,
        doi:10.1093/bioinformatics/btu080).
        """
        if not self.reference_objects:
            return None
        return float(self.iou[self.covered > 0.5].sum() / self.reference_objects)
