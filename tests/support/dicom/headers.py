"""Headers of DICOM acquisitions that nobody made, in any orientation, and scans of them."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)
from pydicom.valuerep import DSfloat
from scipy import ndimage

from imaging.formats.dicom.planes import Planes
from imaging.mask_description import Code, MaskDescription, Segment
from imaging.scan import Scan
from imaging.scan_display import ScanDisplay, ValueUnit

MADE_AT = 1_700_000_000.0
_SLANT = np.array([0.36, 0.48, -0.8, -0.8, 0.6, 0.0])
ORIENTATIONS = {
    "axial": (1, 0, 0, 0, 1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "oblique": tuple(_SLANT),
}
SHAPE = (7, 12, 10)
"""Planes, rows, columns."""
SPACING = (0.9, 0.7)
GAP = 2.5


@dataclass(frozen=True, eq=False)
class Acquired:
    """As a DICOM scan's `source` behaves, of a grid whose k-th slice is the k-th plane."""

    kept: Planes

    @property
    def uid(self) -> str:
        return str(self.kept.headers[0].SeriesInstanceUID)

    @property
    def images(self) -> str:
        return "\0".join(str(header.SOPInstanceUID) for header in self.kept.headers)

    def header(self) -> Dataset:
        return self.kept.headers[0]

    @property
    def modality(self) -> str:
        return str(self.kept.headers[0].get("Modality") or "")

    @property
    def body_part(self) -> str:
        return str(self.kept.headers[0].get("BodyPartExamined") or "")

    @property
    def value_unit(self) -> ValueUnit:
        return "HU" if self.modality == "CT" else ""

    def display(self, secret: bytes) -> ScanDisplay:
        del secret
        return ScanDisplay()

    @property
    def has_planes(self) -> bool:
        return True

    @property
    def has_position(self) -> bool:
        return "ImagePositionPatient" in self.kept.headers[0]

    def planes(self) -> Planes:
        return self.kept

    def on_planes(self, mask: NDArray[Any]) -> NDArray[Any]:
        """(i, j, k), or a picture's (row, column), -> (planes, rows, columns)."""
        return mask[np.newaxis] if mask.ndim == 2 else np.moveaxis(mask, (0, 1, 2), (2, 1, 0))


def series(
    orientation: Sequence[float] = ORIENTATIONS["axial"],
    *,
    shape: tuple[int, int, int] = SHAPE,
    backwards: bool = False,
    enhanced: bool = False,
) -> Acquired:
    """A series of MR planes in order along their normal, or against it (`backwards`)."""
    count, rows, columns = shape
    along = np.array(orientation, float).reshape(2, 3)
    normal = np.cross(*along) * (-1 if backwards else 1)
    positions = [np.array([-31.5, 12.25, 40]) + n * GAP * normal for n in range(count)]
    if enhanced:
        header = _enhanced(along, positions, rows, columns)
        return Acquired(Planes((header,), tuple((0, n) for n in range(count))))
    uids: list[str] = [generate_uid() for _ in range(3)]
    headers = tuple(_classic(along, p, rows, columns, n, uids) for n, p in enumerate(positions))
    return Acquired(Planes(headers, tuple((n, 0) for n in range(count))))


def picture(rows: int = 12, columns: int = 10) -> Acquired:
    """A secondary capture without any place in space."""
    header = _patient(SecondaryCaptureImageStorage, "OT")
    header.SOPInstanceUID, header.StudyInstanceUID, header.SeriesInstanceUID = (
        generate_uid() for _ in range(3)
    )
    header.Rows, header.Columns, header.InstanceNumber = rows, columns, 1
    return Acquired(Planes((header,), ((0, 0),)))


def scan_of(acquired: Acquired) -> Scan:
    """A scan on the planes: i along a row, j down a column, k from plane to plane."""
    header = acquired.kept.headers[0]
    flat = "ImagePositionPatient" not in header and "NumberOfFrames" not in header
    count, rows, columns = len(acquired.kept.frames), header.Rows, header.Columns
    shape = (1, rows, columns) if flat else (1, columns, rows, count)
    return Scan(
        shape=shape,
        dtype=np.dtype(np.int16),
        affine=np.eye(4) if flat else affine_of(acquired),
        spacing_mm=None if flat else (SPACING[1], SPACING[0], GAP),
        format="dicom",
        reader=lambda box: np.zeros((1, *box.shape), np.int16),
        stored_shape=shape[1:],
        source=acquired,
    )


def affine_of(acquired: Acquired) -> NDArray[np.float64]:
    """(i, j, k) -> RAS+ mm, worked out from the headers alone (PS3.3 C.7.6.2.1.1)."""
    corners = [_where(acquired.kept, n) for n in (0, -1)]
    (first, orientation, spacing), (last, _, _) = corners
    matrix = np.eye(4)
    matrix[:3, 0] = orientation[:3] * spacing[1]
    matrix[:3, 1] = orientation[3:] * spacing[0]
    matrix[:3, 2] = (last - first) / max(1, len(acquired.kept.frames) - 1)
    matrix[:3, 3] = first
    return np.diag([-1, -1, 1, 1]) @ matrix


