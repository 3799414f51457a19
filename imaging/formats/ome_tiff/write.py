"""Writes the mask of an image as a tiled OME-TIFF, one tile at a time, with smaller copies."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.box import blocks
from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from imaging.formats.label_map import label_dtype
from imaging.formats.pyramid import levels
from imaging.scan import Scan

_TILE = 512
_UUID_NAMESPACE = UUID("5f0a1bb6-0e0c-4b8a-9a39-6f2b5b5c7a10")
"""For identifiers that are the same for the same mask."""
_UM_PER_MM = 1000.0
_CLASSIC_BYTES = 1 << 31
"""Above this size the 32-bit offsets of a classic TIFF may not suffice."""


def write_ome_tiff(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes an image's mask, (row, column), as OME-TIFF; the same mask gives the same bytes.

    The pixel type is uint8, uint16 or uint32, depending on the largest label. Raises BadRequest for
    a volume, because an OME-TIFF cannot state its position in the patient.
    """
    if mask.ndim != 2:
        raise BadRequest(
            "A volume's mask cannot be an OME-TIFF, which does not state a position in space.",
            expected="A format for volumes, such as nifti or ome-zarr.",
            hint="Choose one of these formats.",
        )
    copies = [copy for copy, _ in levels(mask)]
    dtype = label_dtype(mask)
    big = mask.size * dtype.itemsize >= _CLASSIC_BYTES
    first: dict[str, Any] = {"metadata": _metadata(mask, scan), "subifds": len(copies) - 1}
    with (
        replacing(path) as file,
        tifffile.TiffWriter(file, bigtiff=big, ome=True) as tiff,
    ):
        for level, copy in enumerate(copies):
            tiff.write(
                _tiles(copy, dtype),
                shape=copy.shape,
                dtype=dtype,
                tile=(_TILE, _TILE),
                compression="zlib",
                photometric="minisblack",
                software=False,
                subfiletype=int(level > 0),
                **(first if level == 0 else {}),
            )


def _metadata(mask: NDArray[Any], scan: Scan) -> dict[str, Any]:
    """Attributes of Image and Pixels (OME-XML 2016-06)."""
    metadata: dict[str, Any] = {"axes": "YX", "Creator": "Tessera"}
    metadata["UUID"] = f"urn:uuid:{uuid5(_UUID_NAMESPACE, f'{_digest(mask)} {scan.spacing_mm}')}"
    for axis, mm in zip("YX", scan.spacing_mm or (), strict=False):
        metadata[f"PhysicalSize{axis}"] = mm * _UM_PER_MM
        metadata[f"PhysicalSize{axis}Unit"] = "\u00b5m"
    return metadata


def _digest(mask: NDArray[Any]) -> str:
    """SHA-256 of the mask's shape and label numbers."""
    digest = sha256(f"{mask.shape} {mask.dtype}".encode())
    for box in blocks(mask.shape, _TILE * _TILE):
        digest.update(mask[box.slices].tobytes())
    return digest.hexdigest()


def _tiles(mask: NDArray[Any], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """The tiles, row by row; tifffile pads the last ones."""
    for row in range(0, mask.shape[0], _TILE):
        for column in range(0, mask.shape[1], _TILE):
            yield mask[row : row + _TILE, column : column + _TILE].astype(dtype)
