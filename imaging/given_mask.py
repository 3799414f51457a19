"""A mask that a request gives with its scans: its name, and what it is used for."""

from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeVar, get_args

from imaging.errors import BadRequest

GIVEN_MASK = "mask"
"""Name under which a request supplies a mask to crop to or to start from."""
MaskUse = Literal["crop", "start"]
"""crop: only the bounding box of its labels and a margin are segmented. start: it is the result, to
be corrected; no network runs."""
MASK_USES: tuple[MaskUse, ...] = get_args(MaskUse)
DEFAULT_MARGIN_MM = 10.0
"""With `crop`: what is segmented around the bounding box, on each side."""
MAX_MARGIN_MM = 1000.0

NO_RUN: Mapping[str, Any] = {
    "supplied": True,
    "doubts": [],
    "device": "none",
    "precision": "none",
    "reference": "none",
    "tiling": {"kind": "none", "tiles": 0},
    "box": None,
    "box_found_by": None,
    "earlier_masks": [],
    "seconds": {},
    "parts": [],
}
"""What the report of a mask that no network made states about the run."""

_Scan = TypeVar("_Scan")


def take_given_mask(scans: dict[str, _Scan], channels: Collection[str]) -> _Scan:
    """Takes the given mask out of `scans`, which have a name each.

    Raises BadRequest where there is none, or where a channel of the model has its name.
    """
    if GIVEN_MASK not in scans or GIVEN_MASK in channels:
        raise BadRequest(
            "A mask is to be used, but no mask is given, or the model has a channel of that name.",
            expected=f"`scans` with a label map under `{GIVEN_MASK}`, beside the model's channels.",
            hint="Add the label map to the scans, or omit the option `mask`.",
        )
    return scans.pop(GIVEN_MASK)
