"""NRRD volumes (teem.sourceforge.net/nrrd/format.html): masks written, volumes read."""

import contextlib
import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import nrrd  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.canvas import canvas
from imaging.errors import BadRequest, UnreadableScan, UnsupportedScan
from imaging.formats.atomic import replacing
from imaging.formats.limits import Limits
from imaging.once import once
from imaging.scan import Scan

SIGNATURE = b"NRRD000"
_HEADER_BYTES = 1 << 20
_SLAB_BYTES = 1 << 24
_GZIP_LEVEL = 4
_TO_LPS = np.diag([-1.0, -1.0, 1.0])
_SPACES = {
    "left-posterior-superior": _TO_LPS,
    "lps": _TO_LPS,
    "right-anterior-superior": np.eye(3),
    "ras": np.eye(3),
    "left-anterior-superior": np.diag([-1.0, 1.0, 1.0]),
    "las": np.diag([-1.0, 1.0, 1.0]),
}
_TYPES = {np.dtype(np.uint8): "uint8", np.dtype(np.uint16): "uint16", np.dtype(np.uint32): "uint32"}


def write_mask_nrrd(path: Path, mask: NDArray[Any], scan: Scan, *, compress: bool = True) -> None:
    """Writes `mask`, of shape scan.grid, as NRRD in LPS; a picture's on `write_volume`'s grid.

    An unsigned mask of up to 32 bits keeps its type, any other gets the smallest that fits. The
    first axis runs fastest, little-endian; the same mask gives the same bytes.
    """
    if mask.shape != scan.grid:
        raise BadRequest(
            f"The mask has the shape {mask.shape}.",
            expected=f"The scan's own, {scan.grid}.",
            todo="Bring the mask back to the stored axes first.",
        )
    numbers, affine = _placed(mask, scan)
    if numbers.dtype not in _TYPES:
        numbers = numbers.astype(np.min_scalar_type(int(mask.max(initial=0))))
    with replacing(path) as file:
        file.write(_header(numbers, affine, compress=compress))
        if not compress:
            _put(file, numbers)
            return
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
            _put(packed, numbers)


