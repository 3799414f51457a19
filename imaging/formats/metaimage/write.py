"""Writes masks and single volumes as MetaImage, deterministically: one .mha file."""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imaging.formats.atomic import replacing
from imaging.formats.metaimage.element_types import element_type
from imaging.formats.metaimage.space import MetaSpace
from imaging.formats.voxel_blocks import ReadSlices, voxel_blocks

_ZLIB_LEVEL = 4
_SIZE_DIGITS = 20
"""Width of CompressedDataSize, which is known only after the voxels are written."""


def write_metaimage(
    path: Path,
    read: ReadSlices,
    grid: tuple[int, ...],
    kind: np.dtype[Any],
    space: MetaSpace,
    *,
    compress: bool,
) -> None:
    """Writes a volume, or an image (column, row), of the type `kind`.

    The same volume gives the same bytes.
    """
    write_blocks(path, voxel_blocks(read, grid, kind), grid, kind, space, compress=compress)


def write_blocks(
    path: Path,
    blocks: Iterable[bytes],
    axes: tuple[int, ...],
    kind: np.dtype[Any],
    space: MetaSpace,
    *,
    channels: int = 1,
    compress: bool,
) -> None:
    """Writes voxels of the type `kind` that are in the file's order: channels vary fastest.

    Compressed as one zlib stream. An axis after the third is at 0 and has a step of 1.
    """
    with replacing(path) as file:
        before, after = _header(axes, channels, kind, space, compress=compress)
        file.write(before + b" " * _SIZE_DIGITS * compress + after)
        start = file.tell()
        for block in _deflated(blocks) if compress else blocks:
            file.write(block)
        if compress:
            _state_size(file, len(before), file.tell() - start)


def _state_size(file: IO[bytes], at: int, size: int) -> None:
    file.seek(at)
    file.write(str(size).encode())
    file.seek(0, 2)


def _deflated(blocks: Iterable[bytes]) -> Iterator[bytes]:
    deflater = zlib.compressobj(_ZLIB_LEVEL)
    for block in blocks:
        yield deflater.compress(block)
    yield deflater.flush()


def _header(
    axes: tuple[int, ...],
    channels: int,
    kind: np.dtype[Any],
    space: MetaSpace,
    *,
    compress: bool,
) -> tuple[bytes, bytes]:
    """The header before and after the value of CompressedDataSize."""
    first = [
        "ObjectType = Image",
        f"NDims = {len(axes)}",
        "BinaryData = True",
        f"BinaryDataByteOrderMSB = {kind.byteorder == '>'}",
        f"CompressedData = {compress}",
    ]
    last = [
        *_position(space, len(axes)),
        f"DimSize = {' '.join(map(str, axes))}",
        *([f"ElementNumberOfChannels = {channels}"] if channels > 1 else []),
        f"ElementType = {element_type(kind)}",
        "ElementDataFile = LOCAL\n",
    ]
    size = "\nCompressedDataSize = " if compress else ""
    return f"{chr(10).join(first)}{size}".encode(), ("\n" + "\n".join(last)).encode()


def _position(space: MetaSpace, count: int) -> Iterator[str]:
    """The fields of the position, without those that the header of `space` does not have."""
    own, origin, used = np.eye(count), np.zeros(count), min(3, count)
    own[:used, :used], origin[:used] = space.own[:used, :used], space.own[:used, 3]
    spacing = np.ones(count)
    if space.sized:
        spacing = np.linalg.norm(own, axis=0) if space.oriented else own.diagonal()
    if space.oriented:
        yield f"TransformMatrix = {_text((own / spacing).T.ravel())}"
    yield f"Offset = {_text(origin)}"
    yield f"CenterOfRotation = {' '.join('0' * count)}"
    if space.unit:
        yield f"DistanceUnits = {space.unit}"
    if space.sized:
        yield f"ElementSpacing = {_text(spacing)}"


def _text(numbers: NDArray[np.float64]) -> str:
    return " ".join(repr(float(n) + 0.0) for n in numbers)
