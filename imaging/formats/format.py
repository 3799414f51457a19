"""What a file format is: its names, and how it is recognised, opened, verified and written.

Each format is one frozen object in its own file or folder; `imaging/formats/registry.py` lists
them, and everything else (the command, the API, the page, the docs) asks the registry.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from imaging.formats.atomic import replacing
from imaging.formats.file_pair import FilePair
from imaging.formats.file_start import FileStart
from imaging.formats.limits import Limits
from imaging.formats.scan_part import ScanPart
from imaging.mask_description import MaskDescription
from imaging.reader_measurements.review_measurements import ReviewMeasurements
from imaging.scan import Scan


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """A finished mask with everything that a format may write about it."""

    mask: NDArray[Any]
    """Label numbers, of shape `scan.grid`."""
    scan: Scan
    """The scan that the mask belongs to."""
    description: MaskDescription | None = None
    """What the label numbers mean; present where the format has `needs_description`."""
    report: Mapping[str, Any] | None = None
    """The report of the job; without it, a format that needs measurements measures the mask."""
    made_at: float = field(default_factory=time.time)
    """When the mask was made, in seconds since the epoch; by default, now."""
    of_reader: ReviewMeasurements | None = None
    """What a reader measured in the scan, for formats that store it."""

    @property
    def measurements(self) -> Mapping[str, Any] | None:
        """The measurements in the report; None without a report."""
        return None if self.report is None else self.report.get("measurements") or {}


Extract = Callable[[Path, Mapping[int, Path]], None]
"""Writes scans of a file as files of their own: number of the part, from 1 -> where it is written.

Raises UnreadableScan where the file is damaged or cut off in any part; some parts may be written
before that is found. The file is read once, however many parts are meant."""
Write = Callable[[Path, Segmentation], None]
"""Writes a segmentation to a path; the file appears complete or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """What every format has."""

    name: str
    """The name in `--format` and on the wire: lower case letters, digits and hyphens."""
    title: str
    """The name that people read, for example `NIfTI`."""
    endings: tuple[str, ...]
    """Endings of file names, each with its dot; the first is the one that is written."""
    media_type: str
    """The Content-Type of a download, such as `image/png`. Formats may share one; a registered type
    is preferred, then `application/x-NAME`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFormat(FileFormat):
    """A format that scans are read from."""

    dimensions: tuple[int, ...]
    """2 for images, 3 for volumes."""
    recognises: Callable[[FileStart], bool]
    """Whether a file is of this format. Only the last format in the registry may raise, for a file
    that is of no format."""
    open: Callable[[Path, Limits, Path | None], Scan]
    """Opens a file, given the limits and a scratch folder; reads headers, no voxels."""
    verify: Callable[[Path, Limits], Scan]
    """As `open`, and raises UnreadableScan unless the file holds everything that its header
    promises."""
    parts: Callable[[Path, Limits], Sequence[ScanPart]] | None = None
    """Lists the scans of a file that may hold several; reads headers. None: a file is one scan.
    `open` refuses a file with more than one part."""
    extract: Extract | None = None
    """Writes parts as files of the same format that `open` reads. Present where `parts` is."""
    pair: FilePair | None = None
    """How a header and its voxels in another file become one file; None: not in this format."""
    deidentify: Extract | None = None
    """As `extract`, for a file of one or more parts, and writes nothing but pixels and their size,
    in this format or another. None: files of this format are not de-identified. DICOM has rules of
    its own instead."""


def only_part(write: Callable[[Path, Path], None]) -> Extract:
    """For a format whose files are one scan; `write` writes the first file's scan to the second."""

    def extract(path: Path, targets: Mapping[int, Path]) -> None:
        (target,) = targets.values()
        write(path, target)

    return extract


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFormat(FileFormat):
    """A format that results are written in: a mask, or a report."""

    scan_format: str | None = None
    """The format that the scan must have; None: any."""
    possible: Callable[[Scan], bool] = lambda _: True
    """Whether a result of this scan, which has the format `scan_format`, can be written in it."""
    delivery: Literal["default", "on request"] | None = None
    """Whether it can be sent to a PACS, and whether the page sends it without being asked."""

    fallback: str | None = None
    """The format that is sent to a PACS which does not store this one; None: no other."""

    @property
    def file_ending(self) -> str:
        """Ending of a result that is one file."""
        return self.endings[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskFormat(ResultFormat):
    """A format that masks are written in."""

    write: Write
    dimensions: tuple[int, ...] = (2, 3)
    """2: masks of images, 3: masks of volumes."""
    stored_for: tuple[int, ...] = ()
    """Dimensions whose masks are stored in this format by themselves, if they fit (see `fits`)."""
    max_voxels: int | None = None
    """Largest number of voxels of a mask in a file; None: no limit."""
    max_label: int | None = None
    """Largest label number that a file can store; None: no limit."""
    needs_description: bool = False
    """Whether the format stores what the label numbers mean (names, colours, codes)."""
    download_ending: str = ""
    """Ending of a download's name, where the format is a folder and a download is an archive of it;
    empty: the download is the file itself, and has the first of `endings`."""

    def fits(self, voxels: int, largest: int) -> bool:
        """Whether a mask of this many voxels and this largest label number can be written."""
        return (self.max_voxels is None or voxels <= self.max_voxels) and (
            self.max_label is None or largest <= self.max_label
        )

    @property
    def file_ending(self) -> str:
        """Ending of a mask that is one file."""
        return self.download_ending or self.endings[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFormat(ResultFormat):
    """A format that reports are written in: either as text, or as an object about the mask."""

    render: Callable[[Mapping[str, Any]], str] | None = None
    """The report as text; the only input is the report."""
    write_object: Write | None = None
    """Writes an object that refers to the mask and its scan; needs the label descriptions."""

    def write(self, path: Path, segmentation: Segmentation) -> None:
        """Writes the report of a segmentation."""
        if self.write_object is not None:
            self.write_object(path, segmentation)
        elif self.render is not None:
            with replacing(path) as file:
                file.write(self.render(segmentation.report or {}).encode())
