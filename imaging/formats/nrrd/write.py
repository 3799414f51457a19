"""Writes masks as NRRD, deterministically."""

import gzip
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imaging.formats.atomic import replacing
from imaging.formats.label_map import check_shape, label_dtype, upright, upright_affine
from imaging.scan import Scan

_GZIP_LEVEL = 4
_SLICES_BYTES = 1 << 26


def write_mask_nrrd(
    path: Path,
    mask: NDArray[Any],
    scan: Scan,
    *,
    compress: bool = True,
    at_least: DTypeLike = np.uint8,
) -> None:
    """Writes `mask`, of shape scan.grid, as NRRD with the scan's exact affine, in LPS.

    An image's mask is on the grid that `write_volume` gives its scan. The voxel type is uint8,
    uint16 or uint32, depending on the largest label, and no smaller than `at_least`. Encoded as
    gzip, or raw without `compress`. The same mask gives the same bytes. Raises BadRequest for a
    mask of another shape.
    """
    check_shape(mask, scan)
    affine = scan.affine
    if scan.dimension == 2:
        mask, affine = upright(mask), upright_affine(scan)
    kind = np.promote_types(label_dtype(mask), at_least)
    step = max(1, _SLICES_BYTES // (mask.shape[0] * mask.shape[1] * kind.itemsize))
    with replacing(path) as file:
        file.write(_header(mask.shape, kind, affine, "gzip" if compress else "raw"))
        with ExitStack() as stack:
            out: IO[bytes] | gzip.GzipFile = file
            if compress:
                packed = gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
                out = stack.enter_context(packed)
            for k in range(0, mask.shape[2], step):
                slices = mask[..., k : k + step].astype(kind.newbyteorder("<"), copy=False)
                out.write(slices.tobytes("F"))


def _header(
    shape: tuple[int, ...], kind: np.dtype[Any], affine: NDArray[np.float64], encoding: str
) -> bytes:
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    lines = (
        "NRRD0004",
        f"type: {kind.name}",
        "dimension: 3",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, shape))}",
        f"space directions: {' '.join(_point(column) for column in lps[:3, :3].T)}",
        "kinds: domain domain domain",
        "endian: little",
        f"encoding: {encoding}",
        f"space origin: {_point(lps[:3, 3])}",
    )
    return ("\n".join(lines) + "\n\n").encode()


def _point(numbers: NDArray[np.float64]) -> str:
    return f"({','.join(repr(float(n) + 0.0) for n in numbers)})"
