"""Writes a report to a file, in the format of its ending."""

import time
from collections.abc import Callable
from pathlib import Path

from imaging.formats import registry
from imaging.formats.atomic import replacing
from imaging.formats.format import Segmentation
from imaging.formats.mask_file import read
from imaging.formats.sniff import open_scan
from imaging.mask_description import MaskDescription
from inference.segmentation_output import SegmentationOutput


def write_report(
    path: Path, outcome: SegmentationOutput, scan: Path, description: Callable[[], MaskDescription]
) -> None:
    """Writes the report in the format of the path's ending; JSON for any other ending.

    `description`: called if the format describes the labels. Raises BadRequest for a DICOM report
    of a scan that is not DICOM.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    target = registry.report_format_of(path.name)
    if target.render is not None:
        with replacing(path) as file:
            file.write(target.render(outcome.report).encode())
        return
    opened = open_scan(scan)
    mask = read(outcome.mask, opened.dimension, path.parent)
    target.write(path, Segmentation(mask, opened, description(), outcome.report, time.time()))
