"""Types of samples and numbers of bits, for every format but TIFF."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import nibabel as nib
import nrrd
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.pixels.processing import convert_color_space

from tests.support.dicom.files import picture, write
from tests.support.format_cases.case import FormatCase
from tests.support.format_cases.checks import image_of, volume_of
from tests.support.format_cases.readers import by_nibabel, by_pillow, by_pynrrd, by_simpleitk
from tests.support.placed_scans import itk, oblique

_RANDOM = np.random.default_rng(8)
_PIXELS = np.repeat(np.repeat(_RANDOM.integers(0, 255, (4, 5, 3)), 4, 0), 4, 1).astype(np.uint8)
_VOXELS = _RANDOM.integers(0, 120, (3, 4, 5))
_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
_ALL = (*_TYPES, "float32", "float64")


def _nifti(dtype: str) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        image = nib.Nifti1Image(_VOXELS.astype(dtype), oblique(), dtype=np.dtype(dtype))
        image.header.set_xyzt_units("mm")
        nib.save(image, folder / "a.nii")
        return folder / "a.nii"

    return write_file


def _rgb_nifti(folder: Path) -> Path:
    voxels = np.zeros((3, 4, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    image = nib.Nifti1Image(voxels, oblique())
    image.header.set_xyzt_units("mm")
    nib.save(image, folder / "a.nii")
    return folder / "a.nii"


def _nrrd(dtype: str) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        header = {
            "space": "left-posterior-superior",
            "space directions": np.eye(3),
            "space origin": np.zeros(3),
            "space units": ["mm"] * 3,
        }
        nrrd.write(str(folder / "a.nrrd"), _VOXELS.astype(dtype), header)
        return folder / "a.nrrd"

    return write_file


def _metaimage(dtype: str) -> Callable[[Path], Path]:
    return lambda folder: itk(folder, _VOXELS.astype(dtype), oblique(), ".mha")


def _mgh(dtype: str) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        nib.save(nib.MGHImage(_VOXELS.astype(dtype), oblique()), folder / "a.mgz")
        return folder / "a.mgz"

    return write_file


def _pillow(kind: str, mode: str, **options: Any) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        image = Image.fromarray(_PIXELS)
        if mode == "I;16":
            image = Image.fromarray(_PIXELS[..., 0].astype(np.uint16) * 257)
        elif mode != "RGB":
            image = image.convert(mode)
        data = io.BytesIO()
        image.save(data, kind, **options)
        (folder / "a").write_bytes(data.getvalue())
        return folder / "a"

    return write_file


def _rgb16_png(folder: Path) -> Path:
    data = imagecodecs.png_encode(_PIXELS.astype(np.uint16) * 257)
    (folder / "a").write_bytes(bytes(data))
    return folder / "a"


def _jpeg2000(bits: int, *, signed: bool = False, samples: int = 1) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        values = _PIXELS[..., :samples].astype(np.int64) * (1 << max(bits - 8, 0)) >> max(
            8 - bits, 0
        )
        values = (values - (1 << (bits - 1)) if signed else values).squeeze()
        kind = f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}"
        data = imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(values.astype(kind)), bitspersample=bits, reversible=True
        )
        (folder / "a").write_bytes(bytes(data))
        return folder / "a"

    return write_file


def _decoded(decode: Callable[[bytes], Any]) -> Callable[[Path], NDArray[Any]]:
    return lambda path: np.asarray(decode(path.read_bytes()))


def _dicom(
    values: NDArray[Any], expected: NDArray[Any], kind: str, variant: str, **changes: Any
) -> FormatCase:
    def write_file(folder: Path) -> Path:
        image: Dataset = picture(values)
        for keyword, value in changes.items():
            setattr(image, keyword, value)
        (path,) = write([image], folder)
        return path

    return FormatCase(
        format="dicom", kind=kind, variant=variant, write=write_file,
        oracle="the stored values (PS3.3, C.7.6.3)", check=image_of(lambda _: expected),
    )  # fmt: skip


_GREY = _PIXELS[..., 0]
_DEEP = (_GREY.astype(np.uint16) << 4) | 5
_BITS12 = {"BitsStored": 12, "HighBit": 11}
DICOM = [
    _dicom(_GREY, _GREY, "MONOCHROME2", "8 bits"),
    _dicom(_DEEP, _DEEP, "MONOCHROME2", "12 of 16 bits", **_BITS12),
    _dicom(_DEEP | 0xF000, _DEEP, "MONOCHROME2", "12 of 16 bits, the others in use", **_BITS12),
    _dicom(
        _DEEP << 4, _DEEP, "MONOCHROME2", "12 upper bits of 16 (HighBit 15)",
        BitsStored=12, HighBit=15,
    ),
    _dicom(_DEEP * 16, _DEEP * 16, "MONOCHROME2", "16 bits"),
    _dicom(
        _DEEP, np.where(_DEEP > 2047, _DEEP.astype(int) - 4096, _DEEP), "MONOCHROME2",
        "12 of 16 bits, signed", **_BITS12, PixelRepresentation=1,
    ),
    _dicom(
        _GREY, 255 - _GREY, "MONOCHROME1", "8 bits", PhotometricInterpretation="MONOCHROME1"
    ),
    _dicom(
        _DEEP, 4095 - _DEEP, "MONOCHROME1", "12 of 16 bits", **_BITS12,
        PhotometricInterpretation="MONOCHROME1",
    ),
    _dicom(_PIXELS, _PIXELS, "RGB", "8 bits"),
]  # fmt: skip
_PALETTE = {
    "PhotometricInterpretation": "PALETTE COLOR",
    **{
        f"{name}PaletteColorLookupTable{part}": value
        for name in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [256, 0, 8]), ("Data", bytes(range(255, -1, -1))))
    },
}
DICOM += [
    _dicom(
        _DEEP, -1 - np.where(_DEEP > 2047, _DEEP.astype(int) - 4096, _DEEP), "MONOCHROME1",
        "12 of 16 bits, signed", **_BITS12, PixelRepresentation=1,
        PhotometricInterpretation="MONOCHROME1",
    ),
    _dicom(
        _PIXELS, convert_color_space(_PIXELS, "YBR_FULL", "RGB"), "YBR_FULL", "8 bits",
        PhotometricInterpretation="YBR_FULL",
    ),
    _dicom(
        _GREY, np.repeat(255 - _GREY[..., None], 3, axis=-1), "PALETTE COLOR", "8 bits",
        **_PALETTE,
    ),
    _dicom(_GREY.astype(np.uint32) << 20, _GREY.astype(np.uint32) << 20, "MONOCHROME2", "32 bits"),
]  # fmt: skip
BITS = [
    *(
        FormatCase(
            format=name, kind="voxels", variant=dtype, oracle=oracle,
            write=writer(dtype), check=volume_of(read),
        )
        for name, oracle, writer, read, types in (
            ("nifti", "nibabel", _nifti, by_nibabel, _ALL),
            ("nrrd", "pynrrd", _nrrd, by_pynrrd, _ALL),
            ("metaimage", "SimpleITK", _metaimage, by_simpleitk, _ALL),
            ("mgh", "nibabel", _mgh, by_nibabel, ("uint8", "int16", "int32", "float32")),
        )
        for dtype in types
    ),
    *(
        FormatCase(
            format="nifti", kind="voxels", variant=variant, oracle="", write=writer, check=None
        )
        for variant, writer in (
            ("complex64", _nifti("complex64")), ("RGB24", _rgb_nifti),
        )
    ),
    *(
        FormatCase(
            format="png", kind="pixels", variant=variant, oracle="Pillow",
            write=_pillow("PNG", mode, **options), check=image_of(by_pillow),
        )
        for variant, mode, options in (
            ("grey, 1 bit", "1", {}), ("grey, 8 bits", "L", {}), ("grey, 16 bits", "I;16", {}),
            ("palette, 2 bits", "P", {"bits": 2}), ("palette, 8 bits", "P", {}),
            ("RGB, 8 bits", "RGB", {}), ("RGBA, 8 bits", "RGBA", {}),
        )
    ),
    FormatCase(
        format="png", kind="pixels", variant="RGB, 16 bits", oracle="libpng",
        write=_rgb16_png, check=image_of(_decoded(imagecodecs.png_decode)),
    ),
    *(
        FormatCase(
            format=name, kind="pixels", variant=variant, oracle=oracle,
            write=_pillow(kind, mode, **options), check=image_of(read),
        )
        for name, kind, variant, mode, oracle, read, options in (
            ("jpeg", "JPEG", "grey", "L", "Pillow", by_pillow, {}),
            ("jpeg", "JPEG", "RGB", "RGB", "Pillow", by_pillow, {}),
            ("bmp", "BMP", "1 bit", "1", "Pillow", by_pillow, {}),
            ("bmp", "BMP", "grey", "L", "Pillow", by_pillow, {}),
            ("bmp", "BMP", "palette", "P", "Pillow", by_pillow, {}),
            ("bmp", "BMP", "RGB", "RGB", "Pillow", by_pillow, {}),
            ("webp", "WEBP", "RGB, lossy", "RGB", "Pillow", by_pillow, {}),
            ("webp", "WEBP", "RGB, lossless", "RGB", "Pillow", by_pillow, {"lossless": True}),
        )
    ),
    *(
        FormatCase(
            format="jpeg2000", kind="pixels", variant=variant, oracle="OpenJPEG",
            write=_jpeg2000(bits, signed=signed, samples=samples),
            check=image_of(_decoded(imagecodecs.jpeg2k_decode)),
        )
        for variant, bits, signed, samples in (
            ("grey, 8 bits", 8, False, 1), ("grey, 12 bits", 12, False, 1),
            ("grey, 16 bits", 16, False, 1), ("grey, 12 bits, signed", 12, True, 1),
            ("RGB, 8 bits", 8, False, 3),
        )
    ),
    *DICOM,
]  # fmt: skip
