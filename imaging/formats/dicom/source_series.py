"""The DICOM series that a scan was read from, for results that refer to its images."""

from typing import Any, Protocol

from numpy.typing import NDArray
from pydicom import Dataset

from imaging.formats.dicom.planes import Planes
from imaging.scan_display import ScanDisplay, ValueUnit


class SourceSeries(Protocol):
    """What a scan keeps of its DICOM series."""

    @property
    def uid(self) -> str:
        """SeriesInstanceUID (PS3.3, C.7.3.1)."""
        ...

    @property
    def images(self) -> str:
        """A checksum of the SOP Instance UIDs and frame numbers, in order along the normal. It is
        the same whatever way the files took."""
        ...

    def header(self) -> Dataset:
        """The whole header of the first image, without pixel data."""
        ...

    @property
    def modality(self) -> str:
        """Modality (PS3.3, C.7.3.1.1.1), such as `CT`; empty where the header states none."""
        ...

    @property
    def body_part(self) -> str:
        """BodyPartExamined (PS3.16, annex L); empty where the header states none."""
        ...

    @property
    def value_unit(self) -> ValueUnit:
        """Unit of the voxel values."""
        ...

    def display(self, secret: bytes) -> ScanDisplay:
        """How the scan is shown. `secret`: the key of the patient's pseudonym."""
        ...

    @property
    def has_planes(self) -> bool:
        """Whether `planes` returns them; False for a whole slide."""
        ...

    @property
    def has_position(self) -> bool:
        """Whether all planes have a position in the patient."""
        ...

    def planes(self) -> Planes:
        """The original image planes, in order along their normal."""
        ...

    def on_planes(self, mask: NDArray[Any]) -> NDArray[Any]:
        """A mask on the scan's grid -> (planes, rows, columns)."""
        ...
