"""Writes masks and single volumes as MetaImage, deterministically: one .mha file."""

import zlib
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imaging.formats.atomic import replacing

_ZLIB_LEVEL = 4
_SLICES_BYTES = 1 << 26
_TYPES = {
    "i1": "MET_CHAR", "u1": "MET_UCHAR", "i2": "MET_SHORT", "u2": "MET_USHORT", "i4": "MET_INT",
    "u4": "MET_UINT", "i8": "MET_LONG_LONG", "u8": "MET_ULONG_LONG", "f4": "MET_FLOAT",
    "f8": "MET_DOUBLE",
}  # fmt: skip
_SIZE_DIGITS = 20
"""Width of CompressedDataSize, which is known only after the voxels are written."""


def write_metaimage(
    path: Path,
    read: Callable[[int, int], NDArray[Any]],
    grid: tuple[int, ...],
    kind: np.dtype[Any],
    own: NDArray[np.float64],
    unit: str,
    *,
    compress: bool,
) -> None:
    """Writes a volume, or an image (column, row), of the type `kind`.

    `read(first, stop)` returns a range of the last axis. `own`, (4, 4), maps voxel indices to LPS
    in `unit` (empty: mm, unsaid). Compressed as one zlib stream. The same volume gives the same
    bytes.
    """
    with replacing(path) as file:
        before, after = _header(grid, kind, own, unit, compress=compress)
        file.write(before + b" " * _SIZE_DIGITS * compress + after)
        start = file.tell()
        blocks = _slices(read, grid, kind)
        for block in _deflated(blocks) if compress else blocks:
            file.write(block)
        if compress:
            _state_size(file, len(before), file.tell() - start)


def _state_size(file: IO[bytes], at: int, size: int) -> None:
    file.seek(at)
    file.write(str(size).encode())
    file.seek(0, 2)


def _slices(
    read: Callable[[int, int], NDArray[Any]], grid: tuple[int, ...], kind: np.dtype[Any]
) -> Iterator[bytes]:
    step = max(1, _SLICES_BYTES // (prod(grid[:-1]) * kind.itemsize))
    for first in range(0, grid[-1], step):
        yield read(first, min(first + step, grid[-1])).astype(kind, copy=False).tobytes("F")


def _deflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    deflater = zlib.compressobj(_ZLIB_LEVEL)
    for block in blocks:
        yield deflater.compress(block)
    yield deflater.flush()


def _header(
    grid: tuple[int, ...],
    kind: np.dtype[Any],
    own: NDArray[np.float64],
    unit: str,
    *,
    compress: bool,
) -> tuple[bytes, bytes]:
    """The header before and after the value of CompressedDataSize."""
    axes = len(grid)
    spacing = np.linalg.norm(own[:axes, :axes], axis=0)
    first = [
        "ObjectType = Image",
        f"NDims = {axes}",
        "BinaryData = True",
        f"BinaryDataByteOrderMSB = {kind.byteorder == '>'}",
        f"CompressedData = {compress}",
    ]
    last = [
        f"TransformMatrix = {_text((own[:axes, :axes] / spacing).T.ravel())}",
        f"Offset = {_text(own[:axes, 3])}",
        f"CenterOfRotation = {' '.join('0' * axes)}",
        *([f"DistanceUnits = {unit}"] if unit else []),
        f"ElementSpacing = {_text(spacing)}",
        f"DimSize = {' '.join(map(str, grid))}",
        f"ElementType = {_TYPES[kind.str[1:]]}",
        "ElementDataFile = LOCAL\n",
    ]
    size = "\nCompressedDataSize = " if compress else ""
    return f"{chr(10).join(first)}{size}".encode(), ("\n" + "\n".join(last)).encode()


def _text(numbers: NDArray[np.float64]) -> str:
    return " ".join(repr(float(n) + 0.0) for n in numbers)
