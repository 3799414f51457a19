"""NRRD: opens volumes and proves them whole; writes masks, deterministically."""

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imaging.box import Box
from imaging.errors import BadRequest, UnreadableScan
from imaging.formats.atomic import raising_storage_full, replacing
from imaging.formats.limits import Limits
from imaging.formats.nifti_voxels import unpack
from imaging.formats.nifti_write import label_dtype
from imaging.formats.nrrd_header import SIGNATURE, NrrdHeader, damaged, parse
from imaging.lazy import lazy
from imaging.scan import Scan

__all__ = ["SIGNATURE", "open_nrrd", "verify_nrrd", "write_mask_nrrd"]

_GZIP_LEVEL = 4
_DEFLATE_RATIO = 1032
"""A deflate stream grows at most this many times (RFC 1951, 3.2.5)."""
_PADDING = 1 << 20
"""Bytes after the last voxel that pass as padding."""
_SLICES_BYTES = 1 << 26


def open_nrrd(path: Path, limits: Limits, scratch: Path | None) -> Scan:
    """The volume at `path`; reads the header only.

    Raises UnreadableScan, UnsupportedScan or ScanTooLarge before anything is allocated.
    """
    header = parse(path)
    limits.check_volume(header.voxels, header.voxel_bytes)
    held = (path.stat().st_size - header.offset) * (_DEFLATE_RATIO if header.gzipped else 1)
    if held < header.voxel_bytes:
        raise _cut_off()
    return Scan(
        shape=(1, *header.grid),
        dtype=header.stored.newbyteorder("="),
        affine=header.affine,
        spacing_mm=tuple(float(n) for n in np.linalg.norm(header.affine[:3, :3], axis=0)),
        format="nrrd",
        reader=_Voxels(path, header, scratch),
        stored_shape=header.grid,
        warnings=header.warnings,
    )


def verify_nrrd(path: Path, limits: Limits) -> Scan:
    """As open_nrrd, and proves that every voxel is there, holding one chunk at a time."""
    scan, header, seen = open_nrrd(path, limits, None), parse(path), 0
    if header.gzipped:
        for chunk in _unpacked(path, header):
            seen += len(chunk)
            if seen > header.voxel_bytes + _PADDING:
                raise damaged("The compressed stream goes on beyond what its header promises.")
        if seen < header.voxel_bytes:
            raise _cut_off()
    return scan


class _Voxels:
    """Box -> (1, i, j, k) values; a gzip stream is inflated once, into a file without a name."""

    def __init__(self, path: Path, header: NrrdHeader, scratch: Path | None) -> None:
        self._path, self._header, self._scratch = path, header, scratch
        self._stored = lazy(self._map)

    def __call__(self, box: Box) -> NDArray[Any]:
        stored = self._stored()[box.slices]
        return np.array(stored, self._header.stored.newbyteorder("="))[np.newaxis]

    def _map(self) -> NDArray[Any]:
        header = self._header
        source = self._inflated() if header.gzipped else self._path.open("rb")
        offset = 0 if header.gzipped else header.offset
        with source:
            mapped: NDArray[Any] = np.memmap(
                source, header.stored, "r", offset, header.grid, order="F"
            )
        return mapped

    def _inflated(self) -> IO[bytes]:
        left = self._header.voxel_bytes
        with raising_storage_full(), ExitStack() as on_error:
            file = on_error.enter_context(tempfile.TemporaryFile(dir=self._scratch))
            for chunk in _unpacked(self._path, self._header):
                file.write(chunk[:left])
                left -= len(chunk)
                if left <= 0:
                    break
            if left > 0:
                raise _cut_off()
            file.flush()
            on_error.pop_all()
            return file


def write_mask_nrrd(
    path: Path,
    mask: NDArray[Any],
    scan: Scan,
    *,
    compress: bool = True,
    at_least: DTypeLike = np.uint8,
) -> None:
    """Writes `mask`, of shape scan.grid, as NRRD with the scan's exact affine, in LPS.

    A picture's mask lies on the grid that `write_volume` gives its scan. uint8, uint16 or uint32 by
    the largest label, and no less than `at_least`; gzip, or raw without `compress`. The same mask
    gives the same bytes.
    """
    if mask.shape != scan.grid:
        raise BadRequest(
            f"The mask has the shape {mask.shape}.",
            expected=f"The scan's own, {scan.grid}.",
            hint="Bring the mask back to the stored axes first.",
        )
    affine = scan.affine
    if scan.dimension == 2:
        height, width = scan.spacing_mm or (1.0, 1.0)
        mask, affine = mask[::-1].T[..., np.newaxis], np.diag([width, height, 1.0, 1.0])
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


def _unpacked(path: Path, header: NrrdHeader) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(header.offset)
        try:
            yield from unpack(file)
        except UnreadableScan as error:
            raise _cut_off() from error


def _cut_off() -> UnreadableScan:
    return damaged(
        "The file is cut off or damaged: it holds fewer voxels than its header promises."
    )
