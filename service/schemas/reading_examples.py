"""Examples of second readings in the description of the API."""

from typing import Any

_JOB = "5b1d7c3e9a064d2f8b05e6a7f918273c"
_FIRST, _SECOND = "e6a7f918273c4b1d7c3e9a064d2f8b05", "918273c4b1d7c3e9a064d2f8b05e6a7f"
_TIME = "2026-03-02T10:15:30Z"
_OPTIONS: dict[str, Any] = {"readers": 2, "show_names": False, "min_dice": 0.7}
_OVERLAP: dict[str, Any] = {"first": 0, "second": 1, "dice": 0.91, "labels": {"1": 0.91}}
_AGREEMENT: dict[str, Any] = {
    "reviews": [_FIRST, _SECOND],
    "readers": ["Reader 1", "Reader 2"],
    "verdicts": ["accepted", "corrected"],
    "common_reasons": [],
    "overlaps": [_OVERLAP],
    "agree": False,
}
_LOOK = {"reader": "R9", "at": _TIME}
_SHARE = {"value": 0.9, "low": 0.79, "high": 0.96}
_PAIR = {"first": "accepted", "second": "accepted", "jobs": 45}

READING_EXAMPLES: dict[str, dict[str, Any]] = {
    "SecondReadingIn": _OPTIONS,
    "SecondReadingRequest": _OPTIONS | {"reader": "R1"},
    "SecondReadingsIn": _OPTIONS | {"jobs": [_JOB], "reader": "R1", "share": 0.1, "seed": 7},
    "SecondReadingsOut": {"jobs": [_JOB], "selected": 10},
    "BatchReadingIn": _OPTIONS | {"share": 0.1, "seed": 7},
    "ReadingProgressOut": {"state": "open", "given": 1, "readers": 2},
    "OverlapOut": _OVERLAP,
    "AgreementOut": _AGREEMENT,
    "UnblindingOut": _LOOK,
    "SecondReadingOut": {
        "job": _JOB,
        "state": "adjudicate",
        "given": 2,
        "mine": False,
        "may_adjudicate": True,
        "blind": True,
        "requested_by": "R1",
        "requested_at": _TIME,
        "completed_at": None,
        "review": None,
        "agreement": _AGREEMENT,
        "unblindings": [_LOOK],
        **_OPTIONS,
    },
    "EstimateOut": _SHARE,
    "VerdictPairOut": _PAIR,
    "ReaderAgreementOut": {
        "jobs": 50,
        "not_blind": 0,
        "to_adjudicate": 1,
        "adjudicated": 4,
        "agreement": _SHARE,
        "kappa": {"value": 0.62, "low": 0.31, "high": 0.93},
        "verdicts": [_PAIR],
        "compared_masks": 3,
        "mean_dice": 0.89,
        "min_dice": 0.84,
    },
}
