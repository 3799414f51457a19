"""Examples of comparisons in the description of the API."""

from typing import Any

_JOB = "5b1d7c3e9a064d2f8b0c4e6a7f918273"
_REVIEW = "e6a7f918273c4b1d7c3e9a064d2f8b05"
_COMPARED = {"job": _JOB, "review": None}
_LABEL = {
    "value": 1,
    "name": "liver",
    "dice": 0.9,
    "first": 1000,
    "second": 1000,
    "common": 900,
}

COMPARISON_EXAMPLES: dict[str, dict[str, Any]] = {
    "ComparedMaskOut": _COMPARED,
    "LabelComparisonOut": _LABEL,
    "ComparisonOut": {
        "first": _COMPARED,
        "second": _COMPARED | {"review": _REVIEW},
        "matched_by": "number",
        "renumbered": {},
        "objects": False,
        "voxel_ml": 0.001,
        "voxel_mm2": None,
        "dice": 0.9,
        "agreement": 900,
        "only_first": 100,
        "only_second": 100,
        "other_label": 0,
        "labels": [_LABEL],
        "slices": [[0, 200], [100, 100], [200, 0]],
    },
}
