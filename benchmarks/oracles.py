"""What other libraries read from a scan: the values of each part, and where its voxels lie."""

import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK
import tifffile
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

MOST_SECONDS = 20
"""For a file: some test files have directories without end."""
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
MILLIMETRES = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""By the NIfTI code of a unit of length."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One volume or image."""

    values: NDArray[Any]
    """(c, *spatial)."""
    affine: NDArray[np.float64] | None = None
    """(4, 4): index along the spatial axes -> RAS+ mm; None where the library states none."""
    padding: NDArray[np.bool_] | None = None
    """Values that are padding by the file, which Tessera replaces; None where none is."""


def readings(path: Path) -> list[Reading] | None:
    """The parts of a file in its own order; None where no library reads it as an image."""
    signal.signal(signal.SIGALRM, _interrupt)
    for oracle in _oracles(path):
        signal.alarm(MOST_SECONDS)
        try:
            return oracle(path)
        except Exception:  # noqa: BLE001 - each library has its own errors
            continue
        finally:
            signal.alarm(0)
    return None


def _interrupt(*_: object) -> None:
    raise TimeoutError


def _oracles(path: Path) -> list[Callable[[Path], list[Reading]]]:
    with path.open("rb") as file:
        head = file.read(132)
    if head[128:] == b"DICM":
        return [_dicom]
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return [_tiff]
    if head.startswith(b"NRRD") or b"ObjectType" in head:
        return [_simple_itk]
    if head.startswith(b"\x89PNG") and head[24:26] == b"\x10\2":  # Pillow reads 8 of its 16 bits
        return [_simple_itk]
    if head.startswith((b"\x89PNG", b"\xff\xd8", b"BM", b"GIF8")) or head[8:12] == b"WEBP":
        return [_pillow]
    return [_nibabel, _pillow, _dicom]


def _nibabel(path: Path) -> list[Reading]:
    image = nibabel.load(path)
    values = np.asanyarray(image.dataobj)
    if values.dtype.names:
        values = np.stack([values[name] for name in values.dtype.names], axis=-1)
        values = values.reshape(*values.shape[:3], -1)
        return [Reading(np.moveaxis(values, -1, 0), _affine(image))]
    values = values.reshape(*values.shape[:3], *[1] * (3 - values.ndim), -1, order="F")
    return [Reading(one[None], _affine(image)) for one in np.moveaxis(values, -1, 0)]


def _affine(image: Any) -> NDArray[np.float64]:
    scale = MILLIMETRES.get(int(image.header.get("xyzt_units", 2)) & 7, 1.0)
    return np.diag([scale, scale, scale, 1.0]) @ image.affine


def _simple_itk(path: Path) -> list[Reading]:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    image = reader.Execute()
    size = image.GetDimension()
    values = SimpleITK.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel()
    values = np.moveaxis(values, -1, 0) if components > 1 else values[None]
    if size != 3:
        return [Reading(values)]
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = direction * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return [Reading(values.transpose(0, 3, 2, 1), LPS @ affine)]


def _pillow(path: Path) -> list[Reading]:
    parts = []
    with Image.open(path) as image:
        count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        for number in range(count):  # the first image of an MPO is the photograph (CIPA DC-007)
            image.seek(number)
            parts.append(Reading(_channels(image)))
    return parts


def _channels(image: Image.Image) -> NDArray[Any]:
    """(1 or 3, rows, columns) without transparency."""
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("CMYK", "YCbCr", "HSV", "LAB", "RGBX"):
        image = image.convert("RGB")
    values = np.array(image)
    if values.dtype == bool:
        values = values.astype(np.uint8) * 255
    if values.ndim == 2:
        return values[None]
    return np.moveaxis(values, -1, 0)[: 1 if image.mode in ("LA", "La") else 3]


def _tiff(path: Path) -> list[Reading]:
    """Pages in full resolution: of 8 bits by Pillow and libtiff, of more by tifffile."""
    with tifffile.TiffFile(path) as file:
        pages = [(number, page.aspage()) for number, page in enumerate(file.pages)]
        full = [(number, page) for number, page in pages if not int(page.subfiletype) & 1]
        return [Reading(_page(path, number, page)) for number, page in full]


