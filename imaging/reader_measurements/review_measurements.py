"""The measurements of a review with the values of the scan, as a report and as a table."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imaging.csv_cells import text_cell
from imaging.reader_measurements.measurement import MeasurementKind, ReaderMeasurement
from imaging.reader_measurements.statistics import Statistics, statistics
from imaging.scan import Scan
from imaging.scan_display import ValueUnit

_FIGURES = ("voxels", "mean", "sd", "minimum", "maximum")


@dataclass(frozen=True, slots=True)
class ReadMeasurement:
    """One measurement, with statistics of a region or of the voxel at a probe."""

    measurement: ReaderMeasurement
    statistics: Statistics | None
    value_unit: ValueUnit
    """Unit of the scan's values."""
    is_image: bool
    """Whether its points are pixels of an image."""

    @property
    def has_number(self) -> bool:
        """Whether it has a size or a value; a probe in a colour image has none."""
        values = self.statistics
        return self.measurement.size is not None or (values is not None and values.mean is not None)

    def as_dict(self) -> dict[str, Any]:
        """By name; the point of a probe has a `value` instead of statistics."""
        one, values = self.measurement, self.statistics
        facts: dict[str, Any] = {
            "id": one.id,
            "kind": one.kind.value,
            "label": one.label,
            "points": [list(point) for point in one.points],
            "size": one.size,
            "unit": one.unit,
        }
        if values is not None and one.kind is MeasurementKind.PROBE:
            facts |= {"value": values.mean}
        elif values is not None:
            facts |= {name: getattr(values, name) for name in _FIGURES}
        return facts if values is None else facts | {"value_unit": self.value_unit}


@dataclass(frozen=True, slots=True)
class ReviewMeasurements:
    """All measurements of one review."""

    review: str
    reader: str
    """Name of the reader; may be empty."""
    measurements: tuple[ReadMeasurement, ...]

    def as_dict(self) -> dict[str, Any]:
        """As in a report."""
        return {
            "review": self.review,
            "reader": self.reader,
            "measurements": [one.as_dict() for one in self.measurements],
        }

    def table(self) -> str:
        """As CSV: a row for each measurement, its points as `x y z; x y z`."""
        text = io.StringIO()
        names = ("id", "kind", "label", "size", "unit", "value", *_FIGURES, "value_unit", "points")
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        for one in self.measurements:
            facts = one.as_dict()
            points = "; ".join(" ".join(map(repr, point)) for point in facts["points"])
            writer.writerow(facts | {"label": text_cell(facts["label"]), "points": points})
        return text.getvalue()


def read(
    scan: Scan,
    review: str,
    reader: str,
    measurements: Sequence[ReaderMeasurement],
) -> ReviewMeasurements:
    """Reads the values of the scan under the measurements."""
    unit: ValueUnit = "" if scan.source is None else scan.source.value_unit
    flat = scan.dimension == 2
    with_values = (
        ReadMeasurement(one, statistics(scan, one) if _has_values(one) else None, unit, flat)
        for one in measurements
    )
    return ReviewMeasurements(review, reader, tuple(with_values))


def _has_values(one: ReaderMeasurement) -> bool:
    return one.kind.is_region or one.kind is MeasurementKind.PROBE
