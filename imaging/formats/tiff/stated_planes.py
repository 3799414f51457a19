"""How many planes a TIFF's description states, before a parser makes room for all of them."""

import re
from math import prod

from imaging.formats.raster import damaged
from imaging.formats.tiff.ome_xml import OmeXml

_SHAPE = re.compile(r'"shape"\s*:\s*\[([0-9,\s]*)\]')
_DIGITS = 19
"""A number of more digits is larger than any file."""
_MOST_PER_DIRECTORY = 1 << 16
"""Samples per pixel that one directory may have (TIFF 6.0, SamplesPerPixel is a SHORT)."""
_FEW = 10_000


def check_stated_planes(ome: OmeXml, description: str, directories: int, file_size: int) -> None:
    """Raises UnreadableScan where OME-XML or tifffile's own description states far more planes than
    the file can hold."""
    most = max(_FEW, min(file_size, directories * _MOST_PER_DIRECTORY))
    if max(ome.planes, _shaped_planes(description)) > most:
        raise damaged("The description of the file states more planes than it can hold.")


def _shaped_planes(description: str) -> int:
    """The most planes that tifffile's own description states of one image."""
    planes = 0
    for shape in _SHAPE.finditer(description[: 1 << 16]):
        lengths = [
            int(text.strip()[:_DIGITS]) for text in shape.group(1).split(",") if text.strip()
        ]
        planes = max(planes, prod(lengths[:-2]))
    return planes
