"""One image plane of an instance: its position in the patient and the meaning of its values."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.tag import BaseTag, Tag

from imaging.errors import ScanTooLarge, TesseraError, UnreadableScan
from imaging.formats.dicom.instance import Instance, image_kinds
from imaging.formats.dicom.mosaic import Mosaic
from imaging.formats.dicom.plane_geometry import PlaneGeometry
from imaging.formats.dicom.tile import Tile
from imaging.formats.dicom.value_scale import ValueScale

FAR_MM = 1e6
"""Bound of positions and distances; larger values are errors."""
_LEAST_MM = 1e-6
_MOST_FRAMES = 100_000
_HOUNSFIELD = ("HU", "US", "")
"""Rescale types of CT that are Hounsfield units; US is "unspecified" (PS3.3, C.11.1.1.2)."""
_OF_SLIDES = {"LABEL", "OVERVIEW", "THUMBNAIL"}
"""Image types of a slide that do not show its pixels in full (PS3.3, C.8.12.4.1.1)."""
UNROUNDED_KEY_PARTS = 4
"""Number of parts of a frame's key that are not rounded."""
DECIMALS = 4
"""Decimals to which planes of one stack agree in orientation and pixel spacing."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A plane of an instance."""

    instance: Instance
    number: int
    """From 0."""
    geometry: PlaneGeometry | None
    """None: an image without a position in the patient."""
    scale: ValueScale
    """From stored values to the values of voxels; colours and slides have none."""
    key: tuple[Any, ...]
    """Equal for planes of one stack: rows, columns, samples, frame of reference; orientation and
    spacing, rounded."""
    volume_attributes: dict[str, Any]
    """Values of VOLUME_ATTRIBUTES: times, echoes, b values."""
    localizer: bool
    """Whether it is a localizer, or the label, overview or thumbnail of a slide."""
    tile: Tile | None = None
    """The part of the image that is the plane; None: the whole image."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the plane."""
        if self.tile is not None:
            return self.tile.rows, self.tile.columns
        return int(self.instance.header.Rows), int(self.instance.header.Columns)

    @property
    def is_hounsfield(self) -> bool:
        """Whether its values are Hounsfield units: CT, unless Rescale Type says another unit."""
        is_ct = str(self.instance.header.get("Modality") or "") == "CT"
        return is_ct and self.scale.unit in _HOUNSFIELD

    @property
    def identity(self) -> tuple[int, int, Tile | None]:
        """Equal for the same plane of the same instance only."""
        return id(self.instance), self.number, self.tile

    def cut(self, image: NDArray[Any]) -> NDArray[Any]:
        """The plane in the decoded image."""
        if self.tile is None:
            return image
        rows, columns = self.tile.slices
        return image[rows, columns]


def frames_of(instance: Instance) -> Iterator[Frame]:
    """Every plane of an instance; of a cine only the first, since all have the same attributes, and
    of a whole slide, whose frames are the tiles of one image.

    A mosaic has a plane for each tile. Raises UnreadableScan where a value is missing or not a
    number, UnsupportedScan for a packed image that cannot be unpacked, ScanTooLarge.
    """
    single = instance.is_cine or instance.is_whole_slide
    count = 1 if single else instance.number_of_frames
    if count > _MOST_FRAMES:
        raise ScanTooLarge(
            f"The DICOM file has {count:,} frames.",
            expected=f"At most {_MOST_FRAMES:,}.",
            hint="Split it into its volumes.",
        )
    with _values_checked():
        mosaic = Mosaic.of(instance.header, instance.whole_header)
    for number in range(count):
        with _values_checked():
            frame = _frame(instance, number)
        yield from [frame] if mosaic is None else _tiles(frame, mosaic)


@contextmanager
def _values_checked() -> Iterator[None]:
    """Turns what is raised for a wrong value, which is decoded when it is accessed."""
    try:
        yield
    except TesseraError:
        raise
    except Exception as error:
        raise _misplaced(
            "An attribute that positions the image in the patient is missing or not a number."
        ) from error


def _misplaced(detail: str) -> UnreadableScan:
    return UnreadableScan(
        detail,
        expected="Image Position, Image Orientation and Pixel Spacing as in PS3.3, "
        "C.7.6.2.1.1, or in functional groups for each frame, C.7.6.16.2.",
        hint="Export the series again, with its complete header.",
    )


def _tiles(frame: Frame, mosaic: Mosaic) -> Iterator[Frame]:
    if frame.geometry is None:
        return
    for tile, geometry in mosaic.tiles(frame.geometry, *frame.size):
        yield replace(
            frame,
            geometry=geometry,
            tile=tile,
            key=(tile.rows, tile.columns, *frame.key[2:]),
        )


def _frame(instance: Instance, number: int) -> Frame:
    header = instance.header
    groups = frame_groups(header, number)
    geometry = _geometry(groups)
    if geometry is None and instance.is_slice:
        raise _misplaced(
            "A slice does not state its position, its orientation or its pixel spacing."
        )
    unscaled = instance.is_color or instance.is_whole_slide
    rounded = () if geometry is None else np.round(geometry.orientation_and_spacing, DECIMALS) + 0.0
    frame_of_reference = str(header.get("FrameOfReferenceUID") or "")
    size = (int(header.Rows), int(header.Columns), int(header.SamplesPerPixel))
    return Frame(
        instance,
        number,
        geometry,
        ValueScale() if unscaled else ValueScale.of(groups),
        key=(*size, frame_of_reference, *map(float, rounded)),
        volume_attributes={
            **{name: _plain(_find(groups, name)) for name in VOLUME_ATTRIBUTES},
            "DimensionIndexValues": _index_of_volume(header, groups),
        },
        localizer=_is_localizer(instance),
    )


