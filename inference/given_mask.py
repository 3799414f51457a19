"""A label map of a scan: the box to segment, or the mask to start from."""

from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.crop import cropped
from imaging.errors import BadRequest
from imaging.geometry import onto_grid
from imaging.large_arrays import large_zeros
from imaging.same_grid import label_view
from imaging.scan import Scan
from models.any_card import AnyCard

_BLOCK_VOXELS = 1 << 22


def crop_box(label: Scan, margin_mm: float) -> Box:
    """As `label_box`, of all labels of a given mask; raises BadRequest where there is none."""
    box = label_box(label, margin_mm)
    if box is None:
        raise BadRequest(
            "The given mask has no label.",
            expected="A label map with at least one voxel above 0, around which to crop.",
            hint="Segment the whole scan: leave the mask out.",
        )
    return box


def label_box(label: Scan, margin_mm: float, values: Sequence[int] = ()) -> Box | None:
    """The bounding box of the labels `values` (empty: of all), with a margin on each side, inside
    the grid; None where no voxel has one of them.

    Without a voxel size the margin is in pixels.
    """
    low = np.full(label.dimension, np.iinfo(np.int64).max)
    high = np.full(label.dimension, -1)
    for box in blocks(label.grid, _BLOCK_VOXELS):
        voxels = label.read(box)[0]
        present = np.isin(voxels, values) if values else voxels > 0
        for axis in range(label.dimension):
            others = tuple(n for n in range(label.dimension) if n != axis)
            places = np.flatnonzero(present.any(axis=others)) + box.start[axis]
            if places.size:
                low[axis] = min(low[axis], places[0])
                high[axis] = max(high[axis], places[-1])
    if (high < 0).any():
        return None
    steps = label.spacing_mm or (1.0,) * label.dimension
    # No more than the whole grid: a margin of many tiny voxels may be infinite.
    margins = [ceil(min(margin_mm / mm, size)) for mm, size in zip(steps, label.grid, strict=True)]
    return Box(
        tuple(max(0, int(n) - m) for n, m in zip(low, margins, strict=True)),
        tuple(
            min(size, int(n) + 1 + m) for n, m, size in zip(high, margins, label.grid, strict=True)
        ),
    )


def cropped_channels(scans: Mapping[str, Scan], card: AnyCard, box: Box) -> dict[str, Scan]:
    """The given scans of the channels, for a run on `box` of the first channel's grid.

    Label maps and images are on the first channel's grid, so they are cropped with it. A further
    volume keeps its own grid: it is resampled onto the crop, at its place in space. Raises
    BadRequest or ScanModelMismatch where a label map or image is on another grid.
    """
    first, *others = card.channels
    grid = scans[first.name]
    parts = {first.name: cropped(grid, box)}
    for channel in others:
        if channel.name not in scans:
            continue
        scan = scans[channel.name]
        if channel.label_values:
            scan = cropped(label_view(scan, grid), box)
        elif scan.dimension == 2:
            scan = cropped(onto_grid(scan, grid.grid, grid.affine), box)
        parts[channel.name] = scan
    return parts


def pasted(mask: NDArray[Any], box: Box, grid: Sequence[int], scratch: Path | None) -> NDArray[Any]:
    """A mask of the whole grid, which is `mask` in the box and 0 elsewhere."""
    whole = large_zeros(grid, mask.dtype, scratch)
    whole[box.slices] = mask
    return whole


def starting_mask(label: Scan, card: AnyCard, scratch: Path | None) -> NDArray[Any]:
    """The label map as a mask of the model, on the grid of its scan.

    Raises BadRequest for a value that is not a label of the model.
    """
    mask = large_zeros(label.grid, np.uint32, scratch)
    known = np.array([0, *(one.value for one in card.labels)], np.uint32)
    for box in blocks(label.grid, _BLOCK_VOXELS):
        values = label.read(box)[0]
        if card.instances is None and not np.isin(values, known).all():
            raise BadRequest(
                f"The given mask has values that are not labels of {card.name}.",
                expected=f"0 or one of {', '.join(str(n) for n in known[1:])}.",
                hint="Give a mask with the label numbers of this model.",
            )
        mask[box.slices] = values
    return mask
