"""One SOP instance: the part of its header that places and decodes its pixels, and its file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    VLWholeSlideMicroscopyImageStorage,
)

from imaging.formats.dicom.deflated import read_header

Opener = Callable[[], BinaryIO]
"""Opens the instance's file, seekable, at its start."""

MAGIC = (128, b"DICM")
"""Offset and content of the prefix of a DICOM file (PS3.10, 7.1)."""
_SLICES = (
    *("CT Image Storage", "Enhanced CT Image Storage", "Legacy Converted Enhanced CT Image"),
    *("MR Image Storage", "Enhanced MR Image Storage", "Legacy Converted Enhanced MR Image"),
    *("Enhanced MR Color Image", "Positron Emission Tomography Image", "Enhanced PET Image"),
    "Legacy Converted Enhanced PET Image",
)
_IMAGES = (
    *_SLICES,
    *("Computed Radiography", "Digital X-Ray Image"),
    *("Digital Mammography X-Ray Image", "Digital Intra-Oral X-Ray Image", "X-Ray Angiographic"),
    *("X-Ray Radiofluoroscopic", "Ultrasound Image", "Ultrasound Multi-frame", "Secondary Capture"),
    *("Multi-frame", "Nuclear Medicine Image", "Ophthalmic Photography"),
    *("VL Endoscopic", "VL Microscopic", "VL Slide-Coordinates", "VL Photographic"),
    *("VL Whole Slide", "Dermoscopic Photography", "Wide Field Ophthalmic Photography"),
    *("Enhanced XA", "Enhanced XRF"),
)
"""First words of the names of supported storage classes (PS3.4, B.5)."""


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An image that can be decoded; none of its pixels has been read."""

    header: Dataset
    """The attributes that place and decode it; see `whole_header` for all."""
    open: Opener

    @property
    def series(self) -> str:
        """SeriesInstanceUID."""
        return str(self.header.SeriesInstanceUID)

    @property
    def number_of_frames(self) -> int:
        """NumberOfFrames; 1 where the header has none."""
        return int(self.header.get("NumberOfFrames") or 1)

    @property
    def is_slice(self) -> bool:
        """Whether its storage class is one of slices, which must state their position.

        Modality does not tell: a dose report that a CT stores as a secondary capture is CT as well.
        """
        return UID(self.header.SOPClassUID).name.startswith(_SLICES)

    @property
    def is_cine(self) -> bool:
        """Whether it has several frames without functional groups of their own."""
        return self.number_of_frames > 1 and not self.header.get("PerFrameFunctionalGroupsSequence")

    @property
    def is_whole_slide(self) -> bool:
        """Whether its frames are the tiles of one image (PS3.3, A.32.8)."""
        return bool(self.header.SOPClassUID == VLWholeSlideMicroscopyImageStorage)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a frame, or of a whole slide."""
        names = ("TotalPixelMatrixRows", "TotalPixelMatrixColumns")
        if self.is_whole_slide and all(self.header.get(name) for name in names):
            return int(self.header.TotalPixelMatrixRows), int(self.header.TotalPixelMatrixColumns)
        return int(self.header.Rows), int(self.header.Columns)

    @property
    def is_color(self) -> bool:
        """Whether a pixel is a colour: several samples, or an entry of a palette."""
        return "MONOCHROME" not in str(self.header.PhotometricInterpretation)

    @property
    def is_deflated(self) -> bool:
        """Whether the file is deflated (PS3.5, A.5): pydicom does not decode its frames one by
        one."""
        syntax = self.header.file_meta.get("TransferSyntaxUID", "")
        return bool(syntax == DeflatedExplicitVRLittleEndian)

    def whole_header(self) -> Dataset:
        """Reads every attribute but the pixel data."""
        with self.open() as file:
            return read_header(file, force=True)


def image_kinds(header: Dataset) -> frozenset[str]:
    """The values of ImageType, in upper case, however many there are."""
    value = header.get("ImageType") or ()
    return frozenset(str(n).upper() for n in ([value] if isinstance(value, str) else value))


def opener(path: Path) -> Opener:
    """Opens a file of its own."""
    return lambda: path.open("rb")


def is_image(sop_class: str) -> bool:
    """Whether a storage class, by its UID, is one of supported images."""
    return UID(sop_class).name.startswith(_IMAGES)
