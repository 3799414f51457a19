"""The step `resize`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from imaging.preparation.axis_map import AxisMap
from imaging.preparation.prepared import Prepared
from imaging.preparation.resize import Resizing
from imaging.preparation.resized_channels import resized_channels
from imaging.preparation.step import PreparationStep
from imaging.preparation.way_back import Resized


class ResizeTo(PreparationStep):
    """Resizes all channels to a fixed number of voxels, by linear interpolation without smoothing.

    This is MONAI's Resize with the mode `bilinear` or `trilinear`: the outer edges of the grid stay
    where they are. Channels that are label maps take the label of the nearest voxel.
    """

    step: Literal["resize"]
    """Always `resize`."""
    size: tuple[Annotated[int, Field(ge=1, le=2048)], ...]
    """Voxels along each axis."""

    def check(self, _scans: int, axes: int, _earlier: tuple[PreparationStep, ...]) -> None:
        """Raises ValueError unless there is a size for each axis."""
        if len(self.size) != axes:
            raise ValueError(f"resize needs a size of {axes} numbers, one for each axis")

    def apply(self, prepared: Prepared, scratch: Path | None = None) -> Prepared:
        """A new array on the new grid; the same one where the grid stays."""
        before, after = prepared.grid, self.size
        if before == after:
            return prepared
        resizing = Resizing(
            tuple(AxisMap(n, m, 1, "edges") for n, m in zip(before, after, strict=True))
        )
        ratios = tuple(n / m for n, m in zip(before, after, strict=True))
        spacing, steps = prepared.spacing_mm, prepared.steps_mm
        resized = Resized(before, after, ratios, "edges")
        return replace(
            resized_channels(prepared, resized, resizing, None, scratch),
            spacing_mm=spacing and tuple(np.multiply(spacing, ratios).tolist()),
            steps_mm=None if steps is None else steps * np.asarray(ratios),
        )
