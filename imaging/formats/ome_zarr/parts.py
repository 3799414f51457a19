"""The scans of an OME-Zarr file that holds several: series, time points, channels."""

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats.atomic import raising_storage_full
from imaging.formats.limits import Limits
from imaging.formats.ome_zarr.group import ImageGroup
from imaging.formats.ome_zarr.metadata import ZarrImage
from imaging.formats.ome_zarr.read import check_limits, unpacked, whole_chunks, zarr_errors
from imaging.formats.ome_zarr.save import Level, pack, save_image
from imaging.formats.scan_part import ScanPart, check_part_count, common_folder, part_title

_MOST_UNPACKED_BYTES = Limits().max_bytes
"""The limits apply to each part, so an image of many parts may be of any size."""
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
            series = [("image", number, len(group.names))]
            for part in range(image.parts):
                title = part_title([*series, *_places(image, part)]) or "image 1 of 1"
                parts.append(ScanPart(len(parts) + 1, title, image.grid))
    return parts


def extract_ome_zarr(path: Path, targets: Mapping[int, Path]) -> None:
    """Writes parts as OME-Zarr (NGFF 0.4, zipped) of full resolution: number, from 1 -> target.

    The values, the voxel size with its unit, the position and the directions stay as they are.
    Names of channels and other free text are left out. Only the chunks of the parts are decoded.
    Raises UnreadableScan where they are damaged.
    """
    with zarr_errors(), raising_storage_full():
        group, first = ImageGroup.open(path), 1
        for number in range(len(group.names)):
            if first > max(targets):
                break
            image = group.image(number)
            own = {n - first: targets[n] for n in targets if first <= n < first + image.parts}
            _extract(image, own)
            first += image.parts


def _extract(image: ZarrImage, targets: Mapping[int, Path]) -> None:
    """Writes parts of an image: number, from 0 -> target."""
    source = image.array
    if len(targets) > 1 and _shared_chunks(image):
        source = unpacked(image.array, common_folder(targets))
    for part, target in targets.items():
        folder = target.with_name(f".part-{secrets.token_hex(8)}")
        try:
            level = _level(image, source, part)
            save_image(folder, image.array.dtype.newbyteorder("<"), image.space, [level], {})
            pack(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _places(image: ZarrImage, part: int) -> Iterator[tuple[str, int, int]]:
    """Name, place and length of each axis that tells parts apart; the last varies fastest."""
    lengths = list(image.choices.values())
    places = np.unravel_index(part, lengths) if lengths else ()
    for name, place, length in zip(image.choices, places, lengths, strict=True):
        yield _NAMES[name], int(place), length


def _shared_chunks(image: ZarrImage) -> bool:
    """Whether a chunk holds voxels of several parts: it would be decoded once for each of them.

    False for an image that is too large to unpack.
    """
    if image.array.size * image.array.dtype.itemsize > _MOST_UNPACKED_BYTES:
        return False
    sizes = dict(zip(image.axes, image.array.chunks, strict=True))
    return any(min(sizes[name], length) > 1 for name, length in image.choices.items())


def _level(image: ZarrImage, source: Any, part: int) -> Level:
    """The part at full resolution, in chunks of the same size; `source`: the array, or a copy."""
    sizes = dict(zip(image.axes, image.array.chunks, strict=True))
    chunks = tuple(min(sizes[n], size) for n, size in zip(image.spatial, image.grid, strict=True))
    colours = (3,) * image.rgb
    return Level(
        shape=(*colours, *image.grid),
        chunks=(*colours, *chunks),
        factors=(1,) * len(image.grid),
        regions=_regions(image, source, part, chunks),
    )


def _regions(
    image: ZarrImage, source: Any, part: int, chunks: tuple[int, ...]
) -> Iterator[tuple[Box, NDArray[Any]]]:
    """Boxes that cover the part, of whole chunks, and their values."""
    for box in whole_chunks(image.grid, chunks):
        slices = dict(zip(image.spatial, box.slices, strict=True))
        yield box, np.asarray(source[image.index(slices, part)])
