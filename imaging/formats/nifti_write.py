# mypy: allow-untyped-calls
"""Writes masks and viewer volumes as NIfTI, deterministically and without descriptive text."""

import gzip
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from imaging.formats.nifti_voxels import Voxels
from imaging.scan import Scan

_GZIP_LEVEL = 4
_LABEL_INTENT = 1002  # NIFTI_INTENT_LABEL
_MM = 2  # NIFTI_UNITS_MM
_ALIGNED = 2  # NIFTI_XFORM_ALIGNED_ANAT: to the scan that the mask belongs to
_BAND_PIXELS = 1 << 22
_SLICES_BYTES = 1 << 26
_GEOMETRY = (
    *("pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units"),
)
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


def write_mask(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes `mask`, of shape scan.grid, as NIfTI with the scan's own shape and exact affine.

    Of a NIfTI scan the geometry fields are copied as they are, so that every reader finds the two
    on each other. A picture's mask is (row, column, 1). uint8, uint16 or uint32 by the largest
    label; gzip unless the name ends in `.nii`; the same mask gives the same bytes.
    """
    _check_shape(mask, scan)
    shape = scan.stored_shape if scan.dimension == 3 else (*scan.grid, 1)
    stored = mask if scan.dimension == 3 else mask[..., np.newaxis]
    header = _header(shape, label_dtype(mask), scan.affine, scan)
    _mark_labels(header, mask)
    _write(path, header, _slices(lambda a, b: stored[..., a:b], stored.shape, header))


def write_volume(path: Path, scan: Scan) -> None:
    """Writes any scan as a NIfTI that a viewer can load.

    A volume keeps its grid and values. A picture becomes one slice, (column, row, 1), grey or
    RGB24, its first row at the top of a viewer whose x grows to the right and y upwards.
    """
    if scan.dimension == 2:
        return _write_picture(path, scan)
    header = _header(scan.stored_shape, _viewable(scan.dtype), scan.affine, scan)
    grid = scan.grid

    def read(first: int, stop: int) -> NDArray[Any]:
        values: NDArray[Any] = scan.read(Box((0, 0, first), (*grid[:2], stop)))[0]
        return values

    return _write(path, header, _slices(read, grid, header))


def write_mask_volume(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes `mask` on the grid that `write_volume` gives its scan."""
    if scan.dimension == 3:
        return write_mask(path, mask, scan)
    _check_shape(mask, scan)
    rows, columns = scan.grid
    header = _header((columns, rows, 1), label_dtype(mask), _upright_affine(scan), None)
    _mark_labels(header, mask)
    return _write(path, header, [mask[::-1].astype(header.get_data_dtype()).tobytes()])


def label_dtype(mask: NDArray[Any]) -> np.dtype[Any]:
    """The smallest of uint8, uint16 and uint32 that holds every label of `mask`."""
    return np.min_scalar_type(int(mask.max(initial=0)))


def _check_shape(mask: NDArray[Any], scan: Scan) -> None:
    if mask.shape != scan.grid:
        raise BadRequest(
            f"The mask has the shape {mask.shape}.",
            expected=f"The scan's own, {scan.grid}.",
            hint="Bring the mask back to the stored axes first.",
        )


def _mark_labels(header: Nifti1Header, mask: NDArray[Any]) -> None:
    header["intent_code"] = _LABEL_INTENT
    header["cal_max"] = int(mask.max(initial=0))


def _viewable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Viewers know no 64-bit integers, and some no int8."""
    if dtype.kind in "iu" and dtype.itemsize == 8:
        return np.dtype(np.float64)
    return np.dtype(np.int16) if dtype == np.int8 else dtype


def _write_picture(path: Path, scan: Scan) -> None:
    rows, columns = scan.grid
    colour, kind = scan.shape[0] == 3, _viewable(scan.dtype)
    header = _header((columns, rows, 1), RGB if colour else kind, _upright_affine(scan), None)
    step = max(1, _BAND_PIXELS // columns)

    def bands() -> Iterable[bytes]:
        for bottom in range(rows, 0, -step):
            block = scan.read(Box((max(0, bottom - step), 0), (bottom, columns)))[:, ::-1]
            if colour and block.dtype.itemsize > 1:
                block = (block >> 8).astype(
                    np.uint8
                )  # RGB24 has room for the upper byte of 16 bits
            yield np.moveaxis(block if colour else block.astype(kind), 0, -1).tobytes()

    _write(path, header, bands())


def _upright_affine(scan: Scan) -> NDArray[np.float64]:
    height, width = scan.spacing_mm or (1.0, 1.0)
    return np.diag([width, height, 1.0, 1.0])


def _header(
    shape: tuple[int, ...], dtype: np.dtype[Any], affine: NDArray[np.float64], scan: Scan | None
) -> Nifti1Header:
    """A bare header on the grid of `scan`: its own fields where it has them, else the affine."""
    source = scan.reader.header.raw if scan and isinstance(scan.reader, Voxels) else None
    if source is not None:
        header = Nifti2Header() if isinstance(source, Nifti2Header) else Nifti1Header()
    else:
        fits = max(shape) < 2**15 and np.array_equal(affine, affine.astype(np.float32))
        header = Nifti1Header() if fits else Nifti2Header()
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    header.set_slope_inter(1.0, 0.0)
    if source is not None:
        for field in _GEOMETRY:
            header[field] = source[field]
    else:
        _place(header, affine, len(shape))
    header["vox_offset"] = header.sizeof_hdr + 4
    return header


def _place(header: Nifti1Header, affine: NDArray[np.float64], axes: int) -> None:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    header.set_zooms((*spacing, *[1.0] * axes)[:axes])
    header.set_sform(affine, _ALIGNED)
    try:
        header.set_qform(affine, _ALIGNED, strip_shears=False)
    except HeaderDataError:  # a qform cannot hold shear; the sform stands alone
        header["qform_code"] = 0
    header["xyzt_units"] = _MM


def _slices(
    read: Callable[[int, int], NDArray[Any]], shape: Sequence[int], header: Nifti1Header
) -> Iterable[bytes]:
    """Slices along the last axis in the file's order: the first axis runs fastest.

    Several at a time: an array of the other order is read once, and not once for every slice.
    """
    dtype = header.get_data_dtype()
    step = max(1, _SLICES_BYTES // (shape[0] * shape[1] * dtype.itemsize))
    for first in range(0, shape[2], step):
        yield read(first, min(first + step, shape[2])).astype(dtype, copy=False).tobytes("F")


def _write(path: Path, header: Nifti1Header, blocks: Iterable[bytes]) -> None:
    with replacing(path) as file:
        if path.suffix == ".nii":
            _put(file, header, blocks)
            return
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
            _put(packed, header, blocks)


def _put(file: IO[bytes] | gzip.GzipFile, header: Nifti1Header, blocks: Iterable[bytes]) -> None:
    file.write(header.binaryblock)
    file.write(bytes(4))  # no extensions
    for block in blocks:
        file.write(block)
