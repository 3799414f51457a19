"""Scans."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from service.schemas.fields import Identifier, Wire
from service.schemas.problem import Problem


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


class ScanUsesOut(Wire):
    """What is deleted with a scan."""

    jobs: int
    unfinished: int
    """Jobs among them that are queued or running. While there are any, the scan cannot be
    deleted."""
    reviews: int
    """Reviews and corrected masks of these jobs and of the scan."""


class RefusedOut(Wire):
    """A series of an upload that cannot become a scan."""

    name: str
    problem: Problem


class ScansOut(Wire):
    """All scans of an upload, and the series that cannot become a scan."""

    scans: list[ScanOut]
    refused: list[RefusedOut]


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
