"""The report of a segmentation, as plain JSON values."""

from typing import Any

from imaging.measure import MOST_OBJECTS, report_rows
from imaging.scan import Scan
from inference.device import Device
from inference.pipeline import Result
from models.card import ModelCard


def report(result: Result, scan: Scan, card: ModelCard, device: Device) -> dict[str, Any]:
    """Model, device, tiling, times, warnings and measurements of one mask."""
    first = next(iter(result.plan), None)
    warnings = [*result.subject.warnings]
    if not card.exact:
        warnings.append("This network is not exact; it ran in one pass.")
    if result.shrunk_to is not None:
        warnings.append("Memory was short for the planned tiles; smaller tiles were used.")
    if result.mask.max(initial=0) > MOST_OBJECTS:
        warnings.append(f"Only the first {MOST_OBJECTS:,} objects are listed individually.")
    if not result.mask.any():
        warnings.append("The mask is empty: the model predicts no label in this scan.")
    return {
        "model": {"name": card.name, "version": card.version, "sha256": card.sha256},
        "device": device.name,
        "precision": device.precision,
        "exact": card.exact,
        "tiling": {
            "tiles": len(result.plan),
            "levels": 1 + result.depth,
            "read": list(result.plan.read_shape),
            "write": list(first.write.shape) if first else [],
            "halo": list(card.halo),
            "align": list(card.align),
        },
        "network_spacing_mm": list(card.spacing_mm) if card.spacing_mm else None,
        "seconds": {name: round(value, 4) for name, value in result.seconds.items()},
        "warnings": warnings,
        "intended_use": card.intended_use,
        "measurements": report_rows(
            result.mask,
            scan,
            [(label.value, label.name) for label in card.labels],
            numbered=card.instances is not None,
        ),
    }
