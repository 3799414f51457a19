"""A measurement that a reader drew in a scan."""

from dataclasses import dataclass
from enum import StrEnum

Point = tuple[float, float, float]
"""RAS+ mm in a volume; (column, row, 0) in an image, where 0 is the centre of the first pixel."""

MOST = 100
"""Most measurements of a review."""
LONGEST_LABEL = 200
"""Most characters of a label."""


class MeasurementKind(StrEnum):
    """What is measured; the value is its name in the API and in the database."""

    LENGTH = "length"
    """Distance of two points."""
    ANGLE = "angle"
    """Angle at the second of three points."""
    RECTANGLE = "rectangle"
    """Region inside four corners, in order around it, on one slice."""
    ELLIPSE = "ellipse"
    """Region inside an ellipse on one slice: both ends of one axis, then of the other."""
    PROBE = "probe"
    """Value at a point."""

    @property
    def points(self) -> int:
        """Number of points."""
        return _POINTS[self]

    @property
    def is_region(self) -> bool:
        """Whether voxels inside it are counted."""
        return self in (MeasurementKind.RECTANGLE, MeasurementKind.ELLIPSE)


_POINTS = {
    MeasurementKind.LENGTH: 2,
    MeasurementKind.ANGLE: 3,
    MeasurementKind.RECTANGLE: 4,
    MeasurementKind.ELLIPSE: 4,
    MeasurementKind.PROBE: 1,
}


@dataclass(frozen=True, slots=True)
class ReaderMeasurement:
    """A drawn measurement, with the size that follows from its points alone."""

    id: str
    """Chosen by the page; unique in its review."""
    kind: MeasurementKind
    label: str
    points: tuple[Point, ...]
    size: float | None = None
    """Length, angle or area, in `unit`; None for a probe, and before it is computed."""
    unit: str = ""
    """`mm`, `mm2`, `px` or `px2` (where an image states no pixel size), `degrees`; empty without a
    size."""

    @property
    def name(self) -> str:
        """Its label, or else its kind."""
        return self.label or self.kind.value
