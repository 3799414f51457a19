"""How well a membrane separates the cells of an image, independent of its thickness.

The ISBI 2012 challenge (Arganda-Carreras et al. 2015, doi:10.3389/fnana.2015.00142) reports the
best of these scores over the thresholds of a probability map. Here the final mask is scored,
without a search for a threshold.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from imaging.metrics.contingency import contingency

_FACES = ndimage.generate_binary_structure(2, 1)


@dataclass(frozen=True, slots=True)
class CellAgreement:
    """Agreement of two partitions into cells, foreground-restricted, after thinning."""

    v_rand: float
    """Rand F-score with alpha 0.5, 0 to 1; 1 - v_rand is the (adapted) Rand error."""
    v_info: float
    """Information-theoretic F-score with alpha 0.5, 0 to 1."""
    variation_of_information: float
    """H(S|T) + H(T|S) in bits, 0 for equal partitions (Meila 2007)."""


def pixel_error(predicted: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """The fraction of pixels that differ, 0 to 1."""
    return float((predicted != reference).mean())


def cell_agreement(
    predicted: NDArray[np.bool_], reference: NDArray[np.bool_]
) -> CellAgreement | None:
    """Compares the cells between two membranes, (row, column); None if the reference has no cell.

    Cells are the 4-connected components outside the membrane. The predicted membrane is thinned to
    zero width by a watershed that assigns each of its pixels to a cell. Pixels of the reference's
    membrane are not scored.
    """
    cells, count = ndimage.label(~reference, _FACES)
    if not count:
        return None
    scored = cells > 0
    return _agreement(contingency(cells[scored], thinned(predicted)[scored]))


def thinned(membrane: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The cells between a membrane, numbered from 1, each grown until it meets the next.

    A watershed on the distance to the nearest cell, with 4-connectivity. All 0 without a cell.
    """
    cells, count = ndimage.label(~membrane, _FACES)
    if not count:
        return np.zeros(membrane.shape, np.int32)
    depth = ndimage.distance_transform_edt(membrane)
    return np.asarray(watershed(depth, cells, connectivity=_FACES), np.int32)


def _agreement(table: Any) -> CellAgreement:
    total = table.sum()
    both = table.data / total
    reference, predicted = (np.asarray(table.sum(axis=axis)).ravel() / total for axis in (1, 0))
    rand = 2 * _squares(both) / (_squares(reference) + _squares(predicted))
    joint, single = _entropy(both), _entropy(reference) + _entropy(predicted)
    # one cell in both: there is no information, and none is lost
    info = 2 * (single - joint) / single if single else 1.0
    return CellAgreement(rand, info, max(0.0, 2 * joint - single))


def _squares(shares: NDArray[np.float64]) -> float:
    return float((shares**2).sum())


def _entropy(shares: NDArray[np.float64]) -> float:
    """Shannon entropy in bits."""
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())
