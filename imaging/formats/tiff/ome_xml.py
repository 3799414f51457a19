"""What the OME-XML of a TIFF states about its images (OME-XML 2016-06, Pixels and TiffData)."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from xml.etree import ElementTree as ET

import tifffile

_AXES = ("SizeC", "SizeZ", "SizeT")
_COUNTS = ("PlaneCount", "NumPlanes")
"""The number of planes of a TiffData; the second one is older."""


@dataclass(frozen=True, slots=True)
class TiffData:
    """A run of pages that hold planes of an image."""

    first: int
    """Number of its first page, from 0."""
    count: int | None
    """None for all pages of the file."""
    elsewhere: bool
    """Whether the pages are in another file, or may be."""


@dataclass(frozen=True, slots=True)
class OmePixels:
    """The element Pixels of one image."""

    attributes: Mapping[str, str]
    data: tuple[TiffData, ...]

    @property
    def planes(self) -> int:
        """How many planes it states; at least as many as a parser makes room for."""
        stated = prod(_whole(self.attributes.get(axis), 1) for axis in _AXES)
        return max([stated, *(run.count or 0 for run in self.data)])

    @property
    def shape(self) -> tuple[str, str]:
        """Width and height of its images, as text."""
        return self.attributes.get("SizeX", ""), self.attributes.get("SizeY", "")

    def pages(self, count: int) -> Iterator[int]:
        """The pages of this file that it names; `count`: how many the file has."""
        for run in self.data:
            if not run.elsewhere:
                stop = count if run.count is None else min(count, run.first + run.count)
                yield from range(max(0, run.first), stop)


@dataclass(frozen=True, slots=True)
class OmeXml:
    """The images that OME-XML describes, in its order."""

    pixels: tuple[OmePixels, ...] = ()
    by_page: Mapping[int, OmePixels] = field(default_factory=dict)
    """The only element that names a page, by the page's number."""
    longest_axis: int = 0
    """The longest axis that a modulo annotation states (6D, 7D and 8D storage)."""

    @property
    def planes(self) -> int:
        """The most planes or positions that it states of one image or axis."""
        return max([self.longest_axis, *(one.planes for one in self.pixels)])


def ome_xml(file: tifffile.TiffFile) -> OmeXml:
    """The OME-XML of a file; without images where it has none, or it is not well-formed."""
    text = file.ome_metadata
    if text is None:
        return OmeXml()
    try:
        root = ET.fromstring(text)  # noqa: S314 - expat refuses entities that expand without bounds
    except ET.ParseError:
        return OmeXml()
    identifier = root.get("UUID")
    elements = [(_name(element), element) for element in root.iter()]
    pixels = [_pixels(element, identifier) for name, element in elements if name == "Pixels"]
    lengths = [_modulo(element) for name, element in elements if name.startswith("ModuloAlong")]
    return OmeXml(tuple(pixels), _by_page(pixels, len(file.pages)), max(lengths, default=0))


def _by_page(pixels: list[OmePixels], count: int) -> dict[int, OmePixels]:
    """Nothing where pages are named by several elements."""
    named: dict[int, OmePixels] = {}
    for one in pixels:
        for page in one.pages(count):
            if page in named:
                return {}
            named[page] = one
    return named


def _pixels(element: ET.Element, identifier: str | None) -> OmePixels:
    data = [_tiff_data(child, identifier) for child in element if _name(child) == "TiffData"]
    return OmePixels(element.attrib, tuple(data))


def _tiff_data(element: ET.Element, identifier: str | None) -> TiffData:
    """`identifier`: the UUID of this file."""
    files = [child.text for child in element if _name(child) == "UUID"]
    counts = [element.get(name) for name in _COUNTS if name in element.attrib]
    count = _whole(counts[0], 0) if counts else int("IFD" in element.attrib)
    return TiffData(
        first=_whole(element.get("IFD"), 0),
        count=count or None,
        elsewhere=bool(files) and (identifier is None or files[0] != identifier),
    )


def _modulo(element: ET.Element) -> int:
    """The length of an axis that is stated as Start, End and Step."""
    with contextlib.suppress(ValueError, ZeroDivisionError, OverflowError):
        start, end, step = (
            float(element.get(name, default))
            for name, default in (("Start", "0"), ("End", "0"), ("Step", "1"))
        )
        return math.floor((end - start) / step) + 1
    return 0


def _name(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _whole(text: str | None, default: int) -> int:
    """A whole number, as a parser reads it; `default` where there is none."""
    with contextlib.suppress(ValueError):
        return default if text is None else int(text)
    return default
