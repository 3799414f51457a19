"""One image plane of an instance: its position in the patient and the meaning of its values."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from imaging.errors import ScanTooLarge, TesseraError
from imaging.formats.dicom.frame_plane import geometry_of, misplaced
from imaging.formats.dicom.functional_groups import find, frame_groups
from imaging.formats.dicom.instance import Instance, image_kinds
from imaging.formats.dicom.mosaic import Mosaic
from imaging.formats.dicom.plane_geometry import PlaneGeometry
from imaging.formats.dicom.tile import Tile
from imaging.formats.dicom.value_scale import ValueScale

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
        raise misplaced(
            "An attribute that positions the image in the patient is missing or not a number."
        ) from error


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
    geometry = geometry_of(groups)
    if geometry is None and instance.is_slice:
        raise misplaced(
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
            **{name: _plain(find(groups, name)) for name in VOLUME_ATTRIBUTES},
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
    values, dimensions = find(groups, "DimensionIndexValues"), header.get("DimensionIndexSequence")
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


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    try:
        return tuple(str(n) for n in value)
    except TypeError:
        return str(value)