def files(acquired: Acquired, seed: int = 0) -> list[bytes]:
    """The instances as files, with pixels: smooth noise from 0 to 255."""
    planes = acquired.kept
    header = planes.headers[0]
    shape = (len(planes.frames), header.Rows, header.Columns)
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 2)
    values = ((smooth - smooth.min()) / np.ptp(smooth) * 255).astype("<u2")
    made = []
    for number, header in enumerate(planes.headers):
        mine = [plane for plane, (which, _) in enumerate(planes.frames) if which == number]
        dataset = deepcopy(header)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        dataset.PixelRepresentation = 0
        dataset.PixelData = values[mine].tobytes()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        buffer = BytesIO()
        dcmwrite(buffer, dataset, enforce_file_format=True)
        made.append(buffer.getvalue())
    return made


def mask_description(
    *names: str, numbers: Sequence[int] = (), instances: bool = False
) -> MaskDescription:
    """Labels of these names, numbered from 1 unless told otherwise."""
    structure = Code("123037004", "SCT", "Anatomical Structure")
    colors = ("#e6550d", "#3182bd", "#31a354")
    return MaskDescription(
        segments=tuple(
            Segment(
                number=numbers[n] if numbers else n + 1,
                name=name,
                color=colors[n % 3],
                category=structure,
                type=Code("10200004", "SCT", "Liver") if n else Code("thing", "99TESSERA", name),
                modifier=Code("7771000", "SCT", "Left") if n else None,
            )
            for n, name in enumerate(names)
        ),
        algorithm="blobs-3d",
        version="2",
        instances=instances,
    )


def blobs(shape: tuple[int, ...] = SHAPE, labels: int = 2, seed: int = 0) -> NDArray[np.uint8]:
    """A mask (planes, rows, columns) of random blobs without any symmetry."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, np.uint8)
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    for label in range(1, labels + 1):
        middle, size = rng.uniform(0.2, 0.8, 3) * shape, rng.uniform(0.2, 0.4, 3) * shape
        mask[(((places - middle) / size) ** 2).sum(-1) < 1] = label
    mask[0, 0, 1] = mask[-1, 2, -1] = 1
    return mask


def _patient(kind: str, modality: str) -> Dataset:
    header = Dataset()
    header.SOPClassUID, header.Modality = kind, modality
    header.SpecificCharacterSet = "ISO_IR 100"
    header.PatientName, header.PatientID = "Müller^Jörg", "P1"
    header.PatientBirthDate, header.PatientSex = "19700203", "O"
    header.StudyDate, header.StudyTime = "20200102", "030405"
    header.StudyID, header.AccessionNumber, header.ReferringPhysicianName = "7", "A1", ""
    header.StudyDescription, header.SeriesNumber = "Test", 3
    return header


def _classic(
    along: NDArray[np.float64], position: NDArray[np.float64], rows: int, columns: int,
    number: int, uids: list[str],
) -> Dataset:  # fmt: skip
    header = _patient(MRImageStorage, "MR")
    header.StudyInstanceUID, header.SeriesInstanceUID, header.FrameOfReferenceUID = uids
    header.SOPInstanceUID = generate_uid()
    header.InstanceNumber = 100 - number
    header.Rows, header.Columns = rows, columns
    header.ImagePositionPatient = _decimals(position)
    header.ImageOrientationPatient = _decimals(along.ravel())
    header.PixelSpacing, header.SliceThickness = list(SPACING), 2.0
    header.PositionReferenceIndicator = ""
    return header


def _enhanced(
    along: NDArray[np.float64], positions: list[NDArray[np.float64]], rows: int, columns: int
) -> Dataset:
    header = _patient(EnhancedMRImageStorage, "MR")
    header.SOPInstanceUID, header.StudyInstanceUID, header.SeriesInstanceUID = (
        generate_uid() for _ in range(3)
    )
    header.FrameOfReferenceUID, header.PositionReferenceIndicator = generate_uid(), ""
    header.NumberOfFrames, header.Rows, header.Columns = len(positions), rows, columns
    header.InstanceNumber = 1
    shared = Dataset()
    shared.PlaneOrientationSequence = Items([_item("ImageOrientationPatient", along.ravel())])
    measures = _item("PixelSpacing", SPACING)
    measures.SliceThickness = 2.0
    shared.PixelMeasuresSequence = Items([measures])
    header.SharedFunctionalGroupsSequence = Items([shared])
    header.PerFrameFunctionalGroupsSequence = Items([_frame(p) for p in positions])
    return header


def _frame(position: NDArray[np.float64]) -> Dataset:
    item = Dataset()
    item.PlanePositionSequence = Items([_item("ImagePositionPatient", position)])
    return item


def _item(keyword: str, numbers: Sequence[float] | NDArray[np.float64]) -> Dataset:
    item = Dataset()
    setattr(item, keyword, _decimals(numbers))
    return item


def _decimals(numbers: Sequence[float] | NDArray[np.float64]) -> list[DSfloat]:
    return [DSfloat(float(n), auto_format=True) for n in numbers]


def _where(planes: Planes, number: int) -> tuple[NDArray[np.float64], ...]:
    header, frame = planes.headers[planes.frames[number][0]], planes.frames[number][1]
    if "PerFrameFunctionalGroupsSequence" in header:
        shared = header.SharedFunctionalGroupsSequence[0]
        own = header.PerFrameFunctionalGroupsSequence[frame]
        found = (
            own.PlanePositionSequence[0].ImagePositionPatient,
            shared.PlaneOrientationSequence[0].ImageOrientationPatient,
            shared.PixelMeasuresSequence[0].PixelSpacing,
        )
    else:
        found = (header.ImagePositionPatient, header.ImageOrientationPatient, header.PixelSpacing)
    return tuple(np.array([float(n) for n in value]) for value in found)
