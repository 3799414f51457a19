"""Which formats a job's mask and report can be downloaded in."""

from collections.abc import Iterator
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
    reports = [one for one in registry.REPORT_FORMATS if one.scan_format in (None, scan.format)]
    return [
        *(ResultDownload("mask", one) for one in (stored, *others)),
        *(ResultDownload("report", one) for one in reports),
    ]


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
    return registry.convertible(stored, _dimension(scan), scan.format)


def _dimension(scan: StoredScan) -> int:
    """2 for an image, 3 for a volume."""
    return len(scan.shape) - 1