def open_nrrd(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The volume at `path`; reads the header only. Raises as `open_scan` does."""
    header, start = _parse(path)
    space = _SPACES.get(str(header.get("space", "")).lower())
    directions, origin = header.get("space directions"), header.get("space origin")
    grid = tuple(int(n) for n in header["sizes"])
    if len(grid) != 3 or space is None or directions is None or header["encoding"] == "bzip2":
        raise UnsupportedScan(
            f"The NRRD has {len(grid)} axes, or no place in the world.",
            expected="Three axes, a space of RAS, LPS or LAS, space directions; raw or gzip.",
            todo="Save it as a plain volume, for example with 3D Slicer.",
        )
    dtype = _dtype(header)
    limits.check_volume(prod(grid), prod(grid) * dtype.itemsize)
    affine = np.eye(4)
    affine[:3, :3] = space @ np.array(directions, float).T
    affine[:3, 3] = space @ np.array((0, 0, 0) if origin is None else origin, float)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise _broken("The NRRD's directions span no volume.")
    reader = _Voxels(path, start, grid, dtype, str(header["encoding"]), scratch)
    return Scan(
        shape=(1, *grid),
        dtype=dtype.newbyteorder("="),
        affine=affine,
        spacing_mm=tuple(float(n) for n in np.linalg.norm(affine[:3, :3], axis=0)),
        format="nrrd",
        reader=reader,
        stored_shape=grid,
    )


def verify_nrrd(path: Path, limits: Limits) -> Scan:
    """As open_nrrd, and proves that every voxel is there."""
    scan = open_nrrd(path, limits)
    scan.read(Box.whole((1, 1, 1)))
    return scan


def _placed(mask: NDArray[Any], scan: Scan) -> tuple[NDArray[Any], NDArray[np.float64]]:
    if scan.dimension == 3:
        return mask, scan.affine
    height, width = scan.spacing_mm or (1.0, 1.0)
    return mask[::-1].T[..., np.newaxis], np.diag([width, height, 1.0, 1.0])


def _header(numbers: NDArray[Any], affine: NDArray[np.float64], *, compress: bool) -> bytes:
    lps = _TO_LPS @ affine[:3]
    vectors = [f"({','.join(repr(float(n)) for n in column)})" for column in lps.T]
    lines = {
        "type": _TYPES[numbers.dtype],
        "dimension": "3",
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, numbers.shape)),
        "space directions": " ".join(vectors[:3]),
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "gzip" if compress else "raw",
        "space origin": vectors[3],
    }
    text = "NRRD0004\n" + "".join(f"{key}: {value}\n" for key, value in lines.items())
    return text.encode("ascii") + b"\n"


def _put(file: IO[bytes] | gzip.GzipFile, numbers: NDArray[Any]) -> None:
    little = numbers.dtype.newbyteorder("<")
    step = max(1, _SLAB_BYTES // max(1, prod(numbers.shape[:2]) * little.itemsize))
    for first in range(0, numbers.shape[2], step):
        file.write(numbers[..., first : first + step].astype(little, copy=False).tobytes("F"))


def _parse(path: Path) -> tuple[Mapping[str, Any], int]:
    with path.open("rb") as file:
        lines = file.read(_HEADER_BYTES)
        stop = min(
            (found for found in (lines.find(b"\n\n"), lines.find(b"\r\n\r\n")) if found >= 0),
            default=-1,
        )
        if stop < 0:
            raise _broken("The NRRD's header does not end.")
        file.seek(0)
        try:
            header = nrrd.read_header(file)
            return {"encoding": header["encoding"], **header, "sizes": header["sizes"]}, file.tell()
        except Exception as error:
            raise _broken("The NRRD's header cannot be read.") from error


def _dtype(header: Mapping[str, Any]) -> np.dtype[Any]:
    if "data file" in header or "datafile" in header:
        raise UnsupportedScan(
            "The NRRD's voxels lie in another file.",
            expected="One .nrrd file.",
            todo="Save it with its voxels inside.",
        )
    try:
        dtype: np.dtype[Any] = np.dtype(nrrd.reader._determine_datatype(header))  # noqa: SLF001
    except Exception as error:
        raise _broken("The NRRD's voxel type is none.") from error
    return dtype


@dataclass
class _Voxels:
    path: Path
    start: int
    grid: tuple[int, ...]
    dtype: np.dtype[Any]
    encoding: str
    scratch: Path | None

    def __post_init__(self) -> None:
        self._values = once(self._load)

    def __call__(self, box: Box) -> NDArray[Any]:
        values = self._values()[box.slices]
        return np.array(values, self.dtype.newbyteorder("="))[np.newaxis]

    def _load(self) -> NDArray[Any]:
        flat = canvas((prod(self.grid) * self.dtype.itemsize,), np.uint8, self.scratch)
        with contextlib.ExitStack() as stack:
            file: Any = stack.enter_context(self.path.open("rb"))
            file.seek(self.start)
            if self.encoding in ("gzip", "gz"):
                file = stack.enter_context(gzip.GzipFile(fileobj=file))
            _fill(flat, file)
        return flat.view(self.dtype).reshape(self.grid, order="F")


def _fill(flat: NDArray[np.uint8], file: Any) -> None:
    at = 0
    try:
        while at < flat.size:
            block = file.read(min(_SLAB_BYTES, flat.size - at))
            if not block:
                raise _broken("The NRRD ends before its last voxel.")
            flat[at : at + len(block)] = np.frombuffer(block, np.uint8)
            at += len(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _broken("The NRRD's voxels are damaged.") from error


def _broken(came: str) -> UnreadableScan:
    return UnreadableScan(
        came, expected="A whole .nrrd file, raw or gzip.", todo="Export or copy it again."
    )
