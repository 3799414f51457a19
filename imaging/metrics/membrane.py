"""How well a membrane parts the cells of a picture, whatever its own width.

The ISBI 2012 challenge (Arganda-Carreras et al. 2015, doi:10.3389/fnana.2015.00142) reports the
best of these figures over the thresholds of a probability map. Here a mask is scored as it is
served, and no threshold is sought.
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
    """How alike two pictures are parted into cells, foreground-restricted, after thinning."""

    v_rand: float
    """Rand F-score with alpha 0.5, 0 to 1; 1 - v_rand is the (adapted) Rand error."""
    v_info: float
    """Information-theoretic F-score with alpha 0.5, 0 to 1."""
    variation_of_information: float
    """H(S|T) + H(T|S) in bits, from 0 (Meila 2007)."""


def pixel_error(found: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """The fraction of pixels that differ."""
    return float((found != reference).mean())


def cell_agreement(found: NDArray[np.bool_], reference: NDArray[np.bool_]) -> CellAgreement | None:
    """Compares the cells that two membranes, (row, column), leave; None where none is left.

    Cells are the 4-connected parts outside the membrane. The found membrane is thinned to nothing
    by a watershed that gives each of its pixels to a cell; the reference's membrane is not scored.
    """
    cells, count = ndimage.label(~reference, _FACES)
    if not count:
        return None
    scored = cells > 0
    return _agreement(contingency(cells[scored], thinned(found)[scored]))


def thinned(membrane: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The cells that a membrane leaves, numbered from 1, each grown until it meets the next.

    Floods the distance to the nearest cell, from face to face. All 0 where there is no cell.
    """
    cells, count = ndimage.label(~membrane, _FACES)
    if not count:
        return np.zeros(membrane.shape, np.int32)
    depth = ndimage.distance_transform_edt(membrane)
    return np.asarray(watershed(depth, cells, connectivity=_FACES), np.int32)


def _agreement(table: Any) -> CellAgreement:
    total = table.sum()
    both = table.data / total
    theirs, ours = (np.asarray(table.sum(axis=axis)).ravel() / total for axis in (1, 0))
    rand = 2 * _squares(both) / (_squares(theirs) + _squares(ours))
    joint, single = _entropy(both), _entropy(theirs) + _entropy(ours)
    # One cell here and there: no information, and none lost.
    info = 2 * (single - joint) / single if single else 1.0
    return CellAgreement(rand, info, max(0.0, 2 * joint - single))


def _squares(shares: NDArray[np.float64]) -> float:
    return float((shares**2).sum())


def _entropy(shares: NDArray[np.float64]) -> float:
    """In bits."""
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())
