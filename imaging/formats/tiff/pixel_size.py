"""The physical size of a TIFF's pixels, from the first source that states it."""

import contextlib
import math
import re
from dataclasses import dataclass
from typing import Any

import tifffile

from imaging.formats.affine import is_length_mm
from imaging.formats.length_units import length_mm
from imaging.formats.tiff.contents import ImageSeries
from imaging.formats.tiff.ome_xml import OmePixels, OmeXml
from imaging.formats.tiff.ventana import xmp_text

NOT_A_LENGTH = (
    "The file states the size of its pixels in a unit that is not a length; it is not used."
)
_OTHER_SHAPE = "The OME-XML describes images of other sizes; the size of the pixels is not known."
_SEVERAL = (
    "The OME-XML does not say which of its images this is, and they have pixels of different sizes;"
    " the size of the pixels is not known."
)
_NO_UNIT = "The file states a resolution without a unit; the size of the pixels is not known."
_IMPOSSIBLE = "The file states an impossible size of its pixels; it is not used."
_MICROMETRE_MM = 1e-3
_RESOLUTION_UNITS_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}
"""ResolutionUnit (TIFF 6.0, section 8): inch and centimetre; millimetre and micrometre are in use,
too."""
_NO_ABSOLUTE_UNIT = 1
_NOMINAL_PER_INCH = (72.0, 96.0, 150.0, 300.0, 600.0, 1200.0)
"""Resolutions of screens and printers, which programs write without knowing the subject."""
_MPP = re.compile(r"MPP\s*=\s*([0-9.eE+-]+)")
_PHILIPS = re.compile(r'Name="DICOM_PIXEL_SPACING"[^<>]{0,500}>([^<>]{1,200})<')
"""Of bounded length: a search without an end would take quadratic time."""
_NUMBER = re.compile(r"[0-9.][0-9.eE-]*")
_SCAN_RESOLUTION = re.compile(r'ScanRes\s*=\s*"\s*([0-9.eE+-]+)')


@dataclass(frozen=True, slots=True)
class PixelSize:
    """The size of a pixel in mm along each axis that the file states."""

    row: float | None = None
    """Distance between rows."""
    column: float | None = None
    """Distance between columns."""
    plane: float | None = None
    """Distance between the planes of a stack."""
    warnings: tuple[str, ...] = ()

    @property
    def image(self) -> tuple[float, float] | None:
        """(row, column); None unless both are stated."""
        if self.row is None or self.column is None:
            return None
        return self.row, self.column


class PixelSizes:
    """The sizes of the pixels of all images in an open file."""

    def __init__(self, file: tifffile.TiffFile, ome: OmeXml) -> None:
        self._file, self._ome = file, ome
        self._in_order = len(ome.pixels) == len(file.series) if ome.pixels else False
        self._by_shape: dict[tuple[str, str], set[PixelSize | None]] = {}
        for pixels in ome.pixels:
            self._by_shape.setdefault(pixels.shape, set()).add(_physical(pixels))

    def of(self, series: ImageSeries) -> PixelSize:
        """The size of a pixel, by the metadata of the file's format, else by its resolution tags.

        An impossible size counts as none.
        """
        size = self._stated(series)
        stated = [mm for mm in (size.row, size.column, size.plane) if mm is not None]
        return size if all(map(is_length_mm, stated)) else PixelSize(warnings=(_IMPOSSIBLE,))

    def _stated(self, series: ImageSeries) -> PixelSize:
        size = self._by_ome(series) if self._ome.pixels else None
        if size is not None:
            return size
        for source in (_imagej, _aperio, _philips, _ventana, _lsm):
            with contextlib.suppress(Exception):  # incomplete or damaged metadata state no size
                size = source(self._file, series)
                if size is not None:
                    return size
        return _resolution(series.keyframe)

    def _by_ome(self, series: ImageSeries) -> PixelSize | None:
        """By the element of OME-XML that names the page, else the one at the position of the image,
        else all that describe images of its shape, if they state the same size."""
        page = series.keyframe
        shape = (str(page.imagewidth), str(page.imagelength))
        element = self._ome.by_page.get(page.treeindex[0])
        if element is None and series.kind == "ome" and self._in_order:
            element = self._ome.pixels[series.index]
        if element is not None:
            same = element.shape == shape
            return _physical(element) if same else PixelSize(warnings=(_OTHER_SHAPE,))
        sizes = self._by_shape.get(shape)
        if sizes is None:
            return PixelSize(warnings=(_OTHER_SHAPE,))
        return next(iter(sizes)) if len(sizes) == 1 else PixelSize(warnings=(_SEVERAL,))


def _physical(element: OmePixels) -> PixelSize | None:
    """PhysicalSizeX, Y and Z, by default in micrometres (OME-XML 2016-06, Pixels)."""
    pixels = element.attributes
    if not any(f"PhysicalSize{axis}" in pixels for axis in "XYZ"):
        return None
    units = [pixels.get(f"PhysicalSize{axis}Unit", "\u00b5m") for axis in "YXZ"]
    sizes = [_number(pixels.get(f"PhysicalSize{axis}")) for axis in "YXZ"]
    return _scaled(sizes, units)


