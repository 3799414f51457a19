"""Opens and verifies OME-Zarr images, as a folder or a zip of one; reads them by region."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, boxes
from imaging.errors import TesseraError
from imaging.formats.limits import Limits
from imaging.formats.ome_zarr.errors import damaged, unsupported
from imaging.formats.ome_zarr.group import ROOT_FILES, ImageGroup, root_folder
from imaging.formats.ome_zarr.metadata import ZarrImage
from imaging.large_arrays import large_zeros
from imaging.lazy import lazy
from imaging.scan import Scan

_MAX_CHUNKS = 1 << 20
"""With more chunks, finding them takes longer than decoding them."""
_PART_VALUES = 1 << 22
_TYPICAL_EDGE = 128
"""Edge of the regions that are usually read, in voxels."""
_MAX_OVERHEAD = 4
"""How many voxels may be decoded per voxel read; above it, the image is unpacked once."""


def is_ome_zarr(path: Path) -> bool:
    """Whether a folder or a zip holds a Zarr group."""
    if path.is_dir():
        return any((path / name).is_file() for name in ROOT_FILES)
    try:
        return root_folder(path) is not None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a damaged zip is not an OME-Zarr
        return False


def open_ome_zarr(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The image at `path`; reads metadata only.

    `scratch`: a folder where an image with flat chunks is unpacked at the first read. Raises
    UnreadableScan, UnsupportedScan or ScanTooLarge.
    """
    with zarr_errors():
        image = _only_image(path)
        check_limits(image, limits)
        limits.check_bytes(prod(image.array.shape) * image.array.dtype.itemsize)
    return Scan(
        shape=(image.components, *image.grid),
        dtype=image.array.dtype.newbyteorder("="),
        affine=image.geometry.affine,
        spacing_mm=image.geometry.spacing_mm,
        format="ome-zarr",
        reader=ZarrVoxels(image, scratch),
        stored_shape=image.grid,
        warnings=image.geometry.warnings,
    )


def _only_image(path: Path) -> ZarrImage:
    """The image at `path`; raises UnsupportedScan where the file holds several scans."""
    group = ImageGroup.open(path)
    image = group.image(0)
    if len(group.names) > 1 or image.parts > 1:
        held = f"{len(group.names)} images" if len(group.names) > 1 else f"{image.parts} scans"
        raise unsupported(
            f"The OME-Zarr file holds {held}: series, time points or channels.",
            expected="One image or volume.",
            hint="Choose one by `volume`, or save it as a file of its own.",
        )
    return image


def check_limits(image: ZarrImage, limits: Limits) -> None:
    """Raises ScanTooLarge or UnsupportedScan for a scan or a chunk that is too large, and for too
    many chunks."""
    array, grid = image.array, image.grid
    size = image.components * prod(grid) * array.dtype.itemsize
    if len(grid) == 3:
        limits.check_volume(prod(grid), size)
    limits.check_bytes(size)
    limits.check_chunk(prod(array.shards or array.chunks))
    count = prod(ceil(n / chunk) for n, chunk in zip(array.shape, array.chunks, strict=True))
    if count > _MAX_CHUNKS:
        raise unsupported(
            f"The image is stored in {count:,} chunks.",
            expected=f"At most {_MAX_CHUNKS:,} chunks, each of them larger.",
            hint="Save the image again with larger chunks.",
        )


def verify_ome_zarr(path: Path, limits: Limits) -> Scan:
    """As open_ome_zarr, and decodes every chunk; holds a few at a time."""
    scan = open_ome_zarr(path, limits)
    with zarr_errors():
        array = _only_image(path).array
        for part in _parts(array):
            array[part.slices]
    return scan


class ZarrVoxels:
    """The reader: box -> (c, *box.shape)."""

    def __init__(self, image: ZarrImage, scratch: Path | None) -> None:
        self.image = image
        self._source = lazy(
            partial(unpacked, image.array, scratch) if _flat(image) else self._stored
        )

    def __call__(self, box: Box) -> NDArray[Any]:
        image = self.image
        with zarr_errors():
            source = self._source()
            slices = dict(zip(image.spatial, box.slices, strict=True))
            values = np.asarray(source[image.index(slices)]).reshape(image.components, *box.shape)
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def _stored(self) -> Any:
        return self.image.array


def unpacked(array: Any, scratch: Path | None) -> NDArray[Any]:
    """A copy of the array, in memory or in `scratch`; each chunk is decoded once."""
    out = large_zeros(array.shape, array.dtype, scratch)
    for part in _parts(array):
        out[part.slices] = array[part.slices]
    return out


def _flat(image: ZarrImage) -> bool:
    """Whether the chunks of a typical region hold far more voxels than the region."""
    chunks = [image.array.chunks[image.axes.index(name)] for name in image.spatial]
    edges = [min(_TYPICAL_EDGE, n) for n in image.grid]
    decoded = prod(
        min(n, ceil(edge / chunk + 0.5) * chunk)
        for n, edge, chunk in zip(image.grid, edges, chunks, strict=True)
    )
    return decoded > _MAX_OVERHEAD * prod(edges)


def _parts(array: Any) -> Iterator[Box]:
    """Boxes that cover the array, of whole chunks or shards."""
    return whole_chunks(array.shape, array.shards or array.chunks)


def whole_chunks(shape: Sequence[int], chunks: Sequence[int]) -> Iterator[Box]:
    """Boxes that cover the grid, of whole chunks: a few million values each, or one chunk."""
    edges = list(chunks)
    for axis in reversed(range(len(edges))):
        while edges[axis] < shape[axis] and 2 * prod(edges) <= _PART_VALUES:
            edges[axis] *= 2
    return boxes(shape, edges)


@contextlib.contextmanager
def zarr_errors() -> Iterator[None]:
    """Turns whatever Zarr and its codecs raise for damaged files into UnreadableScan."""
    try:
        yield
    except (TesseraError, MemoryError):
        raise
    except Exception as error:
        raise damaged() from error
