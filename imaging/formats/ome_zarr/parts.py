"""The scans of an OME-Zarr file that holds several: series, time points, channels."""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import NotFound
from imaging.formats.atomic import raising_storage_full
from imaging.formats.limits import Limits
from imaging.formats.ome_zarr.group import ImageGroup
from imaging.formats.ome_zarr.metadata import ZarrImage
from imaging.formats.ome_zarr.read import check_limits, whole_chunks, zarr_errors
from imaging.formats.ome_zarr.save import Level, pack, save_image
from imaging.formats.scan_part import ScanPart, check_part_count

_NAMES = {"t": "time point", "c": "channel"}


def ome_zarr_parts(path: Path, limits: Limits) -> Sequence[ScanPart]:
    """The scans of the file at `path`; reads metadata only.

    Raises UnreadableScan, UnsupportedScan or ScanTooLarge.
    """
    parts: list[ScanPart] = []
    with zarr_errors():
        group = ImageGroup.open(path)
        for number in range(len(group.names)):
            image = group.image(number)
            check_limits(image, limits)
            check_part_count(len(parts) + image.parts)
            series = [f"image {number + 1} of {len(group.names)}"] if len(group.names) > 1 else []
            for part in range(image.parts):
                title = ", ".join([*series, *_places(image, part)]) or "image 1 of 1"
                parts.append(ScanPart(len(parts) + 1, title, image.grid))
    return parts


def extract_ome_zarr(path: Path, number: int, target: Path) -> None:
    """Writes part `number` (from 1) as an OME-Zarr (NGFF 0.4, zipped) of full resolution.

    The values, the voxel size with its unit, the position and the directions stay as they are.
    Names of channels and other free text are left out. Only the chunks of the part are decoded.
    Raises UnreadableScan where they are damaged.
    """
    folder = target.with_name(f".part-{secrets.token_hex(8)}")
    try:
        with zarr_errors(), raising_storage_full():
            image, part = _located(ImageGroup.open(path), number - 1)
            level = _level(image, part)
            save_image(folder, image.array.dtype.newbyteorder("<"), image.space, [level], {})
            pack(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _located(group: ImageGroup, part: int) -> tuple[ZarrImage, int]:
    """The image that holds part `part` of the file, and the part's number in it, from 0."""
    for number in range(len(group.names)):
        image = group.image(number)
        if part < image.parts:
            return image, part
        part -= image.parts
    raise NotFound("The file has no such part.", expected="The number of one of its parts.")


def _places(image: ZarrImage, part: int) -> Iterator[str]:
    """Such as `time point 3 of 5`, `channel 1 of 4`."""
    lengths = list(image.choices.values())
    places = np.unravel_index(part, lengths) if lengths else ()
    for name, place, length in zip(image.choices, places, lengths, strict=True):
        if length > 1:
            yield f"{_NAMES[name]} {int(place) + 1} of {length}"


def _level(image: ZarrImage, part: int) -> Level:
    """The part at full resolution, in chunks of the same size."""
    sizes = dict(zip(image.axes, image.array.chunks, strict=True))
    chunks = tuple(min(sizes[n], size) for n, size in zip(image.spatial, image.grid, strict=True))
    colours = (3,) * image.rgb
    return Level(
        shape=(*colours, *image.grid),
        chunks=(*colours, *chunks),
        factors=(1,) * len(image.grid),
        regions=_regions(image, part, chunks),
    )


def _regions(
    image: ZarrImage, part: int, chunks: tuple[int, ...]
) -> Iterator[tuple[Box, NDArray[Any]]]:
    """Boxes that cover the part, of whole chunks, and their values."""
    for box in whole_chunks(image.grid, chunks):
        slices = dict(zip(image.spatial, box.slices, strict=True))
        yield box, np.asarray(image.array[image.index(slices, part)])
