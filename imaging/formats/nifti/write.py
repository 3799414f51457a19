# mypy: allow-untyped-calls
"""Writes masks and viewer volumes as NIfTI, deterministically and without free text."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats import gzip_stream
from imaging.formats.affine import corner_distance
from imaging.formats.atomic import replacing
from imaging.formats.label_map import check_shape, label_dtype, upright, upright_affine
from imaging.formats.nifti.voxels import Voxels
from imaging.formats.voxel_blocks import slice_reader, voxel_blocks
from imaging.scan import Scan

_LABEL_INTENT = 1002  # NIFTI_INTENT_LABEL
_MM = 2  # NIFTI_UNITS_MM
_ALIGNED = 2  # NIFTI_XFORM_ALIGNED_ANAT: aligned to the scan that the mask belongs to
_BAND_PIXELS = 1 << 22
_ROUNDING = 1e-3
"""Most distance, in voxels, that rounding to NIfTI-1 may move a corner of the grid."""
_GEOMETRY = (
    *("pixdim", "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d"),
    *("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z", "xyzt_units"),
)
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


def write_mask(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes `mask`, of shape scan.grid, as NIfTI with the scan's stored shape and affine.

    The geometry fields of a NIfTI scan are copied unchanged, so that every reader aligns the mask
    with the scan. An image's mask is (row, column, 1). The voxel type is uint8, uint16 or uint32,
    depending on the largest label. Compressed with gzip unless the name ends in `.nii`. The same
    mask gives the same bytes.
    """
    check_shape(mask, scan)
    shape = scan.stored_shape if scan.dimension == 3 else (*scan.grid, 1)
    stored = mask if scan.dimension == 3 else mask[..., np.newaxis]
    header = _header(shape, label_dtype(mask), scan.affine, scan)
    _mark_labels(header, mask)
    dtype = header.get_data_dtype()
    _write(path, header, voxel_blocks(lambda a, b: stored[..., a:b], stored.shape, dtype))


def write_volume(path: Path, scan: Scan) -> None:
    """Writes any scan as a NIfTI that every viewer can load.

    A volume keeps its grid and values. An image becomes one slice, (column, row, 1), grey or RGB24,
    upright (see `imaging/formats/label_map.py`).
    """
    if scan.dimension == 2:
        return _write_image(path, scan)
    header = _header(scan.stored_shape, _viewable(scan.dtype), scan.affine, scan)
    read = slice_reader(scan.read, scan.grid)
    return _write(path, header, voxel_blocks(read, scan.grid, header.get_data_dtype()))


def write_mask_volume(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes `mask`, of shape scan.grid, on the grid that `write_volume` gives its scan."""
    if scan.dimension == 3:
        return write_mask(path, mask, scan)
    check_shape(mask, scan)
    rows, columns = scan.grid
    header = _header((columns, rows, 1), label_dtype(mask), upright_affine(scan), None)
    _mark_labels(header, mask)
    dtype, volume = header.get_data_dtype(), upright(mask)
    step = max(1, _BAND_PIXELS // columns)
    bands = (volume[:, y : y + step].astype(dtype).tobytes("F") for y in range(0, rows, step))
    return _write(path, header, bands)


def _mark_labels(header: Nifti1Header, mask: NDArray[Any]) -> None:
    header["intent_code"] = _LABEL_INTENT
    header["cal_max"] = int(mask.max(initial=0))


def _viewable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type to write: viewers do not support 64-bit integers, and some not int8."""
    if dtype.kind in "iu" and dtype.itemsize == 8:
        return np.dtype(np.float64)
    return np.dtype(np.int16) if dtype == np.int8 else dtype


def _write_image(path: Path, scan: Scan) -> None:
    rows, columns = scan.grid
    colour, kind = scan.shape[0] == 3, _viewable(scan.dtype)
    header = _header((columns, rows, 1), RGB if colour else kind, upright_affine(scan), None)
    step = max(1, _BAND_PIXELS // columns)

    def bands() -> Iterable[bytes]:
        for bottom in range(rows, 0, -step):
            block = scan.read(Box((max(0, bottom - step), 0), (bottom, columns)))[:, ::-1]
            if colour and block.dtype.itemsize > 1:
                block = (block >> 8).astype(np.uint8)  # RGB24 holds the upper byte of 16 bits
            yield np.moveaxis(block if colour else block.astype(kind), 0, -1).tobytes()

    _write(path, header, bands())


def _header(
    shape: tuple[int, ...], dtype: np.dtype[Any], affine: NDArray[np.float64], scan: Scan | None
) -> Nifti1Header:
    """A new header on the grid of `scan`: the fields of a NIfTI scan, else the affine."""
    source = scan.reader.header.raw if scan and isinstance(scan.reader, Voxels) else None
    if source is not None:
        header = Nifti2Header() if isinstance(source, Nifti2Header) else Nifti1Header()
    else:
        fits = max(shape) < 2**15 and _survives_rounding(affine, shape)
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


def _survives_rounding(affine: NDArray[np.float64], shape: Sequence[int]) -> bool:
    """Whether float32, the type of NIfTI-1's affine, moves no corner noticeably.

    NIfTI-2 keeps every affine, but ITK, SimpleITK and 3D Slicer cannot read it.
    """
    moved = corner_distance(affine, affine.astype(np.float32).astype(np.float64), tuple(shape[:3]))
    return bool(moved <= _ROUNDING * np.linalg.norm(affine[:3, :3], axis=0).min())


def _place(header: Nifti1Header, affine: NDArray[np.float64], axes: int) -> None:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    header.set_zooms((*spacing, *[1.0] * axes)[:axes])
    header.set_sform(affine, _ALIGNED)
    try:
        header.set_qform(affine, _ALIGNED, strip_shears=False)
    except HeaderDataError:  # a qform cannot hold shear; the sform holds the affine
        header["qform_code"] = 0
    header["xyzt_units"] = _MM


def _write(path: Path, header: Nifti1Header, blocks: Iterable[bytes]) -> None:
    compress = path.suffix != ".nii"
    with replacing(path) as file, gzip_stream.packing(file, compress=compress) as out:
        out.write(header.binaryblock)
        out.write(bytes(4))  # no extensions
        for block in blocks:
            out.write(block)