def _imagej(file: tifffile.TiffFile, series: ImageSeries) -> PixelSize | None:
    """The unit and spacing of ImageJ's description; the resolution is in pixels per unit."""
    if not file.is_imagej:
        return None
    facts = file.imagej_metadata or {}
    unit = facts.get("unit")
    if unit is None or str(unit).lower() in ("", "pixel", "pixels"):
        return None
    per_unit = [_rational(series.keyframe, name) for name in ("YResolution", "XResolution")]
    sizes = [1 / n if n else None for n in per_unit]
    units = [str(facts.get("yunit") or unit), str(unit), str(facts.get("zunit") or unit)]
    plane = _number(facts.get("spacing"), signed=True)
    return _scaled([*sizes, plane], units)


def _scaled(sizes: list[float | None], units: list[str]) -> PixelSize:
    """Sizes (row, column, plane) in their units."""
    lengths = [length_mm(unit) for unit in units]
    row, column, plane = (
        _number(size * length) if size and length else None
        for size, length in zip(sizes, lengths, strict=True)
    )
    unknown = any(size and length is None for size, length in zip(sizes, lengths, strict=True))
    return PixelSize(row, column, plane, (NOT_A_LENGTH,) if unknown else ())


def _aperio(file: tifffile.TiffFile, series: ImageSeries) -> PixelSize | None:
    """Micrometres per pixel in the description of an SVS."""
    match = _MPP.search(series.keyframe.description) if file.is_svs else None
    size = _number(match.group(1)) if match else None
    return PixelSize(size * _MICROMETRE_MM, size * _MICROMETRE_MM) if size else None


def _philips(file: tifffile.TiffFile, series: ImageSeries) -> PixelSize | None:
    """DICOM's Pixel Spacing (row, column; mm) of the finest level."""
    if not file.is_philips:
        return None
    text = series.keyframe.description.replace("&quot;", '"')
    values = [[*map(_number, _NUMBER.findall(found))] for found in _PHILIPS.findall(text)]
    sound = [(pair[0], pair[1]) for pair in values if len(pair) > 1 and pair[0] and pair[1]]
    return PixelSize(*min(sound)) if sound else None


def _ventana(file: tifffile.TiffFile, _series: ImageSeries) -> PixelSize | None:
    """ScanRes of the scanner's XMP, in micrometres."""
    for page in file.pages if file.is_bif else ():
        match = _SCAN_RESOLUTION.search(xmp_text(page))
        size = _number(match.group(1)) if match else None
        if size:
            return PixelSize(size * _MICROMETRE_MM, size * _MICROMETRE_MM)
    return None


def _lsm(file: tifffile.TiffFile, _series: ImageSeries) -> PixelSize | None:
    """Voxel sizes of Zeiss LSM, in metres."""
    if not file.is_lsm:
        return None
    facts: dict[str, Any] = file.lsm_metadata or {}
    return _scaled([_number(facts.get(f"VoxelSize{axis}")) for axis in "YXZ"], ["m"] * 3)


def _resolution(page: tifffile.TiffPage) -> PixelSize:
    """XResolution and YResolution: pixels per ResolutionUnit, by default per inch."""
    per_unit = [_rational(page, name) for name in ("YResolution", "XResolution")]
    if not all(per_unit) or per_unit == [1.0, 1.0]:  # many writers state 1 for "not known"
        return PixelSize()
    row, column = (n or 1.0 for n in per_unit)
    unit = int(page.tags.valueof("ResolutionUnit", 2))
    if unit == _NO_ABSOLUTE_UNIT:
        return PixelSize(warnings=(_NO_UNIT,))
    length = _RESOLUTION_UNITS_MM.get(unit)
    if length is None:
        return PixelSize(warnings=(NOT_A_LENGTH,))
    per_inch = column * 25.4 / length
    if row == column and any(math.isclose(per_inch, n, rel_tol=5e-3) for n in _NOMINAL_PER_INCH):
        return PixelSize(warnings=(_nominal(per_inch),))
    return PixelSize(length / row, length / column)


def _nominal(per_inch: float) -> str:
    return (
        f"The file states {per_inch:.0f} pixels per inch, which is usual for screens and printers. "
        "It is not used as the size of the pixels."
    )


def _rational(page: tifffile.TiffPage, name: str) -> float | None:
    """The value of a tag with one rational number; None unless it is finite and above 0."""
    with contextlib.suppress(Exception):
        above, below = page.tags.valueof(name)
        return _number(above / below)
    return None


def _number(value: Any, *, signed: bool = False) -> float | None:
    """A finite number above 0, of a signed one its amount; else None."""
    with contextlib.suppress(TypeError, ValueError):
        number = abs(float(value)) if signed else float(value)
        return number if 0 < number < math.inf else None
    return None
