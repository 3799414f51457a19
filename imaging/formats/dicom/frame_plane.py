"""Where a frame is in the patient, from its header (PS3.3, C.7.6.2.1.1)."""

from typing import Any

import numpy as np
from pydicom import Dataset

from imaging.errors import UnreadableScan
from imaging.formats.dicom.functional_groups import find, frame_groups
from imaging.formats.dicom.plane_geometry import PlaneGeometry

FAR_MM = 1e6
"""Bound of positions and distances; larger values are errors."""
_LEAST_MM = 1e-6


def plane_of(header: Dataset, number: int) -> PlaneGeometry | None:
    """Where a frame, numbered from 0, is in the patient; None where the header does not say.

    Raises UnreadableScan for impossible values.
    """
    return geometry_of(frame_groups(header, number))


def geometry_of(groups: list[Dataset]) -> PlaneGeometry | None:
    """As `plane_of`, from the groups of a frame."""
    position = find(groups, "ImagePositionPatient")
    orientation = find(groups, "ImageOrientationPatient")
    spacing = find(groups, "PixelSpacing")
    if not position or not orientation or not spacing:
        return None
    cosines = np.array([float(n) for n in orientation])
    first = np.array([float(n) for n in position])
    row, column = cosines[:3], cosines[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    between = (float(spacing[0]), float(spacing[1]))
    valid = first.shape == (3,) and cosines.shape == (6,) and len(spacing) == 2
    valid = valid and all(abs(n) < FAR_MM for n in first) and all(map(is_length, between))
    if not valid or not all(abs(n - 1) <= 0.01 for n in lengths):
        raise misplaced("The position, orientation or pixel spacing of an image is impossible.")
    if abs(row @ column) > 0.01:
        raise misplaced("The rows and columns of an image are not at right angles.")
    return PlaneGeometry(first, row / lengths[0], column / lengths[1], between, _thickness(groups))


def _thickness(groups: list[Dataset]) -> float | None:
    value = find(groups, "SpacingBetweenSlices") or find(groups, "SliceThickness")
    thickness = None if value is None else abs(float(value))
    return thickness if thickness is not None and is_length(thickness) else None


def is_length(mm: float) -> bool:
    """Whether it is a possible distance between pixels or slices; False for NaN."""
    return _LEAST_MM <= mm < FAR_MM


def lengths_of(values: Any) -> tuple[float, float] | None:
    """(between rows, between columns) from an attribute like Pixel Spacing; None if not valid."""
    try:
        rows, columns = (float(n) for n in values)
    except (TypeError, ValueError):
        return None
    return (rows, columns) if is_length(rows) and is_length(columns) else None


def misplaced(detail: str) -> UnreadableScan:
    """The error for a header that does not say where an image is."""
    return UnreadableScan(
        detail,
        expected="Image Position, Image Orientation and Pixel Spacing as in PS3.3, "
        "C.7.6.2.1.1, or in functional groups for each frame, C.7.6.16.2.",
        hint="Export the series again, with its complete header.",
    )
