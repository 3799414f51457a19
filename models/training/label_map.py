"""Label maps of heads without images: the tissue of each voxel, and properties of each tissue."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.sniff import open_scan
from imaging.orientation import canonical
from models.training.config import TrainingConfig
from models.training.data import case_name, label_values
from models.training.tables import Synthesis

BACKGROUND = 0
"""The row of the background in the table of tissues."""
_FAR = 255
_SULCUS_MM = 10.0
"""Gaps narrower than this belong to the brain's hull."""


@dataclass(frozen=True, slots=True, eq=False)
class Tissues:
    """A table with one row per kind of tissue; the voxels of a map are row numbers."""

    appearance: NDArray[np.intp]
    """Rows with the same number have the same appearance."""
    target: NDArray[np.int64]
    """The class that the network learns."""
    contrasts: NDArray[np.float64]
    """(contrasts, appearances): mean intensity in common sequences; NaN if unknown."""
    outside: NDArray[np.bool_]
    """Whether a skull-stripped scan does not contain the tissue."""
    around: NDArray[np.bool_]
    """Whether a skull-stripped scan keeps only a layer of the tissue."""
    cortex: NDArray[np.bool_]
    """Whether the tissue may grow into the tissues of `around`."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """One head: the tissue of each voxel."""

    name: str
    head: NDArray[np.uint8]
    """(2, i, j, k), RAS+, cropped to the foreground: rows, and distance to the brain's hull in
    mm."""
    spacing_mm: tuple[float, ...]
    brain: Box
    """The box around the voxels with a class."""


def read_maps(config: TrainingConfig, root: Path) -> tuple[list[LabelMap], Tissues]:
    """All maps of the folder, sorted by name; raises BadRequest if there are fewer than two."""
    paths = sorted((root / config.data.labels).glob("*"))
    if len(paths) < 2:
        raise unsuitable(f"The data folder contains {len(paths)} label maps.")
    stored = {case_name(path): _read(path) for path in paths}
    values = np.unique(np.concatenate([[0], *(np.unique(labels) for labels, _ in stored.values())]))
    if len(values) > 256:
        raise unsuitable(f"The label maps contain {len(values)} different values.")
    table = tissues(values, config)
    maps = []
    for name, (labels, spacing) in stored.items():
        rows = np.searchsorted(values, labels).astype(np.uint8)[_around(labels != 0, 4).slices]
        brain = _around(table.target[rows] > 0, 0)
        head = np.stack([rows, depth(rows, table, spacing)])
        maps.append(LabelMap(name, head, spacing, brain))
    return maps, table


def tissues(values: NDArray[np.int32], config: TrainingConfig) -> Tissues:
    """The table for these sorted map values; the background is the first row."""
    synthesis, classes = config.synthesis or Synthesis(), config.data.classes or {}
    first = {value: group[0] for group in synthesis.alike for value in group}
    kinds = [first.get(value, value) for value in values.tolist()]
    target = {value: number for number, group in classes.items() for value in group}
    if not classes:
        target = {value: value for value in values.tolist()}
    appearances, appearance = np.unique(kinds, return_inverse=True)
    shared = [
        {first.get(value, value): mean for value, mean in known.items()}
        for known in synthesis.contrasts
    ]
    means = [[known.get(value, np.nan) for value in appearances] for known in shared]
    return Tissues(
        appearance=appearance,
        contrasts=np.array(means, float).reshape(len(means), len(appearances)),
        target=np.array([target.get(value, 0) for value in values.tolist()], np.int64),
        outside=np.isin(values, synthesis.outside),
        around=np.isin(values, synthesis.around),
        cortex=np.isin(values, synthesis.cortex),
    )


def depth(
    rows: NDArray[np.uint8], table: Tissues, spacing_mm: tuple[float, ...]
) -> NDArray[np.uint8]:
    """(i, j, k): approximate distance to the brain's hull in mm, rounded up; 0 inside, with sulci.

    Far from the brain it is the highest value, 255.
    """
    solid = (table.target > 0) & ~table.around & ~table.outside
    distance = np.full(rows.shape, _FAR, np.uint8)
    reach = tuple(max(1, round(_SULCUS_MM / mm)) for mm in spacing_mm)
    near = _around(solid[rows], 2 * max(reach)).slices
    margin = [(n, n) for n in reach]  # otherwise the closing treats the grid's edge as tissue
    closed = ndimage.grey_closing(np.pad(solid[rows[near]], margin).astype(np.uint8), reach)
    hull = closed[tuple(slice(n, -n) for n in reach)] > 0
    steps = ndimage.distance_transform_cdt(
        ~hull, "chessboard"
    )  # much faster than the Euclidean distance
    distance[near] = np.ceil(steps * min(spacing_mm)).clip(0, _FAR)
    return distance


def stripped(
    rows: NDArray[np.intp], depth: NDArray[np.uint8], table: Tissues, layer_mm: float
) -> NDArray[np.intp]:
    """The rows of a head without its skull; a layer of `layer_mm` around the brain remains."""
    removed = table.outside[rows] | (table.around[rows] & (depth > layer_mm))
    return np.where(removed, BACKGROUND, rows)


def thickened(rows: NDArray[np.intp], table: Tissues) -> NDArray[np.intp]:
    """The rows of a head whose cortex is one voxel thicker, at the cost of the tissue around it."""
    thick, free = rows.copy(), table.around[rows]
    for row in np.flatnonzero(table.cortex):  # left and right separately
        thick[free & ndimage.binary_dilation(rows == row)] = row
    return thick


def unsuitable(detail: str) -> BadRequest:
    """The error for maps from which images cannot be drawn."""
    return BadRequest(
        detail,
        expected="Two or more label maps with up to 256 values, and a card with spacing_mm.",
        hint="Set such a folder in the configuration's [data], or remove [synthesis].",
    )


def _read(path: Path) -> tuple[NDArray[np.int32], tuple[float, ...]]:
    scan = canonical(open_scan(path)).scan
    if scan.spacing_mm is None or scan.dimension != 3:
        raise unsuitable("A label map is not a volume.")
    return label_values(scan), scan.spacing_mm


def _around(inside: NDArray[np.bool_], margin: int) -> Box:
    """The bounding box of `inside`, enlarged by `margin` within the grid."""
    lines = [np.flatnonzero(inside.any(axis=(*{0, 1, 2} - {axis},))) for axis in range(3)]
    if not inside.any():
        return Box.whole(inside.shape)
    return Box(
        tuple(max(0, int(line[0]) - margin) for line in lines),
        tuple(
            min(n, int(line[-1]) + 1 + margin) for n, line in zip(inside.shape, lines, strict=True)
        ),
    )
