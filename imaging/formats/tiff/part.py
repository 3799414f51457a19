"""The scans in a TIFF: one image or volume for each channel, time point, focal plane or page."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import tifffile

from imaging.formats.scan_part import check_part_count
from imaging.formats.tiff.contents import ImageSeries, image_series
from imaging.formats.tiff.ome_xml import OmeXml
from imaging.formats.tiff.photometric import channels
from imaging.formats.tiff.pixel_size import PixelSize, PixelSizes

_NAMES = {"C": "channel", "T": "time point", "Z": "focal plane"}
_UNNAMED = "IQ"
"""tifffile's letters for axes of which the file does not say what they are."""


@dataclass(frozen=True, slots=True, eq=False)
class TiffPart:
    """An image, or a volume where its pages span the axis Z."""

    series: ImageSeries
    """The pages of this part."""
    size: PixelSize
    channel: int | None
    """The only sample of each pixel that is read, from 0; None: all, as a colour or as grey."""
    title: str
    """Such as `channel 2 of 3, time point 1 of 5`; empty where the file holds nothing else."""

    @property
    def planes(self) -> int | None:
        """Number of planes of a volume; None for an image."""
        return self.series.shape[0] if self.series.axes else None

    @property
    def grid(self) -> tuple[int, ...]:
        """(plane, row, column) of a volume, (row, column) of an image."""
        page = self.series.keyframe
        planes = () if self.planes is None else (self.planes,)
        return (*planes, int(page.imagelength), int(page.imagewidth))


def tiff_parts(file: tifffile.TiffFile, ome: OmeXml) -> list[TiffPart]:
    """All scans of an open file, in the order of its pages.

    The planes of a stack (Z) form a volume, except in formats for slides. Pages of which the file
    does not say what they are form a volume where it states their distance.
    """
    parts: list[TiffPart] = []
    sizes = PixelSizes(file, ome)
    images = image_series(file, ome)
    count = sum(max(1, prod(one.shape)) * channels(one.keyframe) for one in images)
    check_part_count(count, "images and channels")
    for series in images:
        parts.extend(_parts(file, sizes, series))
    if all(one.unrelated for one in images):
        parts.sort(key=lambda part: part.series.pages[0].treeindex)
    return parts


def _parts(file: tifffile.TiffFile, sizes: PixelSizes, series: ImageSeries) -> Iterator[TiffPart]:
    size = sizes.of(series)
    depth = _depth_axis(series, size)
    numbers = np.arange(prod(series.shape)).reshape(series.shape)
    others = [axis for axis in range(len(series.axes)) if axis != depth]
    samples = channels(series.keyframe)
    for place in np.ndindex(*(series.shape[axis] for axis in others)):
        index: list[int | slice] = [slice(None)] * len(series.axes)
        for axis, n in zip(others, place, strict=True):
            index[axis] = n
        pages = np.atleast_1d(numbers[tuple(index)]).tolist()
        part = series.part(pages, "Z" if depth is not None else "")
        words = [series.name] if series.name else []
        words += [
            f"{_NAMES.get(series.axes[axis], 'page')} {n + 1} of {series.shape[axis]}"
            for axis, n in zip(others, place, strict=True)
        ]
        if words and part.is_page_of_its_own:
            words = [f"page {part.pages[0].index + 1} of {len(file.pages)}"]
        own = size if part.keyframe is series.keyframe else sizes.of(part)
        for channel in range(samples):
            more = [f"channel {channel + 1} of {samples}"] if samples > 1 else []
            only = channel if samples > 1 else None
            yield TiffPart(part, own, only, ", ".join([*words, *more]))


def _depth_axis(series: ImageSeries, size: PixelSize) -> int | None:
    """The axis of the pages that is the third one in space."""
    if series.slide:
        return None
    if "Z" in series.axes:
        return series.axes.index("Z")
    unnamed = [axis for axis, letter in enumerate(series.axes) if letter in _UNNAMED]
    return unnamed[0] if len(unnamed) == 1 and size.plane is not None else None
