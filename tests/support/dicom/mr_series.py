"""MR series that look like a hippocampus' surroundings as little as noise does, made in code."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

PATIENT = "Nobody^Norma"
NUMBER = "NR-4711-SECRET"
DESCRIPTION = "T1 confidential"
"""What must be in no log, no name of a file and no message."""


def series(
    slices: int = 24,
    size: int = 32,
    seed: int = 1,
    *,
    without: tuple[int, ...] = (),
    **changes: Any,
) -> list[Dataset]:
    """An axial series; `without` leaves slices out, `changes` are attributes of every image."""
    rng = np.random.default_rng(seed)
    root = f"2.25.{10_000_000 + seed}"
    found = []
    for number in range(slices):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = MRImageStorage
        image.SpecificCharacterSet = "ISO_IR 192"
        image.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        image.SOPClassUID = MRImageStorage
        image.SOPInstanceUID = f"{root}.1.1.{number + 1}"
        image.StudyInstanceUID, image.SeriesInstanceUID = f"{root}.1", f"{root}.1.1"
        image.FrameOfReferenceUID = f"{root}.9"
        image.StudyDate, image.StudyTime, image.StudyID = "20260302", "101530", "7"
        image.AccessionNumber, image.ReferringPhysicianName = "ACC-99", "Doctor^D"
        image.Modality, image.Manufacturer = "MR", "none"
        image.SeriesDescription, image.BodyPartExamined = DESCRIPTION, "HEAD"
        image.PatientName, image.PatientID = PATIENT, NUMBER
        image.PatientBirthDate, image.PatientSex = "19700101", "O"
        image.PatientPosition, image.PositionReferenceIndicator = "HFS", ""
        image.SeriesNumber, image.InstanceNumber = 3, number + 1
        image.ScanningSequence, image.SequenceVariant, image.ScanOptions = "GR", "NONE", ""
        image.MRAcquisitionType, image.EchoTime, image.RepetitionTime = "3D", "3", "9"
        image.EchoTrainLength = 1
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [-16.0, -20.0, 1.5 * number]
        image.PixelSpacing, image.SliceThickness = [1.0, 1.0], 1.5
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.Rows = image.Columns = size
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
        image.PixelRepresentation = 0
        image.PixelData = rng.integers(0, 900, (size, size), dtype=np.uint16).tobytes()
        for keyword, value in changes.items():
            setattr(image, keyword, value)
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        if number not in without:
            found.append(image)
    return found


def as_bytes(image: Dataset) -> bytes:
    out = io.BytesIO()
    dcmwrite(out, image, enforce_file_format=True)
    return out.getvalue()


def written(images: list[Dataset], folder: Path) -> list[Path]:
    """As files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.dcm" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        path.write_bytes(as_bytes(image))
    return paths
