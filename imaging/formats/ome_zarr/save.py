"""Saves the arrays and the metadata of an OME-Zarr image (NGFF 0.4 on Zarr 2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats.atomic import replacing
from imaging.formats.ome_zarr.axes import SpatialAxis


@dataclass(frozen=True, slots=True)
class Level:
    """The image at one resolution."""

    shape: tuple[int, ...]
    """(*spatial), or (c, *spatial)."""
    chunks: tuple[int, ...]
    """Edges of a chunk, along the same axes."""
    factors: tuple[int, ...]
    """Voxels of the first level per voxel of this one, along each spatial axis."""
    regions: Iterable[tuple[Box, NDArray[Any]]]
    """Boxes of the spatial grid, of whole chunks, with their values."""


def save_image(
    folder: Path,
    dtype: np.dtype[Any] | type[np.generic],
    space: Sequence[SpatialAxis],
    levels: Iterable[Level],
    attributes: Mapping[str, Any],
) -> None:
    """Writes an image into `folder`, region by region; `attributes` are further metadata."""
    import numcodecs  # lazily: with zarr it takes a quarter of a second
    import zarr

    compressor = numcodecs.Blosc(cname="zstd", clevel=5, shuffle=numcodecs.Blosc.SHUFFLE)
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    datasets: list[Any] = []
    channels = 0
    for number, level in enumerate(levels):
        array = group.create_array(
            str(number),
            shape=level.shape,
            dtype=dtype,
            chunks=level.chunks,
            chunk_key_encoding={"name": "v2", "separator": "/"},
            compressors=compressor,
        )
        for box, values in level.regions:
            index: Any = (..., *box.slices)
            array[index] = values.astype(dtype, copy=False)
        channels = len(level.shape) - len(space)
        steps = [axis.step * n for axis, n in zip(space, level.factors, strict=True)]
        changes = [
            {"type": "scale", "scale": [*[1.0] * channels, *steps]},
            {"type": "translation", "translation": [0.0] * channels + [a.first for a in space]},
        ]
        datasets.append({"path": str(number), "coordinateTransformations": changes})
    axes: list[Any] = [{"name": "c", "type": "channel"}] * channels + [
        axis.metadata for axis in space
    ]
    group.attrs.update(attributes)
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]


def pack(folder: Path, path: Path) -> None:
    """Writes the folder's files, which are compressed already, into a zip without times."""
    with replacing(path) as file, ZipFile(file, "w", ZIP_STORED) as archive:
        for member in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(ZipInfo(str(member.relative_to(folder))), member.read_bytes())
