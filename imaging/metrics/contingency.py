"""Which labels of two label maps lie on the same voxels, counted sparsely."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def contingency(reference: NDArray[Any], found: NDArray[Any]) -> "sparse.csr_array[Any]":
    """Voxels for each pair (label of `reference`, label of `found`), in one pass over the voxels.

    Both hold labels from 0, of the same shape; memory grows with the pairs that occur, not with all
    that could, so thousands of objects are no trouble.
    """
    pairs = (reference.ravel().astype(np.intp), found.ravel().astype(np.intp))
    return sparse.coo_array((np.ones(reference.size, np.int64), pairs)).tocsr()
