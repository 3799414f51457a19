"""Which formats a job's mask and report can be downloaded in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from imaging.errors import BadRequest
from imaging.formats import registry
from imaging.formats.format import MaskFormat, ResultFormat
from jobs.job import Job
from jobs.stored_scan import StoredScan


@dataclass(frozen=True, slots=True)
class ResultDownload:
    """A file of a finished job."""

    kind: Literal["mask", "report"]
    format: ResultFormat


def downloads(job: Job, scan: StoredScan) -> list[ResultDownload]:
    """The downloads of a job that has a mask; `scan` is the one on whose grid the mask lies."""
    stored = registry.mask_format(str(job.mask_format))
    others = [one for one in _convertible(stored.name, scan) if one.name != stored.name]
    reports = [one for one in registry.REPORT_FORMATS if _possible(one, scan)]
    return [
        *(ResultDownload("mask", one) for one in (stored, *others)),
        *(ResultDownload("report", one) for one in reports),
    ]


def check_deliverable(scan: StoredScan, formats: Sequence[str]) -> None:
    """Raises BadRequest unless results of the scan can be sent to a peer in these formats."""
    possible = registry.names(one for one in registry.deliverable() if _possible(one, scan))
    refused = [name for name in formats if name not in possible]
    if refused:
        raise BadRequest(
            f"Results of this scan cannot be written as {', '.join(refused)}.",
            expected=f"One of: {', '.join(possible)}." if possible else "Another scan.",
            hint="A whole slide has no DICOM results, and an RT Structure Set needs a position in "
            "the patient. Choose another format, or download the mask.",
        )


def check_convertible(stored: str, scan: StoredScan, target: MaskFormat) -> None:
    """Raises BadRequest unless a mask that is stored as `stored` can be converted to `target`."""
    possible = registry.names(_convertible(stored, scan))
    if target.name in possible:
        return
    dimension = _dimension(scan)
    if dimension not in target.dimensions:
        detail = f"A mask of a {dimension}D scan cannot be converted to {target.title}."
    elif target.scan_format not in (None, scan.format):
        detail = f"{target.title} needs a scan of the format {target.scan_format}."
    else:
        most = f"{target.max_voxels or 0:,} pixels and {target.max_label or 0:,} objects"
        detail = f"The mask is too large for {target.title}, which holds at most {most}."
    raise BadRequest(
        detail,
        expected=f"One of the formats {', '.join(possible)}.",
        hint="Choose one of these, or omit `format`; preview.png shows the mask over the scan.",
    )


def _convertible(stored: str, scan: StoredScan) -> Iterator[MaskFormat]:
    formats = registry.convertible(stored, _dimension(scan), scan.format)
    return (one for one in formats if _possible(one, scan))


def _possible(target: ResultFormat, scan: StoredScan) -> bool:
    return target.scan_format in (None, scan.format) and target.name not in scan.impossible_formats


def _dimension(scan: StoredScan) -> int:
    """2 for an image, 3 for a volume."""
    return len(scan.shape) - 1