VOLUME_ATTRIBUTES = (
    *("StackID", "TemporalPositionIndex", "TemporalPositionIdentifier"),
    *("EffectiveEchoTime", "EchoTime", "EchoNumbers", "FrameType", "ImageType"),
    *("DiffusionBValue", "DiffusionGradientOrientation", "InversionTime"),
    *("NominalCardiacTriggerDelayTime", "TriggerTime", "TemporalPositionTimeOffset"),
    "DimensionIndexValues",  # without those of the position
    *("FrameReferenceTime", "AcquisitionNumber", "AcquisitionDateTime", "AcquisitionTime"),
    *("FrameAcquisitionDateTime", "ContentTime", "InstanceNumber"),
)
"""Attributes that may differ between volumes at the same positions; the first that does is used."""


_OF_POSITION = {
    *(0x00209056, 0x00209057),  # Stack ID, In-Stack Position Number
    *(0x00200032, 0x00200037),  # Image Position (Patient), Image Orientation (Patient)
}
"""Pointers of dimensions that number positions, not volumes."""


def _index_of_volume(header: Dataset, groups: list[Dataset]) -> str | None:
    """A frame's indices along the dimensions that are not in space (PS3.3, C.7.6.17), in a form
    that sorts as they do; None where it has none."""
    values, dimensions = _find(groups, "DimensionIndexValues"), header.get("DimensionIndexSequence")
    if values is None or not dimensions:
        return None
    numbers = [int(n) for n in (values if isinstance(values, Iterable) else [values])]
    pointers = [item.get("DimensionIndexPointer") for item in dimensions]
    if len(numbers) != len(pointers):
        return None
    others = (n for n, at in zip(numbers, pointers, strict=True) if at not in _OF_POSITION)
    return ".".join(f"{n:010}" for n in others) or None


def _is_localizer(instance: Instance) -> bool:
    types = image_kinds(instance.header)
    return "LOCALIZER" in types or (instance.is_whole_slide and bool(types & _OF_SLIDES))


def frame_groups(header: Dataset, number: int) -> list[Dataset]:
    """Data sets with a frame's attributes, by precedence: per frame, shared, the header."""
    groups = []
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if frames:
        groups += [item[0] for item in _sequences(frames[number])]
    shared = header.get("SharedFunctionalGroupsSequence")
    if shared:
        groups += [item[0] for item in _sequences(shared[0])]
    return [*groups, header]


def _sequences(group: Dataset) -> Iterator[Any]:
    """The functional group macros, each a sequence of one item, and those nested in them."""
    for tag in group.keys():  # noqa: SIM118 - items would be decoded, also those of no use here
        if tag.group % 2 == 0 and _may_be_sequence(group, tag):
            element = group[tag]
            if element.VR == "SQ" and element.value:
                yield element.value
                yield from _sequences(element.value[0])


def _may_be_sequence(group: Dataset, tag: BaseTag) -> bool:
    """By the file, or by the dictionary where the file states no VR; decodes no value."""
    vr = group.get_item(tag).VR
    if vr is None or vr == "UN":
        vr = dictionary_VR(tag) if dictionary_has_tag(tag) else ""
    return bool(vr == "SQ")


def attribute(header: Dataset, number: int, name: str) -> Any:
    """The value of a frame's attribute, its own or a shared one; None where there is none.

    Frames are numbered from 0.
    """
    return _find(frame_groups(header, number), name)


def plane_of(header: Dataset, number: int) -> PlaneGeometry | None:
    """Where a frame, numbered from 0, is in the patient; None where the header does not say.

    Raises UnreadableScan for impossible values.
    """
    return _geometry(frame_groups(header, number))


def _find(groups: list[Dataset], name: str) -> Any:
    tag = _tag(name)
    return next((g[tag].value for g in groups if tag in g and g[tag].value is not None), None)


@cache
def _tag(keyword: str) -> BaseTag:
    """Once for each keyword: a data set would look it up at each access."""
    return Tag(keyword)


def _geometry(groups: list[Dataset]) -> PlaneGeometry | None:
    position = _find(groups, "ImagePositionPatient")
    orientation = _find(groups, "ImageOrientationPatient")
    spacing = _find(groups, "PixelSpacing")
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
        raise _misplaced("The position, orientation or pixel spacing of an image is impossible.")
    if abs(row @ column) > 0.01:
        raise _misplaced("The rows and columns of an image are not at right angles.")
    return PlaneGeometry(first, row / lengths[0], column / lengths[1], between, _thickness(groups))


def _thickness(groups: list[Dataset]) -> float | None:
    value = _find(groups, "SpacingBetweenSlices") or _find(groups, "SliceThickness")
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


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    try:
        return tuple(str(n) for n in value)
    except TypeError:
        return str(value)
