"""A linear system on the lattice of voxels: each is tied to its neighbours and to a value.

    minimise  sum of w_ij (x_i - x_j)^2 over neighbours  +  sum of a_i (x_i - y_i)^2

This is the random walker with prior models of Grady (CVPR 2005), for two labels: x_i is the
probability that a walker, who leaves voxel i, arrives at the label first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts at their first use; the gateway never uses them
from numpy.typing import NDArray

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """The ties of a box of voxels."""

    neighbours: Sequence[Values]
    """For each axis, w of each voxel and the next one: one shorter along this axis."""
    strength: Values
    """a, of the shape of the box; positive."""
    target: Values
    """y, of the shape of the box."""

    def solve(self, start: Values, tolerance: float, most_steps: int) -> Values:
        """x, by conjugate gradients from `start`, until the residual is `tolerance` of the right
        side."""
        matrix, diagonal = self._matrix()
        inverse = 1 / diagonal
        right = (self.strength * self.target).ravel()
        x = start.ravel().astype(np.float32)
        residual = right - matrix @ x
        step = inverse * residual
        size = float(residual @ step)
        enough = tolerance**2 * float(right @ (inverse * right))
        for _ in range(most_steps):
            if size <= enough:
                break
            pulled = matrix @ step
            length = np.float32(size / float(step @ pulled))
            x += length * step
            residual -= length * pulled
            corrected = inverse * residual
            previous, size = size, float(residual @ corrected)
            step *= np.float32(size / previous)
            step += corrected
        return x.reshape(start.shape)

    def _matrix(self) -> tuple["scipy.sparse.dia_array", Values]:
        """The symmetric matrix of the normal equations, and its diagonal."""
        shape = self.strength.shape
        axes = [axis for axis, length in enumerate(shape) if length > 1]
        diagonals = np.zeros((1 + 2 * len(axes), *shape), np.float32)
        main, offsets = diagonals[0], [0]
        main[:] = self.strength
        for place, axis in enumerate(axes):
            ties = self.neighbours[axis]
            low = tuple(slice(0, -1 if a == axis else None) for a in range(len(shape)))
            high = tuple(slice(1 if a == axis else 0, None) for a in range(len(shape)))
            main[low] += ties
            main[high] += ties
            np.negative(ties, out=diagonals[1 + 2 * place][low])
            np.negative(ties, out=diagonals[2 + 2 * place][high])
            distance = int(np.prod(shape[axis + 1 :]))
            offsets += [-distance, distance]
        flat = diagonals.reshape(len(diagonals), -1)
        size = (main.size, main.size)
        return scipy.sparse.dia_array((flat, offsets), shape=size), flat[0]
