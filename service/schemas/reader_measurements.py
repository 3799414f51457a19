"""What readers measure in a scan."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from imaging.reader_measurements.measurement import (
    LONGEST_LABEL,
    MOST,
    MeasurementKind,
    ReaderMeasurement,
)
from imaging.scan_display import ValueUnit
from service.schemas.fields import Identifier, Line, Wire

_Coordinate = Annotated[float, Field(ge=-1e7, le=1e7, allow_inf_nan=False)]
_Point = Annotated[list[_Coordinate], Field(min_length=3, max_length=3)]


class MeasurementIn(Wire):
    """A measurement that the reader drew in the job's first scan.

    Points are in RAS+ mm in a volume, and `[column, row, 0]` in an image, where 0 is the centre of
    the first pixel. The service computes all numbers from the points.
    """

    id: Identifier
    """Any id that the caller chooses, once in a review."""
    kind: MeasurementKind
    """`length` has 2 points; `angle` 3, with the corner second; `rectangle` 4 corners in order;
    `ellipse` both ends of one axis, then of the other; `probe` 1. Regions lie on one stored slice,
    along the axes of the grid."""
    label: Annotated[Line, Field(max_length=LONGEST_LABEL)] = ""
    points: Annotated[tuple[_Point, ...], Field(min_length=1, max_length=4)]

    @model_validator(mode="after")
    def _number_of_points(self) -> "MeasurementIn":
        if len(self.points) != self.kind.points:
            raise ValueError(f"the kind {self.kind} has {self.kind.points} points")
        return self

    def measurement(self) -> ReaderMeasurement:
        """As the rest of the service knows it."""
        points = tuple((x, y, z) for x, y, z in self.points)
        return ReaderMeasurement(self.id, self.kind, self.label, points)


class MeasurementOut(Wire):
    """A measurement of a review."""

    id: str
    kind: MeasurementKind
    label: str = ""
    points: list[Annotated[list[float], Field(min_length=3, max_length=3)]]
    """RAS+ mm in a volume, `[column, row, 0]` in an image."""
    size: float | None = None
    """The length, angle or area; null for a probe."""
    unit: Literal["mm", "mm2", "px", "px2", "degrees", ""] = ""
    """Unit of `size`; pixels for an image that states no pixel size."""


class ReadMeasurementOut(MeasurementOut):
    """A measurement with the values of the scan, after the file's scale and offset.

    Values are null where the scan has none, as in a colour image.
    """

    voxels: int | None = None
    """Number of voxels, or pixels, whose centre is inside the region."""
    mean: float | None = None
    sd: float | None = None
    """Standard deviation of the voxels inside."""
    minimum: float | None = None
    maximum: float | None = None
    value: float | None = None
    """Value of the voxel at a probe."""
    value_unit: ValueUnit = ""
    """Unit of the values, as `value_unit` of the scan."""


class ReviewMeasurementsOut(Wire):
    """All measurements of a review."""

    review: str
    reader: str
    """Name of the reader."""
    measurements: list[ReadMeasurementOut]


MeasurementsIn = Annotated[tuple[MeasurementIn, ...], Field(max_length=MOST)]
