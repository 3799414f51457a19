"""The step `resample`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from imaging.preparation.axis_map import AxisMap, Order
from imaging.preparation.prepared import Prepared
from imaging.preparation.resize import Resizing
from imaging.preparation.resized_channels import resized_channels
from imaging.preparation.step import PreparationStep
from imaging.preparation.target_grid import (
    grid_by_centres,
    grid_by_edges,
    kept_spacing,
)
from imaging.preparation.way_back import Anchor, Resized

Millimetres = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NOT_RESAMPLED = "The image has no pixel size; it was not resampled to the model's spacing."
"""A warning."""


class Resample(PreparationStep):
    """Resamples all channels to a voxel size.

    With the anchor `edges`, as nnU-Net does; with `centres`, as MONAI's Spacing does. A scan
    without a voxel size is not resampled.
    """

    step: Literal["resample"]
    """Always `resample`."""
    spacing_mm: tuple[Millimetres | None, ...]
    """Voxel size in mm along each axis; `null`: that of the scan."""
    anchor: Anchor
    """`edges`: the outer edges of the grid stay where they are, and the spacing is met as closely
    as whole voxels allow (nnU-Net). `centres`: the spacing is met exactly, and the centre of the
    first voxel stays where it is, or in oblique scans the centre of the grid (MONAI)."""
    order: Order = 1
    """Order of the spline for scans: 0 nearest voxel, 1 linear, 3 cubic (nnU-Net)."""
    clip: bool = False
    """Clip scans to the range of their values before, as scikit-image does for nnU-Net; with a
    coarse axis, each slice across it to its own range."""
    coarse_ratio: Annotated[float, Field(ge=1)] | None = None
    """Volumes only. If the largest voxel size is more than this many times the smallest, and only
    one axis has it, that axis is resampled apart from the others, with `coarse_order`; the scan's
    own voxel sizes are looked at first, then `spacing_mm`. nnU-Net: 3. Empty: never."""
    coarse_order: Order = 0
    """Order of the spline for the coarse axis."""
    labels: Literal["linear", "nearest"] = "linear"
    """Channels that are label maps: `linear` interpolates each label and takes the one that has
    most of the voxel (nnU-Net), `nearest` takes the label of the nearest voxel (MONAI)."""

    @model_validator(mode="after")
    def _parameters_of_the_anchor(self) -> Self:
        if self.anchor == "centres" and (self.clip or self.coarse_ratio is not None):
            raise ValueError("resample with the anchor centres has neither clip nor coarse_ratio")
        return self

    def check(self, _scans: int, axes: int, _earlier: tuple[PreparationStep, ...]) -> None:
        """Raises ValueError unless there is a voxel size for each axis."""
        if len(self.spacing_mm) != axes:
            raise ValueError(f"resample needs a spacing_mm of {axes} numbers, one for each axis")

    def apply(self, prepared: Prepared, scratch: Path | None = None) -> Prepared:
        """A new array on the new grid; the same one where the grid stays."""
        if prepared.spacing_mm is None:
            return replace(prepared, warnings=(*prepared.warnings, NOT_RESAMPLED))
        wanted = zip(self.spacing_mm, prepared.spacing_mm, strict=True)
        prepared, resized = self._target(prepared, tuple(new or own for new, own in wanted))
        resizing = self._resizing(resized, self.order)
        if all(axis.is_identity for axis in resizing.maps):
            return prepared
        linear = None if self.labels == "nearest" else self._resizing(resized, 1)
        return resized_channels(prepared, resized, resizing, linear, scratch)

    def _target(self, prepared: Prepared, wanted_mm: tuple[float, ...]) -> tuple[Prepared, Resized]:
        """The input with its new spacing, and the new grid."""
        grid, own, steps = prepared.grid, prepared.spacing_mm or wanted_mm, prepared.steps_mm
        if self.anchor == "edges":
            resized = grid_by_edges(grid, own, wanted_mm, self.coarse_ratio)
        else:
            if steps is not None:
                own = tuple(np.linalg.norm(steps, axis=0).tolist())
            wanted_mm = kept_spacing(own, wanted_mm)
            resized = grid_by_centres(grid, own, wanted_mm, steps)
        if steps is not None:
            steps = steps * (np.asarray(wanted_mm) / np.asarray(own))
        return replace(prepared, spacing_mm=wanted_mm, steps_mm=steps), resized

    def _resizing(self, resized: Resized, order: Order) -> Resizing:
        maps = []
        for axis, (before, after) in enumerate(zip(resized.before, resized.after, strict=True)):
            one = self.coarse_order if axis == resized.coarse_axis else order
            if self.anchor == "edges":
                maps.append(AxisMap(before, after, one))
            else:
                ratio, offset = resized.ratios[axis], resized.offsets[axis]
                maps.append(AxisMap(before, after, one, self.anchor, ratio, offset))
        return Resizing(tuple(maps), resized.coarse_axis, self.clip)
