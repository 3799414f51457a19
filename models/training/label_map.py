"""Heads without images: which tissue fills each voxel, and what is known of each tissue."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.sniff import open_scan
from imaging.geometry import canonical
from models.training.config import TrainingConfig
from models.training.data import case_name, label_values
from models.training.tables import Synthesis

BACKGROUND = 0
"""The row of a map's background."""
_FAR = 255
_SULCUS_MM = 10.0
"""Gaps of less than that lie within the brain's hull."""


@dataclass(frozen=True, slots=True, eq=False)
class Tissues:
    """What is known of each kind of tissue; a map's voxels are rows of this table."""

    look: NDArray[np.intp]
    """Rows of the same number look alike."""
    target: NDArray[np.int64]
    """The class that is to be learnt."""
    contrasts: NDArray[np.float64]
    """(contrasts, looks): means in common sequences; NaN where one is not known."""
    outside: NDArray[np.bool_]
    """Whether a stripped scan lacks it."""
    around: NDArray[np.bool_]
    """Whether a stripped scan keeps a layer of it at most."""
    cortex: NDArray[np.bool_]
    """Whether it may grow into what is around."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """One head: which tissue fills each voxel."""

    name: str
    head: NDArray[np.uint8]
    """(2, i, j, k), RAS+, cut to what is not background: rows, and mm to the brain's hull."""
    spacing_mm: tuple[float, ...]
    brain: Box
    """Around what is to be learnt."""


def read_maps(config: TrainingConfig, root: Path) -> tuple[list[LabelMap], Tissues]:
    """Every map of the folder, sorted by name; raises BadRequest where there are too few."""
    paths = sorted((root / config.data.labels).glob("*"))
    if len(paths) < 2:
        raise unfit(f"The data folder holds {len(paths)} label maps.")
    stored = {case_name(path): _read(path) for path in paths}
    values = np.unique(np.concatenate([[0], *(np.unique(found) for found, _ in stored.values())]))
    if len(values) > 256:
        raise unfit(f"The label maps hold {len(values)} different values.")
    table = tissues(values, config)
    maps = []
    for name, (found, spacing) in stored.items():
        rows = np.searchsorted(values, found).astype(np.uint8)[_around(found != 0, 4).slices]
        brain = _around(table.target[rows] > 0, 0)
        head = np.stack([rows, depth(rows, table, spacing)])
        maps.append(LabelMap(name, head, spacing, brain))
    return maps, table


def tissues(values: NDArray[np.int32], config: TrainingConfig) -> Tissues:
    """The table of these values of maps, sorted; the background comes first."""
    synthesis, classes = config.synthesis or Synthesis(), config.data.classes or {}
    first = {value: group[0] for group in synthesis.alike for value in group}
    kinds = [first.get(value, value) for value in values.tolist()]
    target = {value: number for number, group in classes.items() for value in group}
    if not classes:
        target = {value: value for value in values.tolist()}
    looks, look = np.unique(kinds, return_inverse=True)
    shared = [
        {first.get(value, value): mean for value, mean in known.items()}
        for known in synthesis.contrasts
    ]
    means = [[known.get(value, np.nan) for value in looks] for known in shared]
    return Tissues(
        look=look,
        contrasts=np.array(means, float).reshape(len(means), len(looks)),
        target=np.array([target.get(value, 0) for value in values.tolist()], np.int64),
        outside=np.isin(values, synthesis.outside),
        around=np.isin(values, synthesis.around),
        cortex=np.isin(values, synthesis.cortex),
    )


def depth(
    rows: NDArray[np.uint8], table: Tissues, spacing_mm: tuple[float, ...]
) -> NDArray[np.uint8]:
    """(i, j, k): about how many mm to the brain's hull, rounded up; 0 within it, sulci and all.

    Far from the brain it is the highest number.
    """
    solid = (table.target > 0) & ~table.around & ~table.outside
    found = np.full(rows.shape, _FAR, np.uint8)
    reach = tuple(max(1, round(_SULCUS_MM / mm)) for mm in spacing_mm)
    near = _around(solid[rows], 2 * max(reach)).slices
    margin = [(n, n) for n in reach]  # or a closing takes the grid's edge for tissue
    closed = ndimage.grey_closing(np.pad(solid[rows[near]], margin).astype(np.uint8), reach)
    hull = closed[tuple(slice(n, -n) for n in reach)] > 0
    steps = ndimage.distance_transform_cdt(~hull, "chessboard")  # much quicker than Euclid's
    found[near] = np.ceil(steps * min(spacing_mm)).clip(0, _FAR)
    return found


def stripped(
    rows: NDArray[np.intp], depth: NDArray[np.uint8], table: Tissues, layer_mm: float
) -> NDArray[np.intp]:
    """The rows of a head without its skull, a layer around the brain being left."""
    lost = table.outside[rows] | (table.around[rows] & (depth > layer_mm))
    return np.where(lost, BACKGROUND, rows)


def thickened(rows: NDArray[np.intp], table: Tissues) -> NDArray[np.intp]:
    """The rows of a head whose cortex is a voxel thicker, at the cost of what is around it."""
    thick, free = rows.copy(), table.around[rows]
    for row in np.flatnonzero(table.cortex):  # the left's and the right's, each its own
        thick[free & ndimage.binary_dilation(rows == row)] = row
    return thick


def unfit(detail: str) -> BadRequest:
    """Why images cannot be drawn from these maps."""
    return BadRequest(
        detail,
        expected="Two or more label maps of up to 256 values, and a card with spacing_mm.",
        hint="Name such a folder in the configuration's [data], or leave [synthesis] out.",
    )


def _read(path: Path) -> tuple[NDArray[np.int32], tuple[float, ...]]:
    scan = canonical(open_scan(path)).scan
    if scan.spacing_mm is None or scan.dimension != 3:
        raise unfit("A label map is no volume.")
    return label_values(scan), scan.spacing_mm


def _around(inside: NDArray[np.bool_], margin: int) -> Box:
    """The box of what is inside, and a margin within the grid."""
    lines = [np.flatnonzero(inside.any(axis=(*{0, 1, 2} - {axis},))) for axis in range(3)]
    if not inside.any():
        return Box.whole(inside.shape)
    return Box(
        tuple(max(0, int(line[0]) - margin) for line in lines),
        tuple(
            min(n, int(line[-1]) + 1 + margin) for n, line in zip(inside.shape, lines, strict=True)
        ),
    )
