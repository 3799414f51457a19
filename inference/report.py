"""The report of a segmentation, as plain JSON values."""

from dataclasses import asdict
from typing import Any

from numpy.typing import NDArray

from imaging.measure import MOST_OBJECTS, report_rows
from imaging.scan import Scan
from inference.model_result import ModelResult, NetworkRecord
from inference.windows.plan import WindowPlan
from models.card import ModelCard


def report(result: ModelResult, scan: Scan, card: ModelCard) -> dict[str, Any]:
    """Model, device, tiling, times, warnings and measurements of one mask."""
    record = result.record
    network, warnings = record.network, [*record.network.warnings]
    if not card.exact and card.windows is None:
        warnings.append("This network is not exact; it ran in one pass.")
    if network.fallback:
        warnings.append(network.fallback)
    if network.shrunk_to is not None:
        warnings.append("Memory was short for the planned tiles; smaller tiles were used.")
    if not result.mask.any():
        warnings.append("The mask is empty: the model predicts no label in this scan.")
    return _report(result.mask, scan, card, warnings) | {
        "supplied": False,
        "device": record.device,
        "precision": record.precision,
        "tiling": _tiling(network, card),
        "box": None if record.box is None else [list(record.box.start), list(record.box.stop)],
        "earlier_masks": [asdict(mask) for mask in network.earlier],
        "seconds": {name: round(value, 4) for name, value in record.seconds.items()},
    }


def _tiling(network: NetworkRecord, card: ModelCard) -> dict[str, Any]:
    """How the scan was divided: `kind` is `exact`, `one pass` or `windows`."""
    plan = network.plan
    if isinstance(plan, WindowPlan):
        if card.windows is None:
            raise ValueError("Windows were run that the card does not state.")
        stated = card.windows.model_dump(mode="json", exclude={"pad_mode", "pad_value"})
        return {"kind": "windows", "tiles": len(plan)} | stated
    write = next((tile.write.shape for tile in plan), ())
    return {
        "kind": "exact" if card.exact else "one pass",
        "tiles": len(plan),
        "levels": 1 + network.depth,
        "read": list(plan.read_shape),
        "write": list(write),
        "halo": list(card.halo),
        "align": list(card.align),
    }


def report_of_given(mask: NDArray[Any], scan: Scan, card: ModelCard) -> dict[str, Any]:
    """As `report`, of a mask that was given with its scan; no network ran."""
    warnings = [*scan.warnings, "The mask was given with the scan. No network made it."]
    return _report(mask, scan, card, warnings) | {
        "supplied": True,
        "device": "none",
        "precision": "none",
        "tiling": {"kind": "none", "tiles": 0},
        "box": None,
        "earlier_masks": [],
        "seconds": {},
    }


def _report(mask: NDArray[Any], scan: Scan, card: ModelCard, warnings: list[str]) -> dict[str, Any]:
    """What every report states; `warnings` and one about the number of objects are in it."""
    if mask.max(initial=0) > MOST_OBJECTS:
        warnings.append(f"Only the first {MOST_OBJECTS:,} objects are listed individually.")
    spacing = card.network_spacing_mm
    return {
        "model": {"name": card.name, "version": card.version, "sha256": card.checksum},
        "exact": card.exact,
        "network_spacing_mm": list(spacing) if spacing else None,
        "warnings": warnings,
        "intended_use": card.intended_use,
        "measurements": report_rows(
            mask,
            scan,
            [(label.value, label.name) for label in card.labels],
            numbered=card.instances is not None,
        ),
    }
