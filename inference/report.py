"""The report of a segmentation, as plain JSON values."""

from dataclasses import asdict
from typing import Any

from numpy.typing import NDArray

from imaging.given_mask import NO_RUN
from imaging.measure import MOST_OBJECTS, report_rows
from imaging.scan import Scan
from inference.model_result import NONE, ModelRecord, ModelResult
from inference.record_warnings import doubts_of, uncompared_of, warnings_of
from inference.windows.plan import WindowPlan
from models.any_card import AnyCard
from models.combined_card import CombinedCard
from models.doubt import Doubt, DoubtKind

_EMPTY = "The mask is empty: the model predicts no label in this scan."
_DIGITS = 4
"""Of shares: logits of other tiles, runtimes and precisions differ by a little."""


def report(result: ModelResult, scan: Scan) -> dict[str, Any]:
    """Model, device, tiling, times, warnings, doubts and measurements of one mask.

    `doubts`: the warnings that put the mask in doubt, each with its kind. `uncompared`: why nothing
    was found out about how a scan differs from the training scans; then no doubt means nothing.
    `unsure_share` of a label: the share of its voxels that the network is not sure of, see
    `inference.unsure_voxels`, before post-processing; null where that is not known.
    """
    record = result.record
    warnings, doubts = [*warnings_of(record)], [*doubts_of(record)]
    if not result.mask.any():
        text = _EMPTY if record.networks else next(iter(record.notes), _EMPTY)
        doubts.append(Doubt(DoubtKind.EMPTY, text))
        warnings = list(dict.fromkeys([*warnings, text]))
    made = _report(result.mask, scan, record.card, warnings)
    for row in made["measurements"]["labels"]:
        share = record.unsure.get(row["value"])
        row["unsure_share"] = None if share is None else round(share, _DIGITS)
    return made | {
        "supplied": False,
        "doubts": [asdict(doubt) for doubt in doubts],
        "uncompared": list(uncompared_of(record)),
        **_run(record),
        "parts": [_model(part.card) | _run(part) for part in record.parts],
    }


def _run(record: ModelRecord) -> dict[str, Any]:
    """How a model ran, or one of its parts."""
    box, coarse, within = record.box, record.coarse, record.card.within
    earlier = record.network.earlier if record.network else ()
    found_by = None
    if coarse is not None and within is not None:
        found_by = _model(coarse.card) | _run(coarse)
        found_by |= {"labels": list(within.labels), "margin_mm": within.margin_mm}
    return {
        "device": record.device,
        "precision": record.precision,
        "reference": _reference(record),
        "tiling": _tiling(record),
        "box": None if box is None else [list(box.start), list(box.stop)],
        "box_found_by": found_by,
        "earlier_masks": [asdict(mask) for mask in earlier],
        "seconds": {name: round(value, 4) for name, value in record.seconds.items()},
    }


def _reference(record: ModelRecord) -> str:
    """What is known about the model's reference case on this machine."""
    card, network = record.card, record.network
    if isinstance(card, CombinedCard) or card.reference is None:
        return NONE
    if network is None or network.reference is None:
        return "not run"
    return "passed" if network.reference.passed else "failed"


def _tiling(record: ModelRecord) -> dict[str, Any]:
    """How the scan was divided: `kind` is `exact`, `one pass`, `windows`, `parts` or `none`."""
    network, card = record.network, record.card
    if network is None or isinstance(card, CombinedCard):
        return {"kind": "parts" if record.parts else "none", "tiles": record.tiles}
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


def report_of_given(mask: NDArray[Any], scan: Scan, card: AnyCard) -> dict[str, Any]:
    """As `report`, of a mask that was given with its scan; no network ran."""
    warnings = [*scan.warnings, "The mask was given with the scan. No network made it."]
    return _report(mask, scan, card, warnings) | {**NO_RUN, "seconds": {}}


def _report(mask: NDArray[Any], scan: Scan, card: AnyCard, warnings: list[str]) -> dict[str, Any]:
    """What every report states; `warnings` and one about the number of objects are in it."""
    if mask.max(initial=0) > MOST_OBJECTS:
        warnings.append(f"Only the first {MOST_OBJECTS:,} objects are listed individually.")
    return _model(card) | {
        "warnings": warnings,
        "intended_use": card.intended_use,
        "measurements": report_rows(
            mask,
            scan,
            [(label.value, label.name) for label in card.labels],
            numbered=card.instances is not None,
        ),
    }


def _model(card: AnyCard) -> dict[str, Any]:
    spacing = card.network_spacing_mm
    return {
        "model": {"name": card.name, "version": card.version, "sha256": card.checksum},
        "exact": card.exact,
        "network_spacing_mm": list(spacing) if spacing else None,
    }
