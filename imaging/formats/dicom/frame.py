"""One image plane: where it lies in the patient and how its stored values are meant."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from imaging.errors import ScanTooLarge, UnreadableScan
from imaging.formats.dicom.instance import Instance

FAR_MM = 1e6
"""Nothing lies further away, or apart: a kilometre is no patient's."""
_LEAST_MM = 1e-6
_LARGEST = 1e30
"""Of slope and intercept: what they make of 32 bits is still a float32."""
_MOST_FRAMES = 100_000
KEY_WHOLE = 4
"""Parts of a frame's key that are not rounded."""
ROUND = 4
"""Decimals of orientation and pixel spacing that two planes of one stack share."""


@dataclass(frozen=True, slots=True, eq=False)
class PlanePosition:
    """Where a plane lies, PS3.3, C.7.6.2.1.1; LPS+ mm."""

    position: NDArray[np.float64]
    """(3,): centre of the first pixel."""
    along_row: NDArray[np.float64]
    """(3,): unit vector, the way in which the column index grows."""
    along_column: NDArray[np.float64]
    """(3,): the way in which the row index grows."""
    spacing: tuple[float, float]
    """Between rows, between columns."""
    thickness: float | None
    """Of the slice; used where there is but one."""

    @property
    def turned(self) -> NDArray[np.float64]:
        """(8,): orientation and spacing."""
        return np.array([*self.along_row, *self.along_column, *self.spacing])

    @property
    def normal(self) -> NDArray[np.float64]:
        normal: NDArray[np.float64] = np.cross(self.along_row, self.along_column)
        return normal / np.linalg.norm(normal)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A plane of an instance."""

    instance: Instance
    number: int
    """From 0."""
    place: PlanePosition | None
    """None: a picture that says nothing of a patient's space."""
    slope: float
    intercept: float
    key: tuple[Any, ...]
    """What planes of one stack have in common: rows, columns, samples, frame of reference;
    orientation and spacing, rounded."""
    moments: dict[str, Any]
    """What may tell one volume from another at the same place: times, echoes, b values."""
    localizer: bool


def frames_of(instance: Instance) -> Iterator[Frame]:
    """Every frame of an instance, of a cine the first: the others are its like.

    Raises UnreadableScan where a value is missing or no number, ScanTooLarge.
    """
    count = 1 if instance.is_cine else instance.number_of_frames
    if count > _MOST_FRAMES:
        raise ScanTooLarge(
            f"A DICOM file of {count:,} frames came.",
            expected=f"At most {_MOST_FRAMES:,}.",
            hint="Split it into its volumes.",
        )
    for number in range(count):
        try:
            yield _frame(instance, number)
        except Exception as error:  # values are decoded when they are first asked for
            raise UnreadableScan(
                "An attribute that places the image in the patient is missing or no number.",
                expected="Image Position, Image Orientation and Pixel Spacing as in PS3.3, "
                "C.7.6.2.1.1, or in functional groups for each frame, C.7.6.16.2.",
                hint="Export the series again, with its whole header.",
            ) from error


def _frame(instance: Instance, number: int) -> Frame:
    header = instance.header
    groups = _groups(header, number)
    place = _place(groups)
    if place is None and instance.is_slice:
        raise ValueError("no position")
    slope, intercept = _rescale(groups)
    turned = () if place is None else tuple(round(float(n), ROUND) + 0.0 for n in place.turned)
    space = str(header.get("FrameOfReferenceUID") or "")
    return Frame(
        instance,
        number,
        place,
        slope,
        intercept,
        key=(int(header.Rows), int(header.Columns), int(header.SamplesPerPixel), space, *turned),
        moments={name: _plain(_find(groups, name)) for name in MOMENTS},
        localizer="LOCALIZER" in [str(n).upper() for n in header.get("ImageType") or ()],
    )


MOMENTS = (
    *("StackID", "TemporalPositionIndex", "TemporalPositionIdentifier"),
    *("EffectiveEchoTime", "EchoTime", "EchoNumbers", "FrameType", "ImageType"),
    *("DiffusionBValue", "DiffusionGradientOrientation", "InversionTime"),
    *("NominalCardiacTriggerDelayTime", "TriggerTime", "TemporalPositionTimeOffset"),
    *("FrameReferenceTime", "AcquisitionNumber", "AcquisitionDateTime", "AcquisitionTime"),
    *("FrameAcquisitionDateTime", "ContentTime"),
)
"""Attributes that tell volumes at the same place apart; the first that does so is believed."""


def _groups(header: Dataset, number: int) -> list[Dataset]:
    """Where a frame's attributes stand, the nearest first: per frame, shared, the header itself."""
    found = []
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if frames:
        found += [item[0] for item in _sequences(frames[number])]
    shared = header.get("SharedFunctionalGroupsSequence")
    if shared:
        found += [item[0] for item in _sequences(shared[0])]
    return [*found, header]


def _sequences(group: Dataset) -> Iterator[Any]:
    """The functional group macros, each a sequence of one item, and those within them."""
    for element in group:
        if element.VR == "SQ" and element.value and element.tag.group % 2 == 0:
            yield element.value
            yield from _sequences(element.value[0])


def attribute(header: Dataset, number: int, name: str) -> Any:
    """What a frame (from 0) says by a keyword, itself or by what is shared; None: nothing."""
    return _find(_groups(header, number), name)


def _find(groups: list[Dataset], name: str) -> Any:
    return next((g[name].value for g in groups if name in g and g[name].value is not None), None)


def _place(groups: list[Dataset]) -> PlanePosition | None:
    position = _find(groups, "ImagePositionPatient")
    turned = _find(groups, "ImageOrientationPatient")
    spacing = _find(groups, "PixelSpacing")
    if not position or not turned or not spacing:
        return None
    cosines = np.array([float(n) for n in turned])
    place = np.array([float(n) for n in position])
    row, column = cosines[:3], cosines[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    between = (float(spacing[0]), float(spacing[1]))
    sound = place.shape == (3,) and cosines.shape == (6,) and len(spacing) == 2
    sound = sound and all(abs(n) < FAR_MM for n in place) and all(map(is_length, between))
    if not sound or not all(abs(n - 1) <= 0.01 for n in lengths):
        raise ValueError("no position")
    if abs(row @ column) > 0.01:
        raise ValueError("axes that are not at right angles")
    thickness = _find(groups, "SpacingBetweenSlices") or _find(groups, "SliceThickness")
    thickness = None if thickness is None else abs(float(thickness))
    if thickness is not None and not is_length(thickness):
        thickness = None
    return PlanePosition(place, row / lengths[0], column / lengths[1], between, thickness)


def is_length(mm: float) -> bool:
    """Whether pixels or slices may be so far apart; not so where it is no number."""
    return _LEAST_MM <= mm < FAR_MM


def _rescale(groups: list[Dataset]) -> tuple[float, float]:
    """Rescale Slope and Intercept (PS3.3, C.11.1.1.2)."""
    slope, intercept = _find(groups, "RescaleSlope"), _find(groups, "RescaleIntercept")
    slope = 1.0 if slope is None else float(slope)
    intercept = 0.0 if intercept is None else float(intercept)
    if slope == 0 or not (abs(slope) < _LARGEST and abs(intercept) < _LARGEST):
        raise ValueError("no rescale")
    return slope, intercept


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    try:
        return tuple(str(n) for n in value)
    except TypeError:
        return str(value)
