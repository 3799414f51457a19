"""The step `pad`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from imaging.large_arrays import large_zeros, slabs
from imaging.preparation.prepared import Prepared
from imaging.preparation.step import PreparationStep
from imaging.preparation.way_back import Padded

Count = Annotated[int, Field(ge=0, le=2048)]
Multiple = Annotated[int, Field(ge=1, le=2048)]
_MODES = {"constant": "edge", "replicate": "edge", "reflect": "reflect"}


class Pad(PreparationStep):
    """Adds voxels around the grid, by one of `size`, `multiple` and `border`.

    These are MONAI's SpatialPad, DivisiblePad and BorderPad. Added voxels are measured by later
    steps like all others. The mask has none of them.
    """

    step: Literal["pad"]
    """Always `pad`."""
    size: tuple[Count, ...] = ()
    """Least number of voxels along each axis."""
    multiple: tuple[Multiple, ...] = ()
    """Number that the size along each axis becomes a multiple of."""
    border: tuple[tuple[Count, Count], ...] = ()
    """Voxels before and after the grid, along each axis."""
    at_end: bool = False
    """With `size` and `multiple`: add all voxels at the end, not half of them on each side (of an
    odd number, one more at the end)."""
    mode: Literal["constant", "reflect", "replicate"] = "constant"
    """What fills them: `value`, voxels mirrored at the edge, or the voxels of the edge."""
    value: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """Value of `constant` voxels."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if sum(map(bool, (self.size, self.multiple, self.border))) != 1:
            raise ValueError("pad needs one of size, multiple and border")
        return self

    def check(self, _scans: int, axes: int, _earlier: tuple[PreparationStep, ...]) -> None:
        """Raises ValueError unless there is an entry for each axis."""
        if len(self.size or self.multiple or self.border) != axes:
            raise ValueError(f"pad needs {axes} entries, one for each axis")

    def apply(self, prepared: Prepared, scratch: Path | None = None) -> Prepared:
        """A new array on the larger grid; the same one where nothing is added."""
        widths = self._widths(prepared.grid)
        if not any(map(sum, widths)):
            return prepared
        sources = [
            np.pad(np.arange(n), width, mode=_MODES[self.mode])  # type: ignore[call-overload]
            for n, width in zip(prepared.grid, widths, strict=True)
        ]
        grid = tuple(map(len, sources))
        inner = tuple(
            slice(first, first + n) for n, (first, _) in zip(prepared.grid, widths, strict=True)
        )
        values = large_zeros((len(prepared.values), *grid), np.float32, scratch)
        for old, new in zip(prepared.values, values, strict=True):
            self._fill(old, new, sources, inner)
        padding = None
        if prepared.padding is not None:
            padding = large_zeros(values.shape, np.bool_, scratch)
            padding[(slice(None), *inner)] = prepared.padding
        step = Padded(tuple(first for first, _ in widths), prepared.grid, grid)
        way_back = (*prepared.way_back, step)
        return replace(prepared, values=values, padding=padding, inside=None, way_back=way_back)

    def _widths(self, grid: tuple[int, ...]) -> list[tuple[int, int]]:
        """Voxels before and after, along each axis."""
        if self.border:
            return list(self.border)
        wanted = self.size or [-(-n // k) * k for n, k in zip(grid, self.multiple, strict=True)]
        added = [max(0, size - n) for size, n in zip(wanted, grid, strict=True)]
        return [(0, n) if self.at_end else (n // 2, n - n // 2) for n in added]

    def _fill(
        self,
        old: NDArray[np.float32],
        new: NDArray[np.float32],
        sources: list[NDArray[np.intp]],
        inner: tuple[slice, ...],
    ) -> None:
        """`sources`: the old voxel that each new one repeats, along each axis."""
        for rows in slabs(new.shape):
            new[rows] = old[np.ix_(sources[0][rows], *sources[1:])]
            if self.mode == "constant":
                outside = np.ones(new[rows].shape, bool)
                start = rows.start or 0
                kept = slice(max(0, inner[0].start - start), max(0, inner[0].stop - start))
                outside[(kept, *inner[1:])] = False
                new[rows][outside] = self.value
