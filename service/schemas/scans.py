"""Scans."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from imaging.scan_display import SlicesOfWindow, ValueUnit, WindowFunction
from jobs.repository.related_scans import Relation
from service.schemas.fields import Identifier, Wire
from service.schemas.problem import Problem
from service.schemas.retention import HoldOut


class WindowOut(Wire):
    """A window of grey values, in the units of GET /v1/scans/{id}/volume (PS3.3 C.11.2.1.2)."""

    centre: float
    width: float
    function: WindowFunction
    """VOI LUT Function."""
    explanation: str
    """What the file calls it, such as `BRAIN`; may be empty."""
    slices: SlicesOfWindow
    """`all`: every slice states it. `most`: the slices differ, and it is the most common one.
    `middle`: none is more common than another, and it is that of the slice in the middle."""


class UploadedMaskOut(Wire):
    """A DICOM Segmentation of an upload: a mask that is stored as a finished job, or a problem."""

    labels: list[str]
    """Names of its labels; none for one that is refused."""
    job: str | None
    """Id of the job that holds it; it is reviewed as any other mask."""
    scan: str | None
    """Id of its scan."""
    problem: Problem | None
    """Why it is refused."""


class ScanOut(Wire):
    """A stored scan. `shape` is (c, i, j, k) or (c, row, column)."""

    id: str
    name: str
    format: str
    dimension: Literal[2, 3]
    shape: tuple[int, ...]
    dtype: str
    spacing_mm: tuple[float, ...] | None
    affine: tuple[tuple[float, ...], ...]
    bytes: int
    sha256: str
    warnings: tuple[str, ...]
    created_at: datetime
    series: str | None = None
    """SeriesInstanceUID of a DICOM scan."""
    modality: str | None = None
    """DICOM modality, such as CT; null if the file states none."""
    window: WindowOut | None = None
    """The window that a viewer starts with: the first one of a DICOM file. Null if the file states
    none, and for a scan that an earlier version stored."""
    windows: list[WindowOut] = []  # noqa: RUF012 - pydantic copies it
    """All windows that a DICOM file states, `window` first."""
    inverted: bool = False
    """Whether a viewer draws the smallest value white: a volume that is stored as MONOCHROME1. The
    values of a 2D image are inverted already."""
    value_unit: ValueUnit = ""
    """Unit of the values: HU for CT, unless the file states another one. Empty if it is not known,
    and for a scan that an earlier version stored."""
    subject: str | None = None
    """Pseudonym of the patient of a DICOM scan, the same for all scans of a patient in the project;
    null if the file states no patient. It is the PatientID of a file that was de-identified
    before."""
    series_number: int | None = None
    """SeriesNumber of a DICOM scan."""
    study_date: date | None = None
    """Date of a DICOM study; null if de-identification removed or shifted it."""
    study: str | None = None
    """StudyInstanceUID of a DICOM scan; null for a scan that an earlier version stored."""
    frame_of_reference: str | None = None
    """FrameOfReferenceUID of a DICOM scan: positions in mm of scans that share it mean the same
    place. Null if the file states none, and for a scan that an earlier version stored."""
    masks: list[UploadedMaskOut] = []  # noqa: RUF012 - pydantic copies it
    """DICOM Segmentations that came with the scan, in the response to an upload of one scan; empty
    in other responses. If the upload has nothing else, the scan is that of the first one, which
    was stored before."""


class ScanUsesOut(Wire):
    """What is deleted with a scan."""

    jobs: int
    unfinished: int
    """Jobs among them that are queued or running. While there are any, the scan cannot be
    deleted."""
    reviews: int
    """Reviews and corrected masks of these jobs and of the scan."""
    holds: list[HoldOut]
    """Legal holds that cover the scan. While there are any, it cannot be deleted."""


class LabelMapIn(Wire):
    """A label map that is a mask of a scan."""

    mask: Identifier
    """Id of the scan that the label map was uploaded as."""


class RefusedOut(Wire):
    """A series of an upload that cannot become a scan."""

    name: str
    problem: Problem


class ScansOut(Wire):
    """All scans of an upload, and the series that cannot become a scan."""

    scans: list[ScanOut]
    refused: list[RefusedOut]
    masks: list[UploadedMaskOut] = []  # noqa: RUF012 - pydantic copies it
    """DICOM Segmentations of the upload."""


class RelatedScanOut(Wire):
    """A scan, and what it has in common with another one."""

    scan: ScanOut
    relation: Relation
    """`frame`: the same frame of reference. `study`: the same DICOM study. `subject`: the same
    pseudonym of the patient. `job`: both are inputs of one job. `none`: nothing is known."""


class RelatedScansOut(Wire):
    """Scans that may show the same subject, the closest relation first, then the newest."""

    scans: list[RelatedScanOut]
    more: bool
    """Whether there are more scans: ask with a part of the name."""


class ScanPage(Wire):
    """One page of scans."""

    scans: list[ScanOut]
    next_cursor: str | None = None


class UploadIn(Wire):
    """A complete upload."""

    id: Identifier
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$")] = None
    """SHA-256 of the sender's file, in hexadecimal; null: not compared."""


class UploadedIn(Wire):
    """The uploads to make a scan of: one file, or all files of a DICOM series."""

    uploads: Annotated[list[UploadIn], Field(min_length=1, max_length=10_000)]
