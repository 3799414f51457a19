"""Sparse contingency table of two label maps."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def contingency(reference: NDArray[Any], predicted: NDArray[Any]) -> "sparse.csr_array[Any]":
    """Number of voxels for each pair (label of `reference`, label of `predicted`).

    Both contain labels from 0 and have the same shape. Memory grows with the pairs that occur, not
    with all possible pairs, so that thousands of objects can be compared.
    """
    pairs = (reference.ravel().astype(np.intp), predicted.ravel().astype(np.intp))
    return sparse.coo_array((np.ones(reference.size, np.int64), pairs)).tocsr()