def _page(path: Path, number: int, page: tifffile.TiffPage) -> NDArray[Any]:
    if page.bitspersample in (1, 2, 4, 8) and page.sampleformat == 1:
        with contextlib.suppress(OSError), Image.open(path) as image:
            image.seek(number)
            return _unturned(image, page)
    return _samples(page)


def _unturned(image: Image.Image, page: tifffile.TiffPage) -> NDArray[Any]:
    """As `_channels`, without the orientation that Pillow applies."""
    values = _channels(image)
    orientation = page.tags.valueof("Orientation", 1)
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(1, 2)
    flips = {2: (2,), 3: (1, 2), 4: (1,), 6: (1,), 7: (1, 2), 8: (2,)}
    return np.flip(values, flips.get(orientation, ()))


def _samples(page: tifffile.TiffPage) -> NDArray[Any]:
    values = page.asarray()
    if "S" in page.axes:
        values = np.moveaxis(values, page.axes.index("S"), 0)
        return values[:3] if page.photometric.name == "RGB" else values
    return values[None]


def _dicom(path: Path) -> list[Reading]:
    data = dcmread(path, force=True)
    values = pixel_array(data)
    grey = int(data.SamplesPerPixel) == 1 and data.PhotometricInterpretation != "PALETTE COLOR"
    if data.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, data)
    count = int(data.get("NumberOfFrames") or 1)
    frames = values.reshape(count, int(data.Rows), int(data.Columns), -1)
    frames = np.moveaxis(frames, -1, 1)[:, :3]
    return [
        Reading(
            _rescaled(one, data, number) if grey else one,
            _frame_affine(data, number),
            _padding(one, data) if grey else None,
        )
        for number, one in enumerate(frames)
    ]


def _padding(stored: NDArray[Any], data: Dataset) -> NDArray[np.bool_] | None:
    """PS3.3, C.7.5.1.1.2: one value, or those up to the limit."""
    if data.get("PixelPaddingValue") is None:
        return None
    first = int(data.PixelPaddingValue)
    second = int(data.get("PixelPaddingRangeLimit", first))
    return (stored >= min(first, second)) & (stored <= max(first, second))


def _groups(data: Dataset, frame: int, name: str) -> Dataset:
    """The item of a functional group, shared or of this frame; else the image itself."""
    per_frame = data.get("PerFrameFunctionalGroupsSequence") or ()
    shared = data.get("SharedFunctionalGroupsSequence") or ()
    for groups in (*per_frame[frame : frame + 1], *shared):
        if groups.get(name):
            return groups[name].value[0]
    return data


def _rescaled(values: NDArray[Any], data: Dataset, frame: int) -> NDArray[Any]:
    if data.PhotometricInterpretation == "MONOCHROME1" and _frame_affine(data, frame) is None:
        top = -1 if data.PixelRepresentation else (1 << int(data.BitsStored)) - 1
        values = top - values.astype(np.int64)
    if data.get("ModalityLUTSequence"):
        return apply_modality_lut(values, data)
    state = _groups(data, frame, "PixelValueTransformationSequence")
    slope, offset = state.get("RescaleSlope"), state.get("RescaleIntercept")
    if slope is None or not float(slope):
        return values
    return values * float(slope) + float(offset or 0)


def _frame_affine(data: Dataset, frame: int) -> NDArray[np.float64] | None:
    """(column, row, any) -> RAS+ mm; None for an image without a place in the patient."""
    place = _groups(data, frame, "PlanePositionSequence").get("ImagePositionPatient")
    turn = _groups(data, frame, "PlaneOrientationSequence").get("ImageOrientationPatient")
    spacing = _groups(data, frame, "PixelMeasuresSequence").get("PixelSpacing")
    if not place or not turn or not spacing:
        return None
    affine = np.eye(4)
    affine[:3, 0] = np.array(turn[:3], float) * float(spacing[1])
    affine[:3, 1] = np.array(turn[3:], float) * float(spacing[0])
    affine[:3, 2] = np.cross(turn[:3], turn[3:])
    affine[:3, 3] = np.array(place, float)
    return LPS @ affine
