"""DICOM files of volumes that nobody acquired: any orientation, classic or enhanced."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.data.data_manager import DATA_ROOT
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)
from pydicom.valuerep import DSfloat

PATIENT = "Nobody^Norma"
NUMBER = "SECRET-4711"
DESCRIPTION = "T1 of Norma"
"""What must be in no message and no log."""
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


def classic(
    volume: NDArray[Any], affine: NDArray[np.float64], *, modality: str = "MR", **changes: Any
) -> list[Dataset]:
    """One image a slice; `volume` is (i: along a row, j: down a column, k), affine to RAS+ mm.

    `changes` are attributes of every image. Instance numbers run against the slices.
    """
    series = _uids()
    return [
        _slice(volume[..., k], affine, k, volume.shape[2] - k, modality, series, changes)
        for k in range(volume.shape[2])
    ]


def enhanced(
    volumes: Iterable[NDArray[Any]], affine: NDArray[np.float64], **changes: Any
) -> Dataset:
    """One multi-frame MR of several moments, the frames of all mixed."""
    volumes = list(volumes)
    count = volumes[0].shape[2]
    order = [(k, t) for k in range(count) for t in range(len(volumes))]
    image = _image(EnhancedMRImageStorage, "MR", _uids(), changes)
    frames = np.stack([volumes[t][..., k].T for k, t in order]).astype(np.int16)
    _pixels(image, frames, signed=True)
    image.NumberOfFrames = len(order)
    shared = Dataset()
    shared.PlaneOrientationSequence = Sequence([_item(ImageOrientationPatient=_cosines(affine))])
    measures = _item(PixelSpacing=_spacing(affine))
    measures.SliceThickness = _number(np.linalg.norm(affine[:3, 2]))
    shared.PixelMeasuresSequence = Sequence([measures])
    image.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for k, t in order:
        group = Dataset()
        group.PlanePositionSequence = Sequence([_item(ImagePositionPatient=_position(affine, k))])
        content = Dataset()
        content.StackID, content.InStackPositionNumber = "1", count - k
        content.TemporalPositionIndex = t + 1
        group.FrameContentSequence = Sequence([content])
        groups.append(group)
    image.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return image


def picture(values: NDArray[Any], **changes: Any) -> Dataset:
    """A secondary capture of (rows, columns) or (rows, columns, 3)."""
    image = _image(SecondaryCaptureImageStorage, "OT", _uids(), changes)
    image.ConversionType = "WSD"
    _pixels(image, values, signed=False)
    for keyword, value in changes.items():
        setattr(image, keyword, value)
    return image


def as_bytes(image: Dataset) -> bytes:
    """The file that `write` writes."""
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def write(images: Iterable[Dataset], folder: Path, seed: int = 0) -> list[Path]:
    """Writes each into the folder under a name that says nothing, in no order."""
    folder.mkdir(parents=True, exist_ok=True)
    images = list(images)
    names = np.random.default_rng(seed).permutation(len(images))
    paths = [folder / f"{PATIENT}-{name:04}" for name in names]
    for image, path in zip(images, paths, strict=True):
        image.save_as(path, enforce_file_format=True)
    return sorted(paths)


def _uids() -> dict[str, str]:
    names = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
    return {name: generate_uid() for name in names}


def _image(kind: str, modality: str, series: dict[str, str], changes: dict[str, object]) -> Dataset:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = kind, generate_uid()
    image.PatientName, image.PatientID = PATIENT, NUMBER
    image.PatientBirthDate, image.PatientSex = "19700203", "O"
    image.StudyDate, image.StudyTime, image.StudyID = "20200102", "030405", "7"
    image.AccessionNumber, image.ReferringPhysicianName = "A1", ""
    image.SeriesDescription, image.Modality, image.SeriesNumber = DESCRIPTION, modality, 3
    image.ImageType = ["ORIGINAL", "PRIMARY"]
    for keyword, value in {**series, **changes}.items():
        setattr(image, keyword, value)
    return image


def _slice(
    values: NDArray[Any],
    affine: NDArray[np.float64],
    k: int,
    number: int,
    modality: str,
    series: dict[str, str],
    changes: dict[str, object],
) -> Dataset:
    image = _image(CTImageStorage if modality == "CT" else MRImageStorage, modality, series, {})
    image.InstanceNumber = number
    image.ImageOrientationPatient = _cosines(affine)
    image.ImagePositionPatient = _position(affine, k)
    image.PixelSpacing = _spacing(affine)
    image.SliceThickness = _number(np.linalg.norm(affine[:3, 2]))
    _pixels(image, values.T, signed=True)
    for keyword, value in changes.items():
        setattr(image, keyword, value)
    return image


def _pixels(image: Dataset, values: NDArray[Any], *, signed: bool) -> None:
    """(rows, columns), (frames, rows, columns) or (rows, columns, 3)."""
    color = values.ndim == 3 and values.shape[-1] == 3
    kind = np.int16 if signed else values.dtype
    image.SamplesPerPixel = 3 if color else 1
    image.PhotometricInterpretation = "RGB" if color else "MONOCHROME2"
    if color:
        image.PlanarConfiguration = 0
    image.Rows, image.Columns = values.shape[:2] if color else values.shape[-2:]
    image.BitsAllocated = image.BitsStored = np.dtype(kind).itemsize * 8
    image.HighBit, image.PixelRepresentation = image.BitsStored - 1, int(signed)
    content = values.astype(kind).tobytes()
    image.PixelData = content + b"\0" * (len(content) % 2)


def _position(affine: NDArray[np.float64], k: int) -> list[DSfloat]:
    return _numbers(RAS_TO_LPS @ (affine[:3, 3] + k * affine[:3, 2]))


def _cosines(affine: NDArray[np.float64]) -> list[DSfloat]:
    axes = RAS_TO_LPS @ affine[:3, :2]
    return _numbers((axes / np.linalg.norm(axes, axis=0)).T.ravel())


def _spacing(affine: NDArray[np.float64]) -> list[DSfloat]:
    return _numbers(np.linalg.norm(affine[:3, [1, 0]], axis=0))


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _numbers(values: Iterable[float]) -> list[DSfloat]:
    return [_number(value) for value in values]


def _number(value: SupportsFloat) -> DSfloat:
    return DSfloat(float(value), auto_format=True)


def pydicom_files() -> list[Path]:
    """pydicom's own test files, those that its package holds; the library downloads more."""
    return sorted(path for path in Path(DATA_ROOT, "test_files").rglob("*") if path.is_file())


def pydicom_file(name: str) -> Path:
    """Path of one of these files."""
    found = next((path for path in pydicom_files() if path.name == name), None)
    assert found is not None, f"pydicom's package holds no file {name}."
    return found
