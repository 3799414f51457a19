"""How many planes a TIFF's description states, before a parser makes room for all of them."""

import re
from collections.abc import Iterator
from math import prod

from imaging.formats.raster import damaged

_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b[^>]*>")
_SIZE = re.compile(r'\bSize[CZT]\s*=\s*"\s*([0-9]+)')
_SHAPE = re.compile(r'"shape"\s*:\s*\[([0-9,\s]*)\]')
_DIGITS = 19
"""A number of more digits is larger than any file."""
_MOST_PER_DIRECTORY = 1 << 16
"""Samples per pixel that one directory may have (TIFF 6.0, SamplesPerPixel is a SHORT)."""
_FEW = 10_000


def check_stated_planes(description: str, directories: int, file_size: int) -> None:
    """Raises UnreadableScan where OME-XML or tifffile's own description states far more planes than
    the file can hold."""
    for planes in stated_planes(description):
        if planes > max(_FEW, min(file_size, directories * _MOST_PER_DIRECTORY)):
            raise damaged("The description of the file states more planes than it can hold.")


def stated_planes(description: str) -> Iterator[int]:
    """How many planes each image has, by OME-XML (Pixels) or tifffile's own description."""
    for pixels in _PIXELS.finditer(description):
        yield prod(map(_number, _SIZE.findall(pixels.group())))
    for shape in _SHAPE.finditer(description[: 1 << 16]):
        lengths = [_number(text) for text in shape.group(1).split(",") if text.strip()]
        yield prod(lengths[:-2])


def _number(text: str) -> int:
    return int(text.strip()[:_DIGITS])
