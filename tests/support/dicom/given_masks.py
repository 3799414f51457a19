"""Series with a Segmentation of them, which need no worker to be reviewed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from imaging.formats.dicom.objects import write_object
from imaging.mask_description import Code, MaskDescription, Segment
from tests.support.dicom.files import write
from tests.support.dicom.scans import taken

TISSUE = Code("85756007", "SCT", "Tissue")
SEGMENTS = (
    Segment(1, "Tumour", "#c81e5a", TISSUE, Code("108369006", "SCT", "Neoplasm")),
    Segment(2, "Vessel", "#2060f0", TISSUE, Code("59820001", "SCT", "Blood vessel")),
)


def write_with_seg(
    images: list[Dataset], folder: Path, mask: NDArray[np.uint8] | None = None
) -> list[Path]:
    """The files of a series, and last that of a SEG; by default with one voxel of a label."""
    scan = taken(folder / "opened", *images)
    if mask is None:
        mask = np.zeros(scan.grid, np.uint8)
        mask.flat[0] = 1
    seg = folder / "mask.dcm"
    write_object(seg, "dicom-seg", mask, scan, MaskDescription(SEGMENTS, "m", "1"), None, 1.0)
    return [*write(images, folder / "series"), seg]
