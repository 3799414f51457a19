"""The report of an uploaded mask, which says what its labels are: no model does."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from imaging.given_mask import NO_RUN
from imaging.mask_description import Code, MaskDescription, Segment
from imaging.measure import MOST_OBJECTS, report_rows
from imaging.scan import Scan
from imaging.uploaded_mask import UploadedMask
from jobs.job import UPLOADED_MASK
from models.doubt import Doubt, DoubtKind

_KEY = "uploaded"


def uploaded_mask_report(mask: UploadedMask, scan: Scan, mask_format: str) -> dict[str, Any]:
    """As the report of a job that a worker ran; `uploaded` holds the labels and their origin."""
    labels = [(segment.number, segment.name) for segment in mask.segments]
    return {
        "model": {"name": UPLOADED_MASK, "version": "", "sha256": ""},
        "exact": False,
        "network_spacing_mm": None,
        "warnings": [*scan.warnings, *mask.notes, *_warnings(mask)],
        "intended_use": "",
        "measurements": report_rows(mask.numbers, scan, labels, numbered=mask.instances),
        **NO_RUN,
        "doubts": [] if mask.numbers.any() else [asdict(_EMPTY)],
        _KEY: {
            "format": mask_format,
            "algorithms": list(mask.algorithms),
            "instances": mask.instances,
            "labels": [asdict(segment) for segment in mask.segments],
        },
    }


def description_of(report: Mapping[str, Any]) -> MaskDescription:
    """What the values of an uploaded mask mean, from its report."""
    uploaded = report[_KEY]
    return MaskDescription(
        segments=tuple(map(_segment, uploaded["labels"])),
        algorithm=UPLOADED_MASK,
        version="",
        instances=uploaded["instances"],
        supplied=True,
    )


def _segment(stored: Mapping[str, Any]) -> Segment:
    codes = {
        name: None if stored[name] is None else Code(**stored[name])
        for name in ("category", "type", "modifier")
    }
    return Segment(**{**stored, **codes})


def _warnings(mask: UploadedMask) -> list[str]:
    warnings = [_ORIGIN]
    largest = int(mask.numbers.max(initial=0))
    if largest == 0:
        warnings.append(_EMPTY.text)
    if mask.instances and largest > MOST_OBJECTS:
        warnings.append(f"Only the first {MOST_OBJECTS:,} objects are listed individually.")
    return warnings


_EMPTY = Doubt(DoubtKind.EMPTY, "The mask is empty.")
_ORIGIN = "The mask was uploaded with the scan. No model of this installation made it."
