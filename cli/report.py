"""A report as a file: JSON, a table, or a DICOM Structured Report."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from imaging.formats.mask_file import read
from imaging.formats.sniff import open_scan
from imaging.mask_description import MaskDescription
from imaging.measure import table
from inference.segmentation_output import SegmentationOutput


def write_report(
    path: Path, made: SegmentationOutput, scan: Path, description: Callable[[], MaskDescription]
) -> None:
    """Writes it as the path's ending says: .csv, .dcm, and JSON for any other.

    Raises BadRequest for DICOM of a scan that did not come as DICOM.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".dcm":
        from imaging.formats.dicom.objects import write_object  # loads for a second

        opened = open_scan(scan)
        mask = read(made.mask, opened.dimension, path.parent)
        sizes = made.report["measurements"]
        write_object(path, "dicom-sr", mask, opened, description(), sizes, time.time())
    elif path.suffix == ".csv":
        path.write_text(table(made.report["measurements"]))
    else:
        path.write_text(json.dumps(made.report, indent=2) + "\n")
