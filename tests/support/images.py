"""Small files of scans as bytes."""

import io

import nibabel
import numpy as np
from PIL import Image


def nifti_bytes(
    shape: tuple[int, ...] = (5, 6, 7), seed: int = 0, *, affine: np.ndarray | None = None
) -> bytes:
    """A small uncompressed int16 volume, written by nibabel."""
    voxels = np.random.default_rng(seed).integers(-500, 500, shape, dtype=np.int16)
    image = nibabel.Nifti1Image(voxels, np.diag([1, 2, 3, 1]) if affine is None else affine)
    return bytes(image.to_bytes())


def png_bytes(shape: tuple[int, ...] = (9, 11, 3), seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "png")
    return out.getvalue()
