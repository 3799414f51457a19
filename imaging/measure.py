"""Measures a mask block by block: sizes, bounding boxes and centroids."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import blocks
from imaging.csv_cells import text_cell
from imaging.scan import Scan

MOST_OBJECTS = 10_000
"""Most rows of single objects in a report; the summary counts all objects."""
_BLOCK_VOXELS = 1 << 20


@dataclass(frozen=True, slots=True)
class Measurement:
    """One label, or one object of an instance mask; no box and no centroid without voxels."""

    value: int
    """The value in the mask."""
    name: str
    voxels: int
    """Number of voxels of a volume, or pixels of an image."""
    volume_ml: float | None
    """Volumes only: `voxels` times |det| of the affine's 3x3 part."""
    area_px: int | None
    """Images only."""
    area_mm2: float | None
    """Images with a spacing only."""
    bounding_box: tuple[tuple[int, ...], tuple[int, ...]] | None
    """First voxel, and last voxel plus one, on the stored axes."""
    centroid_voxel: tuple[float, ...] | None
    """(i, j, k), or (row, column); the centre of voxel 0 is 0.0."""
    centroid_mm: tuple[float, float, float] | None
    """RAS+; volumes only."""

    def as_dict(self) -> dict[str, Any]:
        """By field name. Not `dataclasses.asdict`: its copies take longer than the measurement."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Measurements:
    """One row per label of the model, also for labels that the mask does not contain."""

    rows: tuple[Measurement, ...]

    def as_dict(self) -> dict[str, Any]:
        """The rows under `labels`."""
        return {"labels": [row.as_dict() for row in self.rows]}


@dataclass(frozen=True, slots=True)
class InstanceMeasurements:
    """Number and sizes of objects, and one row for each."""

    count: int
    total_voxels: int
    median_voxels: float
    smallest_voxels: int
    largest_voxels: int
    total_ml: float | None
    """Volumes only."""
    total_mm2: float | None
    """Images with a spacing only."""
    rows: tuple[Measurement, ...]

    def as_dict(self) -> dict[str, Any]:
        """The summary, with the rows under `objects`."""
        summary = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "rows"}
        return summary | {"objects": [row.as_dict() for row in self.rows]}


def report_rows(
    mask: NDArray[Any], scan: Scan, labels: Sequence[tuple[int, str]], *, numbered: bool
) -> dict[str, Any]:
    """The `measurements` of a report: `labels`, one row for each (value, name).

    `numbered`: the mask numbers objects. Then `instances` is a summary of them, and `objects` has a
    row for each of the first MOST_OBJECTS.
    """
    rows = measure(mask, scan, labels, together=numbered).as_dict()
    if not numbered:
        return rows | {"instances": None, "objects": []}
    summary = measure_instances(mask, scan, labels[0][1], MOST_OBJECTS).as_dict()
    objects = summary.pop("objects")
    return rows | {"instances": summary, "objects": objects}


def measure(
    mask: NDArray[Any], scan: Scan, labels: Sequence[tuple[int, str]], *, together: bool = False
) -> Measurements:
    """Measures `mask`, on the stored axes of `scan`, for each (value, name) of `labels`.

    `together`: the mask numbers objects, which all count as the first label.
    """
    totals = _Totals(max((value for value, _ in labels), default=0), mask.ndim)
    for box in blocks(mask.shape, _BLOCK_VOXELS):
        block = mask[box.slices]
        totals.add((block > 0) * np.uint16(labels[0][0]) if together else block, box.start)
    return Measurements(tuple(_row(totals, scan, value, name) for value, name in labels))


def measure_instances(
    mask: NDArray[Any], scan: Scan, name: str = "object", most: int | None = None
) -> InstanceMeasurements:
    """Measures each object of a mask that numbers objects, on the stored axes of `scan`.

    `most`: maximum number of rows; the summary always covers all objects.
    """
    totals = _Totals(int(mask.max(initial=0)), mask.ndim)
    for box in blocks(mask.shape, _BLOCK_VOXELS):
        totals.add(mask[box.slices], box.start)
    values = np.flatnonzero(totals.count)
    rows = tuple(_row(totals, scan, int(value), name) for value in values[:most])
    sizes = totals.count[values]
    ml, mm2 = (_sizes(scan, int(sizes.sum()))[i] for i in (0, 2))
    return InstanceMeasurements(
        count=len(values),
        total_voxels=int(sizes.sum()),
        median_voxels=float(np.median(sizes)) if sizes.size else 0.0,
        smallest_voxels=int(sizes.min()) if sizes.size else 0,
        largest_voxels=int(sizes.max(initial=0)),
        total_ml=ml,
        total_mm2=mm2,
        rows=rows,
    )


def to_csv(rows: Iterable[Measurement]) -> str:
    """A CSV table with a header row; boxes and centroids have one column per axis."""
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in map(_flat, rows):
        if writer is None:
            writer = csv.DictWriter(text, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
    return text.getvalue()


def table(measurements: Mapping[str, Any]) -> str:
    """The rows of a report's `measurements` as CSV: the numbered objects, or else the labels.

    Members that are no measurement, such as `unsure_share`, have no column.
    """
    counted = measurements.get("instances") is not None
    rows = measurements.get("objects" if counted else "labels") or ()
    names = [field.name for field in fields(Measurement)]
    return to_csv(Measurement(**{name: row[name] for name in names}) for row in rows)


class _Totals:
    """Counts, coordinate sums and extents for each value from 0 to `top`, added up over blocks."""

    def __init__(self, top: int, axes: int) -> None:
        self.count = np.zeros(top + 1, np.int64)
        self.sums = np.zeros((axes, top + 1))
        self.low = np.full((axes, top + 1), np.iinfo(np.int64).max)
        self.high = np.full((axes, top + 1), -1)

    def add(self, block: NDArray[Any], start: tuple[int, ...]) -> None:
        """Adds a block whose first voxel has the index `start`."""
        where = np.nonzero(block)
        values = block[where].astype(np.intp)
        known = values < self.count.size
        values = values[known]
        self.count += np.bincount(values, minlength=self.count.size)
        for axis, places in enumerate(where):
            at = places[known] + start[axis]
            self.sums[axis] += np.bincount(values, at, minlength=self.count.size)
            np.minimum.at(self.low[axis], values, at)
            np.maximum.at(self.high[axis], values, at)


def _sizes(scan: Scan, voxels: int) -> tuple[float | None, int | None, float | None]:
    """volume_ml, area_px and area_mm2 of a number of voxels; None where one does not apply."""
    if scan.dimension == 3:
        return voxels * float(abs(np.linalg.det(scan.affine[:3, :3]))) / 1000, None, None
    if scan.spacing_mm is None:
        return None, voxels, None
    return None, voxels, voxels * float(np.prod(scan.spacing_mm))


def _row(totals: _Totals, scan: Scan, value: int, name: str) -> Measurement:
    voxels = int(totals.count[value])
    volume_ml, area_px, area_mm2 = _sizes(scan, voxels)
    box = centroid = world = None
    if voxels:
        first = tuple(int(n) for n in totals.low[:, value])
        box = (first, tuple(int(n) + 1 for n in totals.high[:, value]))
        centroid = tuple(float(n) for n in totals.sums[:, value] / voxels)
    if centroid is not None and scan.dimension == 3:
        x, y, z = (float(n) for n in scan.affine[:3, :3] @ centroid + scan.affine[:3, 3])
        world = (x, y, z)
    return Measurement(value, name, voxels, volume_ml, area_px, area_mm2, box, centroid, world)


def _flat(row: Measurement) -> Mapping[str, Any]:
    axes = ("i", "j", "k") if row.area_px is None else ("row", "column")
    cells = {
        "value": row.value,
        "name": text_cell(row.name),
        "voxels": row.voxels,
        "volume_ml": row.volume_ml,
        "area_mm2": row.area_mm2,
    }
    first, last = row.bounding_box or ((None,) * len(axes),) * 2
    cells |= {f"first_{axis}": n for axis, n in zip(axes, first, strict=True)}
    cells |= {f"stop_{axis}": n for axis, n in zip(axes, last, strict=True)}
    voxel = row.centroid_voxel or (None,) * len(axes)
    cells |= {f"centroid_{axis}": n for axis, n in zip(axes, voxel, strict=True)}
    world = row.centroid_mm or (None,) * 3
    if row.area_px is None:
        cells |= {f"centroid_{axis}_mm": n for axis, n in zip("xyz", world, strict=True)}
    return cells
