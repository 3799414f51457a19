"""The report of a segmentation, as plain JSON values."""

from typing import Any

from numpy.typing import NDArray

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
    if result.fallback:
        warnings.append(result.fallback)
    if result.shrunk_to is not None:
        warnings.append("Memory was short for the planned tiles; smaller tiles were used.")
    if not result.mask.any():
        warnings.append("The mask is empty: the model predicts no label in this scan.")
    tiles = {
        "tiles": len(result.plan),
        "levels": 1 + result.depth,
        "read": list(result.plan.read_shape),
        "write": list(first.write.shape) if first else [],
    }
    return _report(result.mask, scan, card, warnings) | {
        "supplied": False,
        "device": device.name,
        "precision": device.precision,
        "tiling": tiles | {"halo": list(card.halo), "align": list(card.align)},
        "box": None if result.box is None else [list(result.box.start), list(result.box.stop)],
        "seconds": {name: round(value, 4) for name, value in result.seconds.items()},
    }


def report_of_given(mask: NDArray[Any], scan: Scan, card: ModelCard) -> dict[str, Any]:
    """As `report`, of a mask that was given with its scan; no network ran."""
    warnings = [*scan.warnings, "The mask was given with the scan. No network made it."]
    return _report(mask, scan, card, warnings) | {
        "supplied": True,
        "device": "none",
        "precision": "none",
        "tiling": {"tiles": 0, "levels": 0, "read": [], "write": [], "halo": [], "align": []},
        "box": None,
        "seconds": {},
    }


def _report(mask: NDArray[Any], scan: Scan, card: ModelCard, warnings: list[str]) -> dict[str, Any]:
    """What every report states; `warnings` and one about the number of objects are in it."""
    if mask.max(initial=0) > MOST_OBJECTS:
        warnings.append(f"Only the first {MOST_OBJECTS:,} objects are listed individually.")
    return {
        "model": {"name": card.name, "version": card.version, "sha256": card.sha256},
        "exact": card.exact,
        "network_spacing_mm": list(card.spacing_mm) if card.spacing_mm else None,
        "warnings": warnings,
        "intended_use": card.intended_use,
        "measurements": report_rows(
            mask,
            scan,
            [(label.value, label.name) for label in card.labels],
            numbered=card.instances is not None,
        ),
    }
