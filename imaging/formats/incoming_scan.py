"""What is asked of an upload, and what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import BadInput
from imaging.scan import Scan


@dataclass(frozen=True, slots=True)
class ScanSelection:
    """Which scans of an upload are meant, and how DICOM is converted."""

    series: str | None = None
    """SeriesInstanceUID; None: any series."""
    stack: int | None = None
    """Volume of the series, from 1; None: any volume."""
    volume: int | None = None
    """Part of a file that holds several scans (time point, frame, component, page), from 1."""
    each: bool = False
    """Whether every scan is meant, without localizers and smaller copies of slides."""
    frames: bool = True
    """Whether `each` means every frame of a DICOM cine, too; a cine is refused otherwise."""
    max_volumes: int | None = None
    """Largest number of volumes of one DICOM series, with `each`; None: any number."""
    resample: bool = False
    """Whether tilted or unevenly spaced slices are resampled."""
    deidentify: bool = False
    """Whether the DICOM files are de-identified."""


@dataclass(frozen=True, slots=True)
class IncomingScan:
    """The file of one scan, and what is known of it already."""

    path: Path
    name: str = ""
    """A name without patient data; "" where the file's own name is the scan's."""
    scan: Scan | None = None
    """The scan, where its headers have been parsed (DICOM). Its voxels can be read only while the
    uploaded files exist. None: the file has not been opened."""
    sha256: str | None = None
    """Checksum of the file, where it has been computed."""
    named_after: Path | None = None
    """The uploaded file whose name the scan has; None: `path`, if that is an uploaded file."""


@dataclass(frozen=True, slots=True)
class RefusedScan:
    """One of several scans that cannot be used."""

    name: str
    error: BadInput


@dataclass(frozen=True, slots=True)
class IncomingFiles:
    """What files that were sent together hold."""

    scans: Sequence[IncomingScan]
    refused: Sequence[RefusedScan] = ()
    """Scans that cannot be used, where others can."""
    masks: Sequence[Path] = ()
    """DICOM Segmentations. Without any scan, they may be of scans that were sent before."""
