"""The files of a segmentation, computed here or downloaded from a server."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class SegmentationOutput:
    """Files in a folder that the caller chose."""

    mask: Path
    mask_format: str
    """nifti, png or ome-tiff."""
    preview: Path
    report: dict[str, Any]
    """See `inference.report`."""
    fallback: str = ""
    """Why the processor was used instead of a GPU, in one sentence, which is one of the report's
    warnings; empty: it was not, or a server computed the mask."""
