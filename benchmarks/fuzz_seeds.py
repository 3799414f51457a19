"""Small files of every scan format, which benchmarks/fuzz.py damages."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import imagecodecs
import nibabel
import numpy as np
import SimpleITK
import tifffile
from PIL import Image

from imaging.formats import mask_file
from imaging.scan import in_memory
from tests.imaging import test_slides
from tests.support import tiff_files
from tests.support.dicom import files as dicom_files
from tests.support.dicom.mosaic import mosaic
from tests.support.dicom.mr_series import as_bytes, series
from tests.support.dicom.scans import voxels

_RANDOM = np.random.default_rng(0)
_GREY = _RANDOM.integers(0, 255, (4, 20, 30)).astype(np.uint16)
_RGB = np.kron(_RANDOM.integers(0, 255, (9, 11, 3)), np.ones((6, 6, 1))).astype(np.uint8)
_AFFINE = np.array([[0, 2.0, 0, 1], [-1.5, 0, 0, 2], [0, 0, 3, 3], [0, 0, 0, 1]])
_DICOM = (
    *("MR_small.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm", "examples_overlay.dcm"),
    *("SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_jpeg_dcmtk.dcm", "image_dfl.dcm"),
    *("JPEG-lossy.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_bigendian.dcm"),
)


def seeds() -> dict[str, list[bytes]]:
    """The files by the name of their format, and `archives`."""
    return {name: list(made()) for name, made in _MAKERS.items()}


def _pillow(kind: str, *modes: str, **options: object) -> Iterator[bytes]:
    for mode in modes:
        buffer = io.BytesIO()
        Image.fromarray(_RGB).convert(mode).save(buffer, kind, **options)
        yield buffer.getvalue()


def _written(write: Callable[[Path], object], name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        return path.read_bytes()


def _nibabel(kind: type, name: str, *shapes: tuple[int, ...]) -> Iterator[bytes]:
    for shape in shapes:
        values = np.arange(np.prod(shape)).reshape(shape).astype(np.int16)
        yield _written(kind(values, _AFFINE).to_filename, name)


def _nifti() -> Iterator[bytes]:
    yield from _nibabel(nibabel.Nifti1Image, "a.nii", (3, 4, 5), (3, 4, 5, 2), (3, 4, 5, 1, 3))
    yield from _nibabel(nibabel.Nifti2Image, "a.nii", (3, 4, 5))
    yield from _nibabel(nibabel.Nifti1Image, "a.nii.gz", (3, 4, 5), (3, 4, 5, 2))


def _mgh() -> Iterator[bytes]:
    yield from _nibabel(nibabel.MGHImage, "a.mgh", (3, 4, 5), (3, 4, 5, 2))
    yield from _nibabel(nibabel.MGHImage, "a.mgz", (3, 4, 5))


def _itk(*endings: str) -> Iterator[bytes]:
    for values, packed in ((_GREY, False), (_GREY, True), (_RGB[None], False)):
        image = SimpleITK.GetImageFromArray(values, isVector=values.ndim > 3)
        image.SetSpacing((0.5, 2.0, 3.0))
        for ending in endings:
            yield _written(
                lambda path, i=image, p=packed: SimpleITK.WriteImage(i, str(path), p), "a" + ending
            )


def _tiff() -> Iterator[bytes]:
    def one(values: np.ndarray, name: str = "a.tif", **options: object) -> bytes:
        return _written(lambda path: tifffile.imwrite(path, values, **options), name)

    stack = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0}
    yield one(_RGB, photometric="rgb")
    yield one(_RGB, photometric="rgb", tile=(32, 32), compression="jpeg")
    yield one(_RGB, photometric="rgb", tile=(16, 16), compression="jpeg2000")
    yield one(_GREY, "a.ome.tif", metadata=stack, photometric="minisblack")
    grey = {"photometric": "minisblack"}
    yield one(_GREY, "a.ome.tif", metadata={"axes": "CYX"}, bigtiff=True, compression="lzw", **grey)
    yield one(_GREY, imagej=True, metadata={"axes": "ZYX", "unit": "um", "spacing": 2.0})
    yield one(_GREY, compression="zlib", predictor=True, metadata=None, **grey)
    yield one(_RGB[..., 0] > 100, compression="packbits", photometric="miniswhite")
    palette = _RANDOM.integers(0, 65535, (3, 256)).astype(np.uint16)
    yield one(_RGB[..., 0], photometric="palette", colormap=palette)
    with tempfile.TemporaryDirectory() as folder:
        yield test_slides.aperio(Path(folder)).read_bytes()
    for photometric, bits, samples in ((0, 12, 1), (5, 8, 4), (1, 4, 1)):
        kind = np.uint8 if bits <= 8 else np.uint16
        values = _RANDOM.integers(0, 2**bits, (17, 23, samples)).astype(kind)
        yield tiff_files.tiff(tiff_files.page(values, bits, photometric))


def _jpeg2000() -> Iterator[bytes]:
    yield from _pillow("JPEG2000", "RGB", "L")
    grey = _RGB[..., 0].astype(np.uint16) * 9
    yield bytes(imagecodecs.jpeg2k_encode(grey, codecformat="jp2", level=0))
    yield bytes(imagecodecs.jpeg2k_encode(_RGB, codecformat="j2k", level=0))


def _dicom() -> Iterator[bytes]:
    for name in _DICOM:
        yield dicom_files.pydicom_file(name).read_bytes()
    yield as_bytes(series(1)[0])
    yield as_bytes(dicom_files.enhanced([voxels((4, 5, 3))] * 2, _AFFINE))
    yield as_bytes(mosaic(voxels((4, 5, 6)), _AFFINE))


def _ome_zarr() -> Iterator[bytes]:
    scan = in_memory(_GREY[None], (1.0, 2.0, 3.0))
    mask = (_GREY % 3).astype(np.uint8)
    yield _written(lambda path: mask_file.write(path, mask, scan), "a.ome.zarr.zip")


def _archives() -> Iterator[bytes]:
    """Pairs of a header and its voxels, and a series, each in a zip."""
    image = SimpleITK.GetImageFromArray(_GREY)
    nifti = nibabel.Nifti1Pair(_GREY, _AFFINE)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        SimpleITK.WriteImage(image, str(folder / "a.mhd"))
        SimpleITK.WriteImage(image, str(folder / "b.nhdr"))
        nifti.to_filename(folder / "c.hdr")
        for pair in (("a.mhd", "a.raw"), ("b.nhdr", "b.raw"), ("c.hdr", "c.img")):
            yield _zipped({part: (folder / part).read_bytes() for part in pair})
    yield _zipped({f"{n}.dcm": as_bytes(image) for n, image in enumerate(series(4))})


def _zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


_MAKERS: dict[str, Callable[[], Iterator[bytes]]] = {
    "archives": _archives,
    "bmp": lambda: _pillow("BMP", "RGB", "L", "P", "1"),
    "dicom": _dicom,
    "jpeg": lambda: _pillow("JPEG", "RGB", "L", "CMYK", comment=b"text"),
    "jpeg2000": _jpeg2000,
    "metaimage": lambda: _itk(".mha"),
    "mgh": _mgh,
    "nifti": _nifti,
    "nrrd": lambda: _itk(".nrrd"),
    "ome-zarr": _ome_zarr,
    "png": lambda: _pillow("PNG", "RGB", "L", "P", "1", "RGBA", "I;16"),
    "tiff": _tiff,
    "webp": lambda: _pillow("WEBP", "RGB", "RGBA", lossless=True),
}
