"""Writes masks and single volumes as NRRD, deterministically."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imaging.formats import gzip_stream
from imaging.formats.atomic import replacing
from imaging.formats.label_map import check_shape, label_dtype, upright, upright_affine
from imaging.formats.nrrd.read import NrrdVoxels
from imaging.formats.nrrd.space import NrrdSpace, space_in_mm
from imaging.formats.voxel_blocks import ReadSlices, voxel_blocks
from imaging.scan import Scan

_TYPES = {"f4": "float", "f8": "double"}


def write_mask_nrrd(
    path: Path,
    mask: NDArray[Any],
    scan: Scan,
    *,
    compress: bool = True,
    at_least: DTypeLike = np.uint8,
) -> None:
    """Writes `mask`, of shape scan.grid, as NRRD at the scan's exact position.

    The mask of an NRRD scan keeps the scan's own space, numbers and unit, and states no more than
    its scan; any other is in LPS and mm. An image's mask is on the grid that `write_volume` gives
    its scan. The voxel type is uint8, uint16 or uint32, depending on the largest label, and no
    smaller than `at_least`. Encoded as gzip, or raw without `compress`. The same mask gives the
    same bytes. Raises BadRequest for a mask of another shape.
    """
    check_shape(mask, scan)
    if scan.dimension == 2:
        mask, space = upright(mask), space_in_mm(upright_affine(scan))
    elif isinstance(scan.reader, NrrdVoxels):
        space = scan.reader.header.space
    else:
        space = space_in_mm(scan.affine)
    kind = np.promote_types(label_dtype(mask), at_least).newbyteorder("<")
    i, j, k = mask.shape
    write_nrrd(path, lambda a, b: mask[..., a:b], (i, j, k), kind, space, compress=compress)


def write_nrrd(
    path: Path,
    read: ReadSlices,
    grid: tuple[int, int, int],
    kind: np.dtype[Any],
    space: NrrdSpace,
    *,
    compress: bool,
) -> None:
    """Writes a volume of the type `kind`."""
    with replacing(path) as file:
        file.write(_header(grid, kind, space, "gzip" if compress else "raw"))
        with gzip_stream.packing(file, compress=compress) as out:
            for block in voxel_blocks(read, grid, kind):
                out.write(block)


def _header(shape: tuple[int, ...], kind: np.dtype[Any], space: NrrdSpace, encoding: str) -> bytes:
    lines = [
        "NRRD0004",
        f"type: {_TYPES.get(kind.str[1:], kind.name)}",
        "dimension: 3",
        f"sizes: {' '.join(map(str, shape))}",
        "kinds: domain domain domain",
        f"endian: {'big' if kind.byteorder == '>' else 'little'}",
        f"encoding: {encoding}",
        *_position(space),
    ]
    return ("\n".join(lines) + "\n\n").encode()


def _position(space: NrrdSpace) -> Iterator[str]:
    """The fields of the position, without those that the header of `space` does not have."""
    axes, origin = space.own[:3, :3], space.own[:3, 3]
    unit = f'"{space.unit}"'
    units = f"units: {unit} {unit} {unit}"
    placed = space.directed or bool(space.name) or origin.any()
    if placed:
        yield f"space: {space.name}" if space.name else "space dimension: 3"
    if space.directed:
        yield f"space directions: {' '.join(_point(column) for column in axes.T)}"
    elif any(space.sized):
        sizes = zip(axes.diagonal(), space.sized, strict=True)
        yield f"spacings: {' '.join(_number(n) if stated else 'nan' for n, stated in sizes)}"
    if placed:
        yield f"space origin: {_point(origin)}"
    if space.unit:
        yield f"space {units}" if space.directed else units


def _point(numbers: NDArray[np.float64]) -> str:
    return f"({','.join(map(_number, numbers))})"


def _number(number: float) -> str:
    return repr(float(number) + 0.0)
