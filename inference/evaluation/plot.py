"""Plots cases: the outlines of reference and mask over the scan."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats.atomic import replacing
from imaging.orientation import canonical
from imaging.scan import Scan

_REFERENCE = ("reference", "#00b4d8", 2.6)
_PREDICTED = ("predicted", "#ffb703", 1.1)
"""Name, colour and width in points. The thin line is drawn over the wide one, so that both show."""
_GROUND, _TEXT = "#14171a", "#f2f2f2"
_PLANE_INCHES = 3.4
_IMAGE_INCHES = 5.0
_LONGEST_NAME = 28
_WINDOW = (0.5, 99.5)
_PLANES = ((2, 0, 1), (1, 0, 2), (0, 1, 2))
"""Held axis, across, up: axial, coronal, sagittal, of RAS+ axes."""


@dataclass(frozen=True, slots=True, eq=False)
class PlottedCase:
    """A case to plot; masks are on the stored axes of the scan."""

    title: str
    case: str
    scan: Scan
    predicted: NDArray[Any]
    reference: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Panel:
    """One plane, rows from the top, and the height of a pixel relative to its width."""

    pixels: NDArray[Any]
    predicted: NDArray[Any]
    reference: NDArray[Any]
    aspect: float


def draw(cases: Sequence[PlottedCase], path: Path) -> None:
    """Writes a PNG: a row of three planes for each volume, or one row of all images.

    The planes of a volume are where the reference is largest along each axis, in true proportions,
    with the patient's right on the right. The margin around the masks is half their size.
    """
    rows = [_planes(case) if case.scan.dimension == 3 else [_image(case)] for case in cases]
    flat = len(rows[0]) == 1
    height, width = (1, len(rows)) if flat else (len(rows), len(rows[0]))
    edge = _IMAGE_INCHES if flat else _PLANE_INCHES
    figure = Figure(
        (edge * width, edge * height + 0.4), dpi=130, facecolor=_GROUND, layout="constrained"
    )
    grid = figure.subplots(height, width, squeeze=False)
    for place, (case, panels) in enumerate(zip(cases, rows, strict=True)):
        axes = grid[:, place] if flat else grid[place]
        for ax, panel in zip(axes, panels, strict=True):
            _draw_panel(ax, panel)
        axes[0].set_title(_title(case), loc="left", fontsize=11, color=_TEXT, parse_math=False)
    lines = [Line2D([], [], color=color, linewidth=w) for _, color, w in (_REFERENCE, _PREDICTED)]
    names = [_REFERENCE[0], _PREDICTED[0]]
    figure.legend(
        lines, names, loc="outside lower center", ncols=2, frameon=False, labelcolor=_TEXT
    )
    with replacing(path) as file:
        figure.savefig(file, format="png")


def _title(case: PlottedCase) -> str:
    name = case.case
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 1]}…"
    return f"{case.title}\n{name}"


def _image(case: PlottedCase) -> _Panel:
    pixels = np.moveaxis(case.scan.read(Box.whole(case.scan.grid)), 0, -1)
    down, across = case.scan.spacing_mm or (1.0, 1.0)
    return _Panel(pixels, case.predicted, case.reference, down / across)


def _planes(case: PlottedCase) -> list[_Panel]:
    view = canonical(case.scan)
    predicted, reference = view.turn(case.predicted), view.turn(case.reference)
    spacing = view.scan.spacing_mm or (1.0, 1.0, 1.0)
    panels = []
    for held, across, up in _PLANES:
        at = _largest(reference if reference.any() else predicted, held)
        box = _plane(view.scan.grid, held, at)
        cut = (view.scan.read(box)[0], predicted[box.slices], reference[box.slices])
        pixels, mask, expected = (part.squeeze(held).T[::-1] for part in cut)
        aspect = spacing[up] / spacing[across]
        panels.append(_Panel(pixels[..., np.newaxis], mask, expected, aspect))
    return panels


def _largest(mask: NDArray[Any], axis: int) -> int:
    """Index along `axis` with the most mask voxels; the middle for an empty mask."""
    others = tuple(a for a in range(mask.ndim) if a != axis)
    counts = np.count_nonzero(mask, axis=others)
    return int(counts.argmax()) if counts.any() else mask.shape[axis] // 2


def _plane(grid: tuple[int, ...], held: int, at: int) -> Box:
    start, stop = [0] * len(grid), list(grid)
    start[held], stop[held] = at, at + 1
    return Box(tuple(start), tuple(stop))


def _draw_panel(ax: Axes, panel: _Panel) -> None:
    ax.imshow(_shades(panel.pixels), cmap="gray", vmin=0, vmax=1, aspect=panel.aspect)
    for mask, (_, color, width) in ((panel.reference, _REFERENCE), (panel.predicted, _PREDICTED)):
        lines = LineCollection(list(_edges(mask)), colors=color, linewidths=width)
        lines.set_capstyle("round")
        ax.add_collection(lines)
    rows, columns = _extent((panel.predicted != 0) | (panel.reference != 0))
    ax.set_xlim(columns[0] - 0.5, columns[1] - 0.5)
    ax.set_ylim(rows[1] - 0.5, rows[0] - 0.5)
    ax.set_axis_off()


def _shades(pixels: NDArray[Any]) -> NDArray[Any]:
    """(row, column), or (row, column, 3), from 0 to 1. Percentiles brighten fluorescence images,
    which are stored dark."""
    finite = np.nan_to_num(pixels.astype(np.float64), posinf=0, neginf=0)
    low, high = np.percentile(finite, _WINDOW)
    shades = np.clip((finite - low) / (high - low or 1.0), 0, 1)
    return np.asarray(shades if shades.shape[-1] == 3 else shades[..., 0])


def _edges(mask: NDArray[Any]) -> NDArray[np.float64]:
    """(n, 2, 2): the sides (x, y) to (x, y) of pixels whose neighbour has another label."""
    bordered = np.pad(mask.astype(np.int64), 1)
    sides = []
    for axis, step in ((0, (1, 0)), (1, (0, 1))):
        rows, columns = np.nonzero(np.diff(bordered, axis=axis))
        first = np.stack([columns - (axis == 0), rows - (axis == 1)], axis=-1) - 0.5
        sides.append(np.stack([first, first + step], axis=1))
    return np.concatenate(sides)


def _extent(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop of rows and columns that show the mask with a margin of half its size."""
    extent = []
    for axis, size in enumerate(mask.shape):
        where = np.flatnonzero(mask.any(axis=1 - axis))
        if not where.size:
            extent.append((0, size))
            continue
        first, last = int(where[0]), int(where[-1])
        margin = (last - first + 2) // 2
        extent.append((max(0, first - margin), min(size, last + 1 + margin)))
    return extent
