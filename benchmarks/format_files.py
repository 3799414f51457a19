"""Files of every format for benchmarks/formats.py, written by other libraries."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import nibabel as nib
import nrrd
import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image

from tests.support.dicom.files import classic, enhanced, write

Array = NDArray[Any]
Writer = Callable[[Path], Path]
GRID = (256, 256, 128)
SIDE = 3072
AFFINE = np.diag([0.9, 0.9, 1.5, 1.0])
_SLIDE_TILE = 512


def voxels() -> Array:
    """int16 (i, j, k): a smooth ball with noise, which compresses as a scan does."""
    i, j, k = np.ogrid[-1 : 1 : GRID[0] * 1j, -1 : 1 : GRID[1] * 1j, -1 : 1 : GRID[2] * 1j]
    ball = np.maximum(0, 1 - i**2 - j**2 - k**2) * 900
    noise: Array = np.random.default_rng(1).normal(0, 12, GRID)
    return (ball + noise).astype(np.int16)


def pixels() -> Array:
    """uint8 (row, column, 3): smooth colours with noise."""
    row, column = np.ogrid[0 : 9 : SIDE * 1j, 0 : 9 : SIDE * 1j]
    waves = np.stack([np.sin(row + n) * np.cos(column - n) for n in range(3)], -1)
    noise = np.random.default_rng(1).normal(0, 6, waves.shape)
    return np.clip(128 + 80 * waves + noise, 0, 255).astype(np.uint8)


def _nibabel(folder: Path, kind: Any, name: str) -> Path:
    image = kind(voxels(), AFFINE)
    nib.save(image, folder / name)
    return folder / name


def _nrrd(folder: Path, encoding: str) -> Path:
    header = {
        "space": "right-anterior-superior",
        "space directions": AFFINE[:3, :3],
        "space origin": np.zeros(3),
        "encoding": encoding,
    }
    nrrd.write(str(folder / "a.nrrd"), voxels(), header, compression_level=4)
    return folder / "a.nrrd"


def _metaimage(folder: Path) -> Path:
    import SimpleITK as sitk  # noqa: N813 - the name that its users know

    image = sitk.GetImageFromArray(voxels().T.copy())
    image.SetSpacing(np.diag(AFFINE)[:3].tolist())
    sitk.WriteImage(image, str(folder / "a.mha"), useCompression=True)
    return folder / "a.mha"


def _ome_zarr(folder: Path) -> Path:
    values = voxels().T
    group = zarr.open_group(folder / "a.zarr", mode="w", zarr_format=2)
    array = group.create_array("0", shape=values.shape, dtype=values.dtype, chunks=(64, 128, 128))
    array[...] = values
    axes: list[Any] = [{"name": n, "type": "space", "unit": "millimeter"} for n in "zyx"]
    steps: list[Any] = [{"type": "scale", "scale": [1.5, 0.9, 0.9]}]
    datasets: list[Any] = [{"path": "0", "coordinateTransformations": steps}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return folder / "a.zarr"


def _classic(folder: Path) -> Path:
    write(classic(voxels(), AFFINE, modality="CT"), folder / "series")
    return folder / "series"


def _enhanced(folder: Path) -> Path:
    (path,) = write([enhanced([voxels()], AFFINE)], folder / "image")
    return path


def _image(folder: Path, kind: str, **options: Any) -> Path:
    data = io.BytesIO()
    Image.fromarray(pixels()).save(data, kind, **options)
    (folder / "a").write_bytes(data.getvalue())
    return folder / "a"


def _jpeg2000(folder: Path) -> Path:
    (folder / "a").write_bytes(bytes(imagecodecs.jpeg2k_encode(pixels(), level=40)))
    return folder / "a"


def _tiff(folder: Path, **options: Any) -> Path:
    tifffile.imwrite(folder / "a.tif", pixels(), photometric="rgb", metadata=None, **options)
    return folder / "a.tif"


SCANS: dict[str, Writer] = {
    "nifti": lambda folder: _nibabel(folder, nib.Nifti1Image, "a.nii"),
    "nifti, gzip": lambda folder: _nibabel(folder, nib.Nifti1Image, "a.nii.gz"),
    "nrrd": partial(_nrrd, encoding="raw"),
    "nrrd, gzip": partial(_nrrd, encoding="gzip"),
    "metaimage, zlib": _metaimage,
    "mgz": lambda folder: _nibabel(folder, nib.MGHImage, "a.mgz"),
    "dicom, 128 files": _classic,
    "dicom, enhanced": _enhanced,
    "ome-zarr": _ome_zarr,
    "png": partial(_image, kind="PNG", compress_level=1),
    "jpeg": partial(_image, kind="JPEG"),
    "bmp": partial(_image, kind="BMP"),
    "webp": partial(_image, kind="WEBP", method=0),
    "jpeg2000": _jpeg2000,
    "tiff, tiled deflate": partial(_tiff, tile=(256, 256), compression="zlib"),
    "tiff, tiled jpeg": partial(_tiff, tile=(256, 256), compression="jpeg"),
    "tiff, strips": _tiff,
}
"""Name -> its writer."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask format, and the scan that the mask belongs to."""

    ending: str
    scan: str
    """A name in SCANS."""


MASKS: dict[str, Mask] = {
    "nifti mask": Mask(".nii.gz", "nifti"),
    "nrrd mask": Mask(".nrrd", "nifti"),
    "metaimage mask": Mask(".mha", "nifti"),
    "mgz mask": Mask(".mgz", "nifti"),
    "ome-zarr mask": Mask(".ome.zarr", "nifti"),
    "dicom-seg": Mask(".seg.dcm", "dicom, 128 files"),
    "dicom-labelmap": Mask(".labelmap.dcm", "dicom, 128 files"),
    "dicom-rtstruct": Mask(".rtstruct.dcm", "dicom, 128 files"),
    "png mask": Mask(".png", "png"),
    "ome-tiff mask": Mask(".ome.tif", "png"),
}


def write_slide(path: Path, size: int) -> Path:
    """An Aperio SVS of about `size` bytes: one image in JPEG tiles of noise, and a thumbnail."""
    noise = np.random.default_rng(3).integers(0, 255, (_SLIDE_TILE, _SLIDE_TILE, 3), np.uint8)
    tile = bytes(imagecodecs.jpeg_encode(noise, level=80, colorspace="RGB", outcolorspace="RGB"))
    across = int(np.ceil(np.sqrt(size / len(tile))))
    text = f"Aperio Image Library v11.2.1\n{across}x{across} JPEG/RGB Q=80|MPP = 0.25"

    def tiles() -> Iterator[bytes]:
        for _ in range(across**2):
            yield tile

    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(
            tiles(), shape=(across * _SLIDE_TILE, across * _SLIDE_TILE, 3), dtype=np.uint8,
            tile=(_SLIDE_TILE, _SLIDE_TILE), photometric="rgb", compression="jpeg",
            description=text, metadata=None,
        )  # fmt: skip
        file.write(noise, photometric="rgb", description=text, metadata=None)
    return path
