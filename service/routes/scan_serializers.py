"""Scans and uploaded masks as JSON of /v1."""

from dataclasses import asdict
from typing import Any

from imaging.formats.incoming import RefusedScan
from imaging.scan_display import ScanDisplay
from jobs.stored_scan import StoredScan
from service.http import errors
from service.routes.times import time_of
from service.schemas import RefusedOut, ScanOut, UploadedMaskOut, WindowOut
from service.use_cases.scan_intake import TakenMask


def scan_out(scan: StoredScan) -> ScanOut:
    """A stored scan."""
    return ScanOut(
        id=scan.id,
        name=scan.name,
        format=scan.format,
        dimension=3 if len(scan.shape) == 4 else 2,
        shape=scan.shape,
        dtype=scan.dtype,
        spacing_mm=scan.spacing_mm,
        affine=scan.affine,
        bytes=scan.bytes,
        sha256=scan.sha256,
        warnings=scan.warnings,
        created_at=time_of(scan.created_at),
        series=scan.series,
        modality=scan.modality,
        **_display_out(scan),
    )


def _display_out(scan: StoredScan) -> dict[str, Any]:
    """How the scan is shown, as members of `ScanOut`."""
    display = scan.display or ScanDisplay()
    windows = [WindowOut(**asdict(window)) for window in display.windows]
    return {
        "window": windows[0] if windows else None,
        "windows": windows,
        "inverted": display.inverted,
        "value_unit": display.value_unit,
        "subject": display.subject or None,
        "series_number": display.series_number,
        "study_date": display.study_date,
        "study": display.study or None,
        "frame_of_reference": display.frame_of_reference or None,
    }


def refused_out(refused: RefusedScan) -> RefusedOut:
    """A series of an upload that cannot become a scan."""
    return RefusedOut(name=refused.name, problem=errors.problem_of(refused.error))


def uploaded_mask_out(taken: TakenMask) -> UploadedMaskOut:
    """What became of a DICOM Segmentation of an upload."""
    mask, error = taken.mask, taken.error
    return UploadedMaskOut(
        labels=[] if mask is None else list(mask.labels),
        job=None if mask is None else mask.job.id,
        scan=None if mask is None else mask.job.grid_scan,
        problem=None if error is None else errors.problem_of(error),
    )
