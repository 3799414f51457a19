"""The step `resample`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from imaging.large_arrays import large_zeros, slabs
from imaging.preparation.axis_map import AxisMap, Order
from imaging.preparation.prepared import Prepared
from imaging.preparation.resize import Resizing
from imaging.preparation.resized_labels import resized_labels
from imaging.preparation.step import PreparationStep
from imaging.preparation.way_back import Anchor, Resized

_SAME_MM = 1e-3
"""Spacings that differ by less are the same at MONAI."""
Millimetres = Annotated[float, Field(gt=0, allow_inf_nan=False)]


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
    as whole voxels allow (nnU-Net). `centres`: the centre of the first voxel stays where it is, and
    the spacing is met exactly (MONAI)."""
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
            warning = "The image has no pixel size; it was not resampled to the model's spacing."
            return replace(prepared, warnings=(*prepared.warnings, warning))
        spacing = self._spacing(prepared.spacing_mm)
        resized = self._resized(prepared.grid, prepared.spacing_mm, spacing)
        prepared = replace(prepared, spacing_mm=spacing)
        resizing = self._resizing(resized, self.order)
        if all(axis.is_identity for axis in resizing.maps):
            return prepared
        values = large_zeros((len(prepared.values), *resized.after), np.float32, scratch)
        for _, components in prepared.scans():
            for n in components:
                resizing.into(values[n], prepared.values[n], scratch)
        linear = None if self.labels == "nearest" else self._resizing(resized, 1)
        for _, components in prepared.label_maps():
            part = slice(components[0], components[-1] + 1)
            resized_labels(values[part], prepared.values[part], resizing, linear, scratch)
        return replace(
            prepared,
            values=values,
            padding=_nearest(prepared.padding, resizing, scratch),
            inside=None,
            way_back=(*prepared.way_back, resized),
        )

    def _spacing(self, own: tuple[float, ...]) -> tuple[float, ...]:
        """The voxel size of the result."""
        wanted = [mm or now for mm, now in zip(self.spacing_mm, own, strict=True)]
        if self.anchor == "edges":
            return tuple(wanted)
        return tuple(
            now if abs(mm - now) <= _SAME_MM else mm for mm, now in zip(wanted, own, strict=True)
        )

    def _resized(
        self, grid: tuple[int, ...], own: tuple[float, ...], spacing: tuple[float, ...]
    ) -> Resized:
        pairs = [now / mm for now, mm in zip(own, spacing, strict=True)]
        if self.anchor == "centres":
            after = tuple(round((n - 1) * ratio + 1) for n, ratio in zip(grid, pairs, strict=True))
            ratios = tuple(mm / now for now, mm in zip(own, spacing, strict=True))
            return Resized(grid, after, ratios, "centres")
        after = tuple(max(1, round(ratio * n)) for n, ratio in zip(grid, pairs, strict=True))
        ratios = tuple(n / m for n, m in zip(grid, after, strict=True))
        return Resized(
            grid, after, ratios, "edges", self._coarse_axis(own, spacing),
            self._coarse_axis(spacing, own),
        )  # fmt: skip

    def _coarse_axis(self, *spacings: tuple[float, ...]) -> int | None:
        """The coarse axis by the first of `spacings` that is anisotropic."""
        if self.coarse_ratio is None:
            return None
        for spacing in spacings:
            if len(spacing) == 3 and max(spacing) / min(spacing) > self.coarse_ratio:
                return spacing.index(max(spacing)) if spacing.count(max(spacing)) == 1 else None
        return None

    def _resizing(self, resized: Resized, order: Order) -> Resizing:
        axes = zip(resized.before, resized.after, resized.ratios, strict=True)
        coarse = resized.coarse_axis
        maps = tuple(
            AxisMap(
                before, after, self.coarse_order if axis == coarse else order,
                self.anchor, ratio if self.anchor == "centres" else None,
            )
            for axis, (before, after, ratio) in enumerate(axes)
        )  # fmt: skip
        return Resizing(maps, coarse, self.clip)


def _nearest(
    mask: NDArray[np.bool_] | None, resizing: Resizing, scratch: Path | None
) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    out = large_zeros((len(mask), *resizing.after), np.bool_, scratch)
    for one, resized in zip(mask, out, strict=True):
        for rows in slabs(resized.shape):
            resized[rows] = resizing.nearest(one, rows)
    return out
