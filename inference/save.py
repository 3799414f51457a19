"""Writes the files of a segmentation: the mask and its preview image."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imaging.formats import registry
from imaging.formats.mask_file import write
from imaging.overlay import preview
from imaging.scan import Scan
from inference.model_result import ModelResult
from inference.report import report
from inference.segmentation_output import SegmentationOutput
from models.any_card import AnyCard


def save(result: ModelResult, scan: Scan, out: Path) -> SegmentationOutput:
    """Writes mask and preview image into the folder `out`.

    The mask is written in the first format that it fits (`imaging.formats.registry.stored_for`).
    """
    return save_mask(result.mask, scan, result.record.card, report(result, scan), out)


def save_mask(
    mask: NDArray[Any], scan: Scan, card: AnyCard, facts: dict[str, Any], out: Path
) -> SegmentationOutput:
    """As `save`, for a mask whose report, `facts`, has been made."""
    out.mkdir(parents=True, exist_ok=True)
    stored = registry.stored_for(mask)
    path = out / f"mask{stored.file_ending}"
    write(path, mask, scan)
    image = out / "preview.png"
    preview(scan, mask, {label.value: label.color for label in card.labels}, image)
    return SegmentationOutput(path, stored.name, image, facts)
