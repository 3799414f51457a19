"""A stored scan."""

from dataclasses import dataclass

from imaging.scan_display import ScanDisplay


@dataclass(frozen=True, slots=True)
class StoredScan:
    """An uploaded scan of a project. `id` is random; `sha256` names its blob."""

    id: str
    project: str
    sha256: str
    name: str
    """The file name of the upload. It may identify a patient and is never logged."""
    format: str
    shape: tuple[int, ...]
    """(c, i, j, k) or (c, row, column)."""
    dtype: str
    spacing_mm: tuple[float, ...] | None
    affine: tuple[tuple[float, ...], ...]
    bytes: int
    warnings: tuple[str, ...]
    created_at: float
    series: str | None = None
    """SeriesInstanceUID of a DICOM scan."""
    impossible_formats: tuple[str, ...] = ()
    """Names of the result formats for scans of its format that cannot be written for it, such as
    one that needs a position in space; none for a scan of an earlier version."""
    images: str | None = None
    """Checksum of the UIDs of a DICOM scan's images; None also for one of an earlier version."""
    traceparent: str | None = None
    """The W3C trace context in which it was taken in; None: that was not traced."""
    modality: str | None = None
    """DICOM modality, such as CT; None if the file states none, or for a scan of an earlier
    version."""
    display: ScanDisplay | None = None
    """How a DICOM scan is shown; None for other formats, and for a scan of an earlier version."""
